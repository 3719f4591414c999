// The view "Matrix": how often which label is proposed in the place of which given one.

import type { Api } from "./api";
import { button, el, theirs } from "./dom";
import type { PictureActions } from "./map";
import { openPicker } from "./picker";
import type { LabelSearch } from "./search";
import { counted, number, say } from "./strings";
import type { Label, Matrix } from "./types";
import type { View } from "./views";

const SHADES = 5;
const LONGEST = 24;

export function matrixView(api: Api, labels: Label[], search: LabelSearch, actions: PictureActions): View {
  return (place) => {
    let label: string | null = null;
    const ask = (given: string, proposed: string) =>
      actions.ask({ given, proposed }, say("chosen-cell", { given, proposed }));
    const find = (wanted: string | null) => {
      label = wanted;
      void load();
    };
    const load = async () => {
      try {
        const found = await api.matrix(label);
        place.replaceChildren(...parts(found));
        place.dataset["pairs"] = String(found.pairs.length);
      } catch (error) {
        actions.refused(error);
      }
    };
    const parts = (found: Matrix): Node[] => {
      if (!found.labels.length) return [el("p", {}, say(found.hidden ? "matrix-hidden-all" : "matrix-nothing"))];
      const lead = found.others ? say("matrix-lead-most", { count: found.labels.length, others: counted(found.others) }) : say("matrix-lead");
      const notes = found.hidden ? [el("p", { class: "quiet" }, say("matrix-hidden", { count: counted(found.hidden) }))] : [];
      const caption = el("p", { class: "quiet" }, say("matrix-caption"));
      return [el("p", {}, lead), ...notes, caption, table(found, ask), pairs(found)];
    };
    const pairs = (found: Matrix): HTMLElement => {
      const title = label === null ? el("h2", { id: "pairs-title" }, say("matrix-pairs")) : el("h2", { id: "pairs-title" }, say("matrix-pairs-of"), " ", theirs(label, { class: "label" }));
      const tools = el("p", { class: "tools" },
        button({ id: "pairs-search" }, () => openPicker(search, labels.length, find), say("matrix-search")),
        label === null ? null : button({ class: "plain" }, () => find(null), say("matrix-all")));
      const list = el("ol", { class: "pairs", "aria-labelledby": "pairs-title" }, ...found.pairs.map((one) =>
        el("li", {}, button({ class: "pair", title: say("chosen-ask") }, () => ask(one.given, one.proposed),
          theirs(one.given, { class: "label" }), " → ", theirs(one.proposed, { class: "label" }), " ", el("span", { class: "count" }, number(one.texts))))));
      const more = found.more ? el("p", { class: "quiet" }, say("matrix-more", { count: counted(found.more) })) : null;
      return el("div", {}, title, tools, found.pairs.length ? list : el("p", {}, say("matrix-no-pairs")), more ?? "");
    };
    const shown = () => {
      actions.tell(say("view-matrix-help"));
      void load();
    };
    return { shown };
  };
}

/** A head of a row or a column has little room; the cells name their labels whole. */
function short(label: string): string {
  const letters = Array.from(label);
  return letters.length <= LONGEST ? label : `${letters.slice(0, LONGEST - 1).join("")}…`;
}

function table({ labels, counts }: Matrix, ask: (given: string, proposed: string) => void): HTMLElement {
  const off = counts.flatMap((row, g) => row.filter((_, p) => p !== g));
  const most = Math.max(1, ...off);
  const heads = labels.map((label) => el("th", { scope: "col", title: label }, theirs(short(label), { class: "turned" })));
  const rows = counts.map((row, g) =>
    el("tr", {}, el("th", { scope: "row", title: labels[g] }, theirs(short(labels[g]!))), ...row.map((texts, p) => {
      if (!texts) return el("td", {});
      const shade = p === g ? "own" : `shade-${Math.ceil((SHADES * texts) / most)}`;
      const words = say("matrix-cell", { given: labels[g]!, proposed: labels[p]!, count: counted(texts) });
      return el("td", { class: shade }, button({ class: "plain", "aria-label": words, title: words }, () => ask(labels[g]!, labels[p]!), number(texts)));
    })),
  );
  const caption = say("matrix-caption");
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", { class: "matrix", "aria-label": caption },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("matrix-corner")), ...heads)), el("tbody", {}, ...rows)));
}
