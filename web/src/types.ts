// What the server says.

export type Queue = "audit" | "doubtful" | "agreement";
export type Verdict = "label" | "none" | "unsure";

export interface Label {
  name: string;
  description: string;
}

export interface Candidate {
  label: string;
  probability: number | null;
}

/** A row, however many labels it may have. */
export interface AnyItem {
  row: number;
  id: string;
  queue: Queue;
  text: string;
  copies: number;
  hidden: boolean;
  decision: string | null;
  reason: string | null;
  candidates: Candidate[];
  undone: string[];
}

export interface Item extends AnyItem {
  given: string | null;
  proposed: string | null;
}

/** A row that may have several labels. */
export interface SetItem extends AnyItem {
  given: string[] | null;
  mended: string[] | null;
  near: { text: string; labels: string[] }[];
}

export interface Start {
  strings: Record<string, string>;
  task: "single" | "several";
  table: string;
  rows: number;
  who: string;
  labels: Label[];
  /** How many edits of labels there are; none where a row may have several. */
  labels_version?: number;
  queues: Queue[];
  queue: Queue;
}

export interface Why {
  reason: string;
  reference: string;
  reference_given: boolean;
  labels: string[];
  sources: { source: string; nats: (number | null)[] }[];
  totals: number[];
  held: boolean;
  votes: { voter: string; label: string }[];
  neighbours: { text: string; labels: string[]; similarity: number }[];
}

/** An area of the map, a row with what is near to it there, or a cell of the matrix. */
export type Choice = { area: [number, number][] } | { near: number } | { given: string; proposed: string };

export interface Matrix {
  labels: string[];
  counts: number[][];
  others: number;
  pairs: { given: string; proposed: string; texts: number }[];
  more: number;
  hidden: number;
}

export interface Job {
  phase: "idle" | "running" | "done" | "failed";
  said: string;
}

/** How far everything is; what proves and edits labels is there where a row has one label. */
export interface Progress {
  audit: { done: number; total: number };
  doubtful: { done: number; total: number; rows: number; wrong: number };
  agreement: { done: number; total: number; agree: number };
  pace: { answers: number; per_minute: number | null };
  certificate: {
    answered: number;
    drawn: number;
    open: number;
    anytime: boolean;
    figures: { name: string; estimate: number; low: number; high: number }[];
    /** Width that is aimed at, and answers that bring it; none where a row may have several labels. */
    goal?: number;
    more?: number | null;
  } | null;
  goal?: number;
  jobs: { certificate: Job; refit: Job; apply: Job };
  labels?: { version: number; pending: boolean };
  refits: number;
  until_refit: number;
}
