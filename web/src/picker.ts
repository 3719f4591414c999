// The dialog that searches all labels.

import { el, part, theirs } from "./dom";
import type { LabelSearch } from "./search";
import { say } from "./strings";
import type { Label } from "./types";

export function openPicker(
  search: LabelSearch,
  count: number,
  pick: (label: string) => void,
  title = say("searching", { count }),
): void {
  let found: Label[] = [];
  let at = 0;
  const field = el("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "found", "aria-autocomplete": "list",
    "aria-label": title, placeholder: say("search-field", { count }), autocomplete: "off", spellcheck: "false", dir: "auto",
  });
  const list = el("ul", { id: "found", role: "listbox", "aria-label": title });
  const told = el("p", { class: "quiet", role: "status" });
  const dialog = el("dialog", { class: "picker", "aria-label": title }, field, list, told);

  const choose = (label: Label | undefined) => {
    if (!label) return;
    dialog.close();
    pick(label.name);
  };
  const mark = () => {
    list.querySelectorAll("[role=option]").forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === at));
      if (i === at) option.scrollIntoView({ block: "nearest" });
    });
    if (found.length) field.setAttribute("aria-activedescendant", `found-${at}`);
    else field.removeAttribute("aria-activedescendant");
  };
  const show = () => {
    found = search.find(field.value);
    at = 0;
    list.replaceChildren(
      ...found.map((label, i) => {
        const option = el("li", { id: `found-${i}`, role: "option" }, theirs(label.name, { class: "name" }));
        if (label.description) option.append(theirs(label.description, { class: "quiet about" }));
        option.addEventListener("click", () => choose(label));
        return option;
      }),
    );
    const many = say("search-found", { count: found.length });
    told.textContent = found.length ? `${many}. ${say("search-hint")}` : say("search-nothing");
    mark();
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : found.length - 1;
      at = found.length ? (at + step) % found.length : 0;
      mark();
    } else if (event.key === "Enter" && !event.isComposing) {
      choose(found[at]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  open(dialog);
  show();
  field.focus();
}

/** Show a dialog; closed, it goes, and the row has the keys again. */
export function open(dialog: HTMLDialogElement): void {
  dialog.addEventListener("close", () => {
    dialog.remove();
    part("row").focus({ preventScroll: true });
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}
