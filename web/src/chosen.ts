// The line above the row that says which rows a person picked, and gives all of them back.

import { button, el, part } from "./dom";
import { say } from "./strings";

/** Show what was picked; null for nothing. */
export function showChosen(words: string | null, drop: () => void): void {
  document.getElementById("chosen")?.remove();
  if (words === null) return;
  part("row").before(
    el("p", { id: "chosen", class: "chosen" }, el("span", {}, say("chosen-only", { what: words })),
      button({}, drop, say("chosen-all"))),
  );
}
