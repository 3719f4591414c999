// The view "Labels": which labels are confused, with texts of both side by side, and edits of them.

import type { Api } from "./api";
import { Refusal } from "./api";
import { button, el, redraw, theirs } from "./dom";
import { openDescribe, openMerge, openRename, openSplit, type Keep } from "./labelsedit";
import { labelSet, type ConfusedLabels, type Example, type LabelEdit, type LabelFacts, type LabelSet } from "./labelstypes";
import { openPicker } from "./picker";
import type { LabelSearch } from "./search";
import { counted, number, say } from "./strings";
import type { Job, Label } from "./types";
import type { Switched, View } from "./views";

/** What the view asks of the page. */
export interface LabelsPage {
  api: Api;
  labels: Label[];
  search: LabelSearch;
  tell(text: string): void;
  refused(error: unknown): void;
  /** Mend the table anew. */
  apply(): void;
  /** What mending anew does now. */
  applying(): Job | null;
  /** Hear that labels have other names now; done when the whole page knows them. */
  edited(): Promise<void>;
}

/** Said by the page when the label set, or what is known of it, is another one. */
export const LABELS_CHANGED = "labelschanged";

export function labelsView(page: LabelsPage): View {
  return (place) => new LabelsView(place, page);
}

class LabelsView implements Switched {
  private found: LabelSet | null = null;
  private at: [string, string | null] | null = null;
  private readonly head = el("div", { class: "labels-head" });
  private readonly list = el("div", { class: "labels-list" });
  private readonly detail = el("div", { id: "labels-detail", class: "labels-detail", tabindex: -1 });
  private readonly changed = () => void this.load();

  constructor(
    place: HTMLElement,
    private readonly page: LabelsPage,
  ) {
    place.replaceChildren(this.head, el("div", { class: "labels-work" }, this.list, this.detail));
  }

  shown(): void {
    document.addEventListener(LABELS_CHANGED, this.changed);
    this.page.tell(say("view-labels-help"));
    void this.load();
  }

  hidden(): void {
    document.removeEventListener(LABELS_CHANGED, this.changed);
  }

  private async load(): Promise<void> {
    try {
      this.take(await labelSet.all(this.page.api));
      await this.showDetail();
    } catch (error) {
      this.page.refused(error);
    }
  }

  private take(found: LabelSet): void {
    this.found = found;
    const there = new Set(found.labels.map((label) => label.name));
    if (this.at && !this.at.every((name) => name === null || there.has(name))) this.at = null;
    const first = found.pairs[0];
    if (!this.at && first) this.at = [first.one, first.other];
    this.showHead(found);
    this.showPairs(found);
  }

  private showHead(found: LabelSet): void {
    const files = found.cards === null ? say("labels-files-none", { edits: found.edits_file })
      : say("labels-files", { cards: found.cards, edits: found.edits_file });
    const job = this.page.applying();
    const running = job?.phase === "running";
    const parts: Node[] = [el("p", { class: "quiet" }, files)];
    if (found.pending || running) {
      const told = running ? say("apply-running") : say("labels-pending");
      parts.push(el("p", { class: "tools" }, el("span", { role: "status" }, told), " ",
        button({ id: "labels-apply", class: "primary", disabled: running }, () => this.page.apply(), say("apply-help"))));
    }
    if (job?.phase === "failed") parts.push(el("p", { class: "problem" }, say("apply-failed", { said: job.said })));
    const last = found.edits[0];
    if (last) {
      const open = this.head.querySelector("details")?.open;
      parts.push(el("details", { open: open ?? false }, el("summary", {}, say("labels-edits"), " ", el("span", { class: "count" }, number(found.edits.length))),
        el("ol", { class: "edits" }, ...found.edits.map((edit) => el("li", {}, inWords(edit))))));
      parts.push(el("p", { class: "tools" }, button({ id: "labels-undo" }, () => void this.undo(last), say("labels-undo")), " ", inWords(last)));
    }
    redraw(this.head, ...parts);
  }

  private showPairs(found: LabelSet): void {
    const find = button({ id: "labels-find" }, () => this.find((name) => this.open([name, null])), say("search"));
    const items = found.pairs.map((pair) => {
      const open = this.at?.[0] === pair.one && this.at[1] === pair.other;
      return el("li", {}, button({ class: "pair", "aria-pressed": String(open) }, () => this.open([pair.one, pair.other]),
        theirs(pair.one, { class: "label" }), " ⇄ ", theirs(pair.other, { class: "label" }),
        " ", el("span", { class: "count" }, number(rowsOf(pair))), el("span", { class: "counts quiet" }, counts(pair))));
    });
    const none = say(found.blind ? "labels-blind" : "labels-no-pairs");
    redraw(this.list, el("h2", { id: "labels-pairs" }, say("labels-pairs")), el("p", { class: "tools" }, find),
      items.length ? el("ol", { class: "pairs", "aria-labelledby": "labels-pairs" }, ...items) : el("p", {}, none));
  }

