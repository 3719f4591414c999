// One row: its text, its labels, its candidates.

import { button, el, theirs } from "./dom";
import { percent, say } from "./strings";
import type { AnyItem, Candidate, Item } from "./types";

/** Return what an answer says, in words. */
export function inWords(verdict: string, label: string | null | undefined): string {
  return verdict === "label" ? (label ?? "") : say(`said-${verdict}`);
}

export function rowView(item: Item, pick: (label: string) => void, reveal: () => void): Node[] {
  return [factsOf(item), textOf(item), item.hidden ? hiddenView(reveal) : labels(item), candidates(item, pick)];
}

/** What row it is, what was decided of it, and how often its text is there. */
export function factsOf(item: AnyItem): Node {
  const number = String(item.row + 1);
  const name = item.id === number ? say("row", { row: number }) : say("row-id", { row: number, id: item.id });
  const facts = el("p", { class: "facts" }, el("strong", {}, theirs(name)));
  if (item.decision) {
    facts.append(el("span", { class: `chip ${item.decision}` }, say(`decision-${item.decision}`)));
  }
  if (item.copies > 1) facts.append(el("span", {}, say("copies", { count: item.copies })));
  return facts;
}

/** The text; a long one scrolls, and so can be reached by the keyboard. */
export function textOf(item: AnyItem): Node {
  const long = item.text.length > 600;
  return el(
    "div",
    { class: long ? "text long" : "text", dir: "auto", tabindex: long ? 0 : undefined, role: long ? "region" : undefined, "aria-label": long ? say("text") : undefined },
    item.text,
  );
}

/** What stands in the place of labels that are hidden. */
export function hiddenView(reveal: () => void): Node {
  const [before, after] = say("hidden").split("{key}");
  return el("p", { class: "hidden" }, before, el("kbd", {}, "V"), after, " ",
    button({ class: "plain" }, reveal, say("reveal")));
}

function labels(item: Item): Node {
  const given = item.given === null ? el("em", {}, say("given-none")) : theirs(item.given, { class: "label" });
  const list = el("dl", { class: "labels" }, el("div", {}, el("dt", {}, say("given")), el("dd", {}, given)));
  if (item.proposed !== null) {
    list.append(
      el("div", {}, el("dt", {}, say("proposed")), el("dd", {}, theirs(item.proposed, { class: "label" }))),
    );
  }
  return list;
}

function candidates(item: Item, pick: (label: string) => void): Node {
  const list = el("ol", { class: item.hidden ? "candidates bare" : "candidates", "aria-label": say("candidates") });
  item.candidates.forEach((one, i) => {
    list.append(el("li", {}, candidate(item, one, i + 1, () => pick(one.label))));
  });
  return list;
}

function candidate(item: Item, one: Candidate, digit: number, action: () => void): Node {
  const line = [el("kbd", { "aria-hidden": "true" }, String(digit)), theirs(one.label, { class: "name" })];
  if (!item.hidden && one.label === item.given) line.push(el("span", { class: "tag" }, say("is-given")));
  if (!item.hidden && one.label === item.proposed) line.push(el("span", { class: "tag" }, say("is-proposed")));
  const made = button({ class: "candidate", "aria-keyshortcuts": digit }, action, ...line);
  if (item.hidden) return made;
  if (one.probability === null) {
    made.append(el("span", { class: "share quiet" }, say("near-only")));
    return made;
  }
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
  (bar.firstElementChild as HTMLElement).style.inlineSize = `${100 * one.probability}%`;
  made.append(bar, el("span", { class: "share" }, percent(one.probability)));
  return made;
}
