// What the server says of the label set, and how it is asked.

import { ask, post, type Api } from "./api";

export type What = "rename" | "merge" | "split" | "describe";

/** Two labels; the pairs of numbers are rows given the first one, and rows given the other one. */
export interface ConfusedLabels {
  one: string;
  other: string;
  changed: [number, number];
  review: [number, number];
  answered: [number, number];
}

export interface LabelFacts {
  name: string;
  description: string;
  rows: number;
}

export interface LabelEdit {
  edit: string;
  what: What;
  label: string;
  to: string | null;
  texts: number;
  who: string;
}

export interface LabelSet {
  version: number;
  cards: string | null;
  edits_file: string;
  pending: boolean;
  blind: boolean;
  labels: LabelFacts[];
  pairs: ConfusedLabels[];
  edits: LabelEdit[];
}

export interface Example {
  row: number;
  text: string;
  proposed: string | null;
  decision: string;
  answer: string | null;
  speaks: boolean;
}

export interface NewEdit {
  what: What;
  label: string;
  to?: string;
  description?: string;
  rows?: number[];
}

export const labelSet = {
  all: (api: Api) => ask<LabelSet>(`/api/labels?${new URLSearchParams({ who: api.who })}`),
  pair: (api: Api, one: string, other: string) =>
    ask<{ one: Example[]; other: Example[] }>(`/api/labels/pair?${new URLSearchParams({ who: api.who, one, other })}`),
  texts: (api: Api, label: string) =>
    ask<{ texts: Example[] }>(`/api/labels/texts?${new URLSearchParams({ who: api.who, label })}`),
  edit: (api: Api, edit: NewEdit, seen: number) => post<LabelSet>("/api/labels/edit", { ...api.me, ...edit, seen }),
  undo: (api: Api, edit: string) => post<LabelSet>("/api/labels/undo", { ...api.me, edit }),
};