  private open(at: [string, string | null]): void {
    this.at = at;
    if (this.found) this.showPairs(this.found);
    void this.showDetail().then(() => {
      this.detail.focus({ preventScroll: true });
      this.detail.scrollIntoView({ block: "nearest" });
    }, (error: unknown) => this.page.refused(error));
  }

  private async showDetail(): Promise<void> {
    const at = this.at;
    if (!at) return this.detail.replaceChildren();
    const [one, other] = at;
    const { api } = this.page;
    const sides: [string, Example[]][] = other === null
      ? [[one, (await labelSet.texts(api, one)).texts]]
      : await labelSet.pair(api, one, other).then((pair) => [[one, pair.one], [other, pair.other]]);
    if (this.at !== at) return;
    redraw(this.detail, ...sides.map(([name, texts], i) => this.side(this.facts(name), texts, sides[1 - i]?.[0] ?? null)));
    this.detail.dataset["shown"] = [one, other ?? ""].join("|");
  }

  private facts(name: string): LabelFacts {
    return this.found?.labels.find((label) => label.name === name) ?? { name, description: "", rows: 0 };
  }

  /** One label of the two: what is known of it, what can be done, texts. */
  private side(label: LabelFacts, texts: Example[], other: string | null): HTMLElement {
    const into = (to: string) => openMerge(label, to, this.keep);
    const tools = el("div", { class: "tools", role: "toolbar", "aria-label": say("labels-tools", { label: label.name }) },
      button({}, () => openRename(label, this.keep), say("labels-rename")),
      other === null ? null : button({}, () => into(other), say("labels-merge-other", { to: other })),
      button({}, () => this.find(into), say("labels-merge")),
      button({}, () => void this.split(label), say("labels-split")),
      button({}, () => openDescribe(label, this.keep), say("labels-describe")));
    const about = label.description ? theirs(label.description) : el("em", { class: "quiet" }, say("labels-no-description"));
    const list = el("ol", { class: "examples" }, ...texts.map((text) => el("li", {}, theirs(text.text, { class: "short" }), ...marks(text))));
    return el("section", { class: "side" }, el("h3", {}, theirs(label.name, { class: "label" })), el("p", {}, about),
      el("p", { class: "quiet" }, say("labels-rows", { count: counted(label.rows) })), tools,
      texts.length ? list : el("p", { class: "quiet" }, say("labels-no-texts")));
  }

  private find(pick: (name: string) => void): void {
    openPicker(this.page.search, this.page.labels.length, pick);
  }

  private async split(label: LabelFacts): Promise<void> {
    try {
      openSplit(label, (await labelSet.texts(this.page.api, label.name)).texts, this.keep);
    } catch (error) {
      this.page.refused(error);
    }
  }

  private readonly keep: Keep = async (edit) => {
    try {
      const found = await labelSet.edit(this.page.api, edit, this.found?.version ?? 0);
      const to = edit.what === "describe" ? edit.label : (edit.to ?? "");
      if (this.at) this.at = this.at.map((name) => (name === edit.label && edit.what !== "split" ? to : name)) as [string, string | null];
      if (this.at && this.at[0] === this.at[1]) this.at = [this.at[0], null];
      await this.done(found);
      this.page.tell(say(`labels-done-${edit.what}`, { label: edit.label, to }));
    } catch (error) {
      // Somebody else was faster: what is shown behind the dialog is as it is now.
      if (error instanceof Refusal && error.code.startsWith("label-")) void this.load();
      throw error;
    }
  };

  private async undo(last: LabelEdit): Promise<void> {
    try {
      await this.done(await labelSet.undo(this.page.api, last.edit));
      this.page.tell(say("labels-undone"));
      (document.getElementById("labels-undo") ?? this.detail).focus();
    } catch (error) {
      this.page.refused(error);
      void this.load();
    }
  }

  private async done(found: LabelSet): Promise<void> {
    this.take(found);
    await this.showDetail();
    await this.page.edited();
  }
}

function rowsOf({ changed, review, answered }: ConfusedLabels): number {
  return [...changed, ...review, ...answered].reduce((sum, rows) => sum + rows, 0);
}

/** Say what speaks for a confusion: what is nought is left out. */
function counts(pair: ConfusedLabels): string {
  const told = (["changed", "review", "answered"] as const).filter((kind) => pair[kind][0] + pair[kind][1] > 0);
  return told.map((kind) => say(`labels-count-${kind}`, { there: counted(pair[kind][0]), back: counted(pair[kind][1]) })).join("; ");
}

function marks(text: Example): (Node | string)[] {
  if (!text.speaks) return [];
  const other = text.answer ?? text.proposed ?? "";
  return [" ", el("span", { class: "chip" }, say(text.answer === null ? "labels-seems" : "labels-said", { label: other }))];
}

function inWords(edit: LabelEdit): Node {
  const said = say(`labels-edit-${edit.what}`, { label: edit.label, to: edit.to ?? "", count: counted(edit.texts) });
  return el("span", {}, theirs(said), " ", el("span", { class: "quiet" }, say("labels-edit-by", { who: edit.who })));
}
