// Why a row was decided as it was: what `labelmend explain` prints.

import { button, el } from "./dom";
import { number, say } from "./strings";
import type { Why } from "./types";

export function whyView(why: Why, close: () => void): HTMLElement {
  const panel = el("div", { class: "panel", role: "region", "aria-labelledby": "why-title" });
  panel.append(
    el("div", { class: "bar-of-title" }, el("h2", { id: "why-title" }, say("why-title")),
      button({ class: "plain" }, close, say("close"))),
    el("p", { dir: "auto" }, why.reason),
  );
  panel.append(why.sources.length ? nats(why) : el("p", {}, say("why-none")));
  if (why.held) panel.append(el("p", { class: "quiet" }, say("why-held")));
  if (why.votes.length) {
    const votes = why.votes.map((vote) => el("li", { dir: "auto" }, say("why-vote", { ...vote })));
    panel.append(el("h3", {}, say("why-votes")), el("ul", {}, ...votes));
  }
  if (why.neighbours.length) panel.append(el("h3", {}, say("why-near")), near(why));
  return panel;
}

function nats(why: Why): HTMLElement {
  const title = say(why.reference_given ? "why-against" : "why-against-next", { label: why.reference });
  const heads = why.labels.map((label) => el("th", { scope: "col", dir: "auto" }, label));
  const rows = why.sources.map(({ source, nats }) =>
    el("tr", {}, el("th", { scope: "row" }, source), ...nats.map((value) => el("td", {}, signed(value)))),
  );
  const total = el("tr", { class: "total" }, el("th", { scope: "row" }, say("why-total")),
    ...why.totals.map((value) => el("td", {}, signed(value))));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    el("table", { class: "numbers" }, el("caption", {}, title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("why-source")), ...heads)),
      el("tbody", {}, ...rows, total)));
}

function near(why: Why): HTMLElement {
  const rows = why.neighbours.map((one) =>
    el("tr", {}, el("td", {}, number(one.similarity, 2, 2)),
      el("td", { dir: "auto" }, one.labels.join(", ") || say("why-label-none")),
      el("td", { dir: "auto" }, one.text)),
  );
  const heads = ["cosine", "labels", "text"].map((name) => el("th", { scope: "col" }, say(`why-near-${name}`)));
  return el("table", { class: "near" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}

function signed(value: number | null): string {
  if (value === null) return "";
  return (value < 0 ? "−" : "+") + number(Math.abs(value), 1, 1);
}
