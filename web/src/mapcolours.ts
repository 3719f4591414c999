// What the colours of the map mean. Each has a shape of its own as well; what has none is grey.

import { DECISIONS, HIDDEN, type Points } from "./mappoints";

export type ColourBy = "decision" | "given" | "proposed";
export const COLOUR_BY: readonly ColourBy[] = ["decision", "given", "proposed"];

/** Marks are `--mark-0` to `--mark-5` of the style sheet, and `--mark-rest`. */
export const MARKS = 6;
export const REST = MARKS;

const HIDDEN_MARK = 4;
/** Kept texts are grey: what became of the others is what one looks for. */
const MARK_OF_DECISION = [REST, 0, 1, 2, 3];

export interface Entry {
  /** "keep" and so on, "hidden", "others". */
  what: string;
  /** The name, where it is a label's. */
  label?: string;
  mark: number;
  count: number;
}

export interface Colours {
  /** The mark of each point. */
  marks: Uint8Array;
  legend: Entry[];
}

export function byDecision(points: Points): Colours {
  const marks = new Uint8Array(points.count);
  const counts = new Uint32Array(DECISIONS.length + 1);
  points.decisions.forEach((decision, i) => {
    marks[i] = decision === HIDDEN ? HIDDEN_MARK : (MARK_OF_DECISION[decision] ?? REST);
    const kind = decision === HIDDEN ? DECISIONS.length : Math.max(decision, 0);
    counts[kind]!++;
  });
  const legend: Entry[] = DECISIONS.map((what, kind) => ({ what, mark: MARK_OF_DECISION[kind]!, count: counts[kind]! }));
  legend.push({ what: "hidden", mark: HIDDEN_MARK, count: counts[DECISIONS.length]! });
  return { marks, legend: legend.filter((entry) => entry.count) };
}

/** Colour the chosen labels; all others are grey. */
export function byLabel(points: Points, by: "given" | "proposed", chosen: readonly string[]): Colours {
  const numbers = chosen.map((name) => points.labels.indexOf(name));
  const marks = new Uint8Array(points.count).fill(REST);
  const counts = new Uint32Array(MARKS + 1);
  points[by].forEach((label, i) => {
    const mark = label < 0 ? -1 : numbers.indexOf(label);
    if (mark >= 0) marks[i] = mark;
    counts[marks[i]!]!++;
  });
  const legend: Entry[] = chosen.map((label, mark) => ({ what: "label", label, mark, count: counts[mark]! }));
  legend.push({ what: "others", mark: REST, count: counts[REST]! });
  return { marks, legend };
}

/** Return the labels that most texts were given and seem not to be, or the other way round. */
export function mostConfused(points: Points): string[] {
  const moved = new Uint32Array(points.labels.length);
  for (let i = 0; i < points.count; i++) {
    const [given, proposed] = [points.given[i]!, points.proposed[i]!];
    if (given < 0 || proposed < 0 || given === proposed) continue;
    moved[given]!++;
    moved[proposed]!++;
  }
  const order = Array.from(moved.keys()).filter((label) => moved[label]);
  order.sort((a, b) => moved[b]! - moved[a]! || a - b);
  return order.slice(0, MARKS).map((label) => points.labels[label]!);
}
