// One row that may have several labels: its text, its labels, and a switch for each likely one.

import { el, theirs } from "./dom";
import { factsOf, hiddenView, textOf } from "./row";
import { percent, say } from "./strings";
import type { Candidate, SetItem } from "./types";

/** Return labels in words. */
export function setInWords(labels: readonly string[]): string {
  return labels.join(", ") || say("said-none");
}

/** A label that can be switched on: likely ones, and those that the person searched for. */
interface Toggle {
  label: string;
  made: HTMLButtonElement;
}

/** The switches of a row. */
export class SetRow {
  private readonly on: Set<string>;
  private readonly toggles: Toggle[] = [];
  private readonly list: HTMLElement;

  /**
   * @param item The row.
   * @param on Labels that are on in the beginning.
   * @param heard Hears that a label was switched by a click.
   */
  constructor(
    private readonly item: SetItem,
    on: readonly string[],
    private readonly heard: (label: string, pointed: boolean) => void,
  ) {
    this.on = new Set(on);
    this.list = el("ol", { class: item.hidden ? "candidates bare" : "candidates", "aria-label": say("toggles") });
    for (const one of item.candidates) this.add(one);
    for (const label of on) this.ensure(label);
  }

  /** The labels that are on, by name. */
  get labels(): string[] {
    return [...this.on].sort();
  }

  view(reveal: () => void): Node[] {
    return [factsOf(this.item), textOf(this.item), this.item.hidden ? hiddenView(reveal) : sets(this.item), this.list];
  }

  /** Return the label of a digit. */
  at(digit: number): string | undefined {
    return this.toggles[digit - 1]?.label;
  }

  /** Switch a label, which is shown from then on; tell whether it is on now. */
  toggle(label: string): boolean {
    this.ensure(label);
    if (!this.on.delete(label)) this.on.add(label);
    this.mark();
    return this.on.has(label);
  }

  private ensure(label: string): void {
    if (!this.toggles.some((one) => one.label === label)) this.add({ label, probability: null }, true);
  }

  private add(one: Candidate, searched = false): void {
    const digit = this.toggles.length + 1;
    const key = el("kbd", { "aria-hidden": "true" }, digit <= 9 ? String(digit) : "·");
    const tag = this.item.hidden ? null : tagOf(this.item, one.label);
    const made = el("button",
      { type: "button", class: "candidate toggle", "aria-keyshortcuts": digit <= 9 ? digit : undefined },
      key, el("span", { class: "tick", "aria-hidden": "true" }),
      el("span", { class: "named" }, theirs(one.label, { class: "name" }), tag && el("span", { class: "tag" }, say(tag))));
    made.addEventListener("click", (event) => this.heard(one.label, event.detail > 0));
    if (!this.item.hidden && one.probability !== null) {
      const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
      (bar.firstElementChild as HTMLElement).style.inlineSize = `${100 * one.probability}%`;
      made.append(bar, el("span", { class: "share" }, percent(one.probability)));
    } else if (!this.item.hidden) {
      made.append(el("span", { class: "share quiet" }, say(searched ? "searched" : "near-only")));
    }
    this.toggles.push({ label: one.label, made });
    this.list.append(el("li", {}, made));
    this.mark();
  }

  private mark(): void {
    for (const { label, made } of this.toggles) made.setAttribute("aria-pressed", String(this.on.has(label)));
  }
}

/** Return the sentence that says what became of a label, if it was given or is there now. */
function tagOf(item: SetItem, label: string): string | null {
  const was = item.given?.includes(label);
  const is = item.mended?.includes(label);
  return was && is ? "is-given" : was ? "is-removed" : is ? "is-added" : null;
}

function sets(item: SetItem): Node {
  const list = el("dl", { class: "labels sets" });
  if (!item.given || !item.mended) return list;
  const same = item.given.join("\n") === item.mended.join("\n");
  const line = (name: string, value: Node) => el("div", {}, el("dt", {}, say(name)), el("dd", {}, value));
  list.append(line("as-given", chips(item.given, item.mended, "del")));
  list.append(line("as-mended", same ? el("em", {}, say("as-mended-same")) : chips(item.mended, item.given, "ins")));
  return list;
}

/** Labels side by side; those that the other side lacks are marked. */
function chips(labels: string[], others: string[], mark: "del" | "ins"): Node {
  if (!labels.length) return el("em", {}, say("no-label"));
  const box = el("span", { class: "chips" });
  for (const label of labels) {
    const chip = theirs(label, { class: "label" });
    box.append(others.includes(label) ? chip : el(mark, {}, chip), " ");
  }
  return box;
}

/** Why the labels are as they are, and the nearest texts with theirs. */
export function nearView(item: SetItem): HTMLElement | null {
  if (!item.reason && !item.near.length) return null;
  const panel = el("div", { class: "panel", role: "region", "aria-labelledby": "near-title" },
    el("h2", { id: "near-title" }, say("why-title")));
  if (item.reason) panel.append(el("p", { dir: "auto" }, item.reason));
  if (!item.near.length) return panel;
  const rows = item.near.map((one) =>
    el("li", {}, theirs(one.text, { class: "short" }),
      one.labels.length ? chips(one.labels, one.labels, "ins") : el("em", { class: "quiet" }, say("why-label-none"))),
  );
  panel.append(el("h3", {}, say("why-near")), el("ul", { class: "nearest" }, ...rows));
  return panel;
}
