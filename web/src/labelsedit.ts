// The dialogs in which labels are edited.

import { Refusal } from "./api";
import { button, el, theirs } from "./dom";
import type { Example, LabelFacts, NewEdit } from "./labelstypes";
import { open } from "./picker";
import { counted, say } from "./strings";

const MOST_NAME = 200;
const MOST_DESCRIPTION = 4000;

/** Keeps an edit; what it throws is said in the dialog, which stays open. */
export type Keep = (edit: NewEdit) => Promise<void>;

export function openRename(label: LabelFacts, keep: Keep): void {
  const field = nameField(label.name);
  editDialog("labels-rename-title", label, [named("labels-new-name", field)], field, () => keep({ what: "rename", label: label.name, to: field.value.trim() }));
  field.select();
}

export function openDescribe(label: LabelFacts, keep: Keep): void {
  const field = textField(label.description);
  editDialog("labels-describe-title", label, [named("labels-description", field)], field, () =>
    keep({ what: "describe", label: label.name, description: field.value.trim() }),
  );
}

export function openMerge(label: LabelFacts, to: string, keep: Keep): void {
  const told = el("p", {}, say("labels-merge-into", { label: label.name, to, count: counted(label.rows) }));
  editDialog("labels-merge-title", label, [told], null, () => keep({ what: "merge", label: label.name, to }));
}

/** Ask for a new label, and which of these texts are of it. */
export function openSplit(label: LabelFacts, texts: Example[], keep: Keep): void {
  const name = nameField("");
  const about = textField("");
  const boxes = texts.map((one) => el("input", { type: "checkbox", value: one.row }));
  const list = el("ul", { class: "batch chosen-texts" }, ...texts.map((one, i) =>
    el("li", {}, el("label", {}, boxes[i]!, " ", theirs(one.text, { class: "short" })))));
  const told = el("p", { class: "quiet", role: "status" });
  const count = () => {
    told.textContent = say("labels-chosen", { count: counted(boxes.filter((box) => box.checked).length), total: counted(boxes.length) });
  };
  list.addEventListener("change", count);
  count();
  const texted = el("fieldset", {}, el("legend", {}, say("labels-split-texts")), told, list);
  editDialog("labels-split-title", label, [named("labels-new-label", name), named("labels-description", about), texted], name, () =>
    keep({
      what: "split", label: label.name, to: name.value.trim(), description: about.value.trim(),
      rows: boxes.filter((box) => box.checked).map((box) => Number(box.value)),
    }),
  );
}

function editDialog(heading: string, label: LabelFacts, fields: Node[], first: HTMLElement | null, save: () => Promise<void>): void {
  const problem = el("p", { class: "problem", role: "alert" });
  const title = el("h2", { id: "edit-title" }, say(heading), " ", theirs(label.name, { class: "label" }));
  const dialog = el("dialog", { class: "edit", "aria-labelledby": "edit-title" }, title, ...fields, problem);
  const done = button({ class: "primary" }, () => void send(), say("labels-save"));
  const send = async () => {
    done.disabled = true;
    try {
      await save();
      dialog.close();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problem.textContent = say(`error-${error.code}`, error.facts);
      done.disabled = false;
      (first ?? done).focus();
    }
  };
  dialog.addEventListener("keydown", (event) => {
    const typed = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.key !== "Enter" || event.isComposing || !typed) return;
    event.preventDefault();
    if (!done.disabled) void send();
  });
  dialog.append(el("p", { class: "tools" }, done, button({}, () => dialog.close(), say("labels-cancel"))));
  const opener = document.activeElement as HTMLElement | null;
  open(dialog);
  dialog.addEventListener("close", () => {
    const back = opener?.isConnected ? opener : document.getElementById("labels-detail");
    back?.focus({ preventScroll: true });
  });
  (first ?? done).focus();
}

function nameField(value: string): HTMLInputElement {
  return el("input", { type: "text", maxlength: MOST_NAME, value, autocomplete: "off", spellcheck: "false", dir: "auto" });
}

function textField(value: string): HTMLTextAreaElement {
  return el("textarea", { maxlength: MOST_DESCRIPTION, rows: 4, dir: "auto" }, value);
}

function named(name: string, field: HTMLElement): HTMLElement {
  return el("label", { class: "field" }, say(name), field);
}
