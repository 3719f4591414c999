// Whether an answer is right, and what is: a word to the server's log.

import { button, el, theirs } from "../dom";
import { say } from "../strings";
import { type OneLabel, type SeveralLabels, chips, likely } from "./said";

export type Word = { verdict: "right" | "wrong" } | { label: string } | { labels: string[] };
export type Send = (word: Word, place: HTMLElement) => void;

function asked(said: HTMLElement, send: Send, pick: (place: HTMLElement) => void): HTMLElement {
  const place = el("section", { class: "feedback", id: "feedback" });
  place.append(
    el("p", {}, say("is-it-right"), " ", said),
    button({}, () => send({ verdict: "right" }, place), say("right")),
    button({}, () => pick(place), say("wrong")),
  );
  return place;
}

/** Ask of one label: if it is wrong, which is right. */
export function askOfOne(said: OneLabel, labels: string[], send: Send): HTMLElement {
  return asked(theirs(said.label, { class: "label" }), send, (place) => {
    const select = el("select", { id: "right-label" });
    select.append(el("option", { value: "" }, say("none-of-them")));
    for (const one of labels) if (one !== said.label) select.append(el("option", { value: one }, one));
    const done = button({ class: "primary" }, () => {
      send(select.value ? { label: select.value } : { verdict: "wrong" }, place);
    }, say("send"));
    place.replaceChildren(el("label", { for: "right-label" }, say("which")), select, done);
    select.focus();
  });
}

/** Ask of several labels: if they are wrong, each can be switched, and others added. */
export function askOfSeveral(said: SeveralLabels, labels: string[], send: Send): HTMLElement {
  const called = said.labels.map((one) => one.label);
  return asked(chips(called), send, (place) => {
    const right = new Set(called);
    const switches = el("div", { class: "switches", role: "group", "aria-labelledby": "which-all" });
    const add = (label: string) => {
      const made = button({ "aria-pressed": String(right.has(label)) }, () => {
        if (right.has(label)) right.delete(label);
        else right.add(label);
        made.setAttribute("aria-pressed", String(right.has(label)));
      }, theirs(label));
      switches.append(made);
    };
    const shown = new Set(likely(said).map((one) => one.label));
    shown.forEach(add);
    const more = el("input", { id: "more-labels", list: "all-labels", autocomplete: "off" });
    const known = new Set(labels);
    more.addEventListener("change", () => {
      if (!known.has(more.value)) return;
      right.add(more.value);
      if (!shown.has(more.value)) add(more.value);
      else for (const one of switches.children) if (one.textContent === more.value) one.setAttribute("aria-pressed", "true");
      shown.add(more.value);
      more.value = "";
    });
    const options = labels.map((label) => el("option", { value: label }));
    place.replaceChildren(
      el("p", { id: "which-all" }, say("which-all")),
      switches,
      el("label", { for: "more-labels" }, say("another-label")),
      more,
      el("datalist", { id: "all-labels" }, ...options),
      button({ class: "primary" }, () => send({ labels: [...right] }, place), say("send")),
      button({}, () => send({ verdict: "wrong" }, place), say("none-of-them")),
    );
    (switches.firstElementChild as HTMLElement | null)?.focus();
  });
}
