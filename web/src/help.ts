// The keys.

import { button, el } from "./dom";
import { open } from "./picker";
import { say } from "./strings";

const KEYS: readonly [string, string][] = [
  ["Enter", "accept"], ["K", "keep"], ["1 – 9", "pick"], ["/", "search"], ["N", "none"], ["U", "unsure"],
  ["S", "skip"], ["Z", "undo"], ["W", "why"], ["B", "batch"], ["V", "reveal"], ["?", "help"],
];

export function openHelp(): void {
  const rows = KEYS.map(([key, name]) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, say(`help-${name}`))),
  );
  const dialog = el("dialog", { "aria-labelledby": "help-title" }, el("h2", { id: "help-title" }, say("help-title")),
    el("table", { class: "keys" }, el("tbody", {}, ...rows)));
  dialog.append(button({}, () => dialog.close(), say("close")));
  open(dialog);
}
