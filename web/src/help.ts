// The keys.

import { button, el } from "./dom";
import { open } from "./picker";
import { say } from "./strings";

type Keys = readonly (readonly [string, string])[];

/** Keys with their sentences, where a row has one label. */
export const LABEL_KEYS: Keys = [
  ["Enter", "accept"], ["K", "keep"], ["1 – 9", "pick"], ["/", "search"], ["N", "none"], ["U", "unsure"],
  ["S", "skip"], ["Z", "undo"], ["W", "why"], ["B", "batch"], ["V", "reveal"], ["?", "help"],
];

/** The same where a row may have several. */
export const SET_KEYS: Keys = [
  ["1 – 9", "toggle"], ["/", "search-set"], ["Enter", "save-set"], ["M", "as-mended"], ["K", "as-given"], ["N", "none"],
  ["U", "unsure"], ["S", "skip"], ["Z", "undo"], ["V", "reveal"], ["?", "help"],
];

export function openHelp(keys: Keys): void {
  const rows = keys.map(([key, name]) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, say(`help-${name}`))),
  );
  const dialog = el("dialog", { "aria-labelledby": "help-title" }, el("h2", { id: "help-title" }, say("help-title")),
    el("table", { class: "keys" }, el("tbody", {}, ...rows)));
  dialog.append(button({}, () => dialog.close(), say("close")));
  open(dialog);
}
