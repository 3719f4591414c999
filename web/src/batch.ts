// Rows like the one that is shown, to be answered together after a look at all of them.

import { button, el, theirs } from "./dom";
import { say } from "./strings";
import type { Item } from "./types";

export interface Batch {
  view: HTMLElement;
  /** The rows that are ticked. */
  ticked(): number[];
}

export function batchOf(items: Item[], close: () => void): Batch {
  const boxes = items.map((item) => el("input", { type: "checkbox", value: item.row, id: `tick-${item.row}`, checked: true }));
  const told = el("span", { role: "status" });
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    told.textContent = say("batch-ticked", { count: ticked, total: boxes.length });
  };
  const all = (on: boolean) => () => {
    for (const box of boxes) box.checked = on;
    count();
  };
  const view = el("div", { class: "panel", role: "region", "aria-labelledby": "batch-title" },
    el("div", { class: "bar-of-title" }, el("h2", { id: "batch-title" }, say("batch-title")),
      button({ class: "plain" }, close, say("close"))));
  if (!items.length) view.append(el("p", {}, say("batch-nothing")));
  else {
    const rows = items.map((item, i) =>
      el("li", {}, boxes[i], el("label", { for: `tick-${item.row}` }, theirs(item.text, { class: "short" }))),
    );
    view.append(
      el("p", {}, say("batch-lead")),
      el("p", { class: "facts" }, told, button({ class: "plain" }, all(true), say("batch-all")),
        button({ class: "plain" }, all(false), say("batch-no"))),
      el("ul", { class: "batch" }, ...rows),
    );
    view.addEventListener("change", count);
    count();
  }
  return { view, ticked: () => boxes.filter((box) => box.checked).map((box) => Number(box.value)) };
}
