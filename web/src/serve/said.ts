// What a model says of a message, by its task: one label, several, or values of targets.

import { el, theirs } from "../dom";
import { number, percent, say } from "../strings";

export interface Share {
  label: string;
  probability: number;
}
interface Near {
  text: string;
  label: string;
  similarity: number;
}
export interface OneLabel extends Share {
  is_oos: boolean;
  top: Share[];
  near: Near[];
}
export interface SeveralLabels {
  labels: Share[];
  top: Share[];
  all_right: number;
}
interface Values {
  values: Record<string, number>;
}
export type Prediction = OneLabel | SeveralLabels | Values;
export interface Model {
  role: "main" | "against";
  task: "single" | "several" | "soft";
  name: string;
  version: string;
  labels: string[];
  keeps_texts: boolean;
}

export function hasLabel(said: Prediction): said is OneLabel {
  return "label" in said;
}

export function hasLabels(said: Prediction): said is SeveralLabels {
  return "labels" in said;
}

/** The labels that are called and the likeliest ones, the most probable first. */
export function likely(said: SeveralLabels): Share[] {
  const called = new Set(said.labels.map((one) => one.label));
  const rest = said.top.filter((one) => !called.has(one.label));
  return [...said.labels, ...rest].sort((a, b) => b.probability - a.probability);
}

function shown(share: number): string {
  return percent(share, 1);
}

function bars(shares: Share[], called?: Set<string>, inDigits = shown): HTMLElement {
  const rows = shares.map(({ label, probability }) => {
    const bar = el("span", { class: "bar", "aria-hidden": true }, el("span"));
    (bar.firstElementChild as HTMLElement).style.inlineSize = `${probability * 100}%`;
    const share = el("span", { class: "share" }, inDigits(probability));
    return el("li", { class: called?.has(label) && "called" }, theirs(label), bar, share);
  });
  return el("ol", { class: "top" }, ...rows);
}

function evidence(model: Model, prediction: OneLabel): HTMLElement {
  if (!model.keeps_texts) return el("p", { class: "quiet" }, say("keeps-none"), " ", el("code", {}, "--keep-texts"));
  const labels = [...new Set(prediction.near.map((one) => one.label))];
  const lists = labels.map((label) => {
    const texts = prediction.near.filter((one) => one.label === label);
    const items = texts.map((one) =>
      el("li", {}, theirs(one.text), " ", el("span", { class: "quiet" }, number(one.similarity, 2, 2))),
    );
    return el("div", {}, el("h4", {}, theirs(label)), el("ul", {}, ...items));
  });
  return el("div", { class: "near" }, el("h3", {}, say("near")), ...lists);
}

function ofOne(model: Model, said: OneLabel): HTMLElement[] {
  const verdict = el("p", { class: "verdict" }, theirs(said.label, { class: "label" }), " ");
  verdict.append(el("span", { class: "share" }, percent(said.probability, 1)));
  const flag = said.is_oos ? [el("p", { class: "flag" }, say("oos"))] : [];
  return [verdict, ...flag, bars(said.top), evidence(model, said)];
}

/** Labels as chips, or that there are none. */
export function chips(labels: string[]): HTMLElement {
  if (!labels.length) return el("span", {}, say("no-label"));
  const made = labels.flatMap((label) => [theirs(label, { class: "label" }), " "]);
  return el("span", { class: "chips" }, ...made);
}

function ofSeveral(said: SeveralLabels): HTMLElement[] {
  const labels = said.labels.map((one) => one.label);
  const verdict = el("p", { class: "verdict" }, chips(labels));
  const whole = el("p", { class: "quiet" }, say("all-right", { share: percent(said.all_right, 1) }));
  return [verdict, bars(likely(said), new Set(labels)), whole];
}

/** The parts of a model's card below its title. */
export function inParts(model: Model, said: Prediction): HTMLElement[] {
  if (hasLabel(said)) return ofOne(model, said);
  if (hasLabels(said)) return ofSeveral(said);
  // A value is no probability: it is what the table's were.
  const values = Object.entries(said.values).map(([label, probability]) => ({ label, probability }));
  return [bars(values, undefined, (value) => number(value, 3, 3))];
}
