// The page of rows with one label: a key answers the row.

import { Api } from "./api";
import { batchOf, type Batch } from "./batch";
import { showChosen } from "./chosen";
import { part } from "./dom";
import { LABEL_KEYS, openHelp } from "./help";
import type { KeyActions } from "./keys";
import { LABELS_CHANGED, labelsView } from "./labels";
import { mapView } from "./map";
import { matrixView } from "./matrix";
import { type AddAction, Page } from "./page";
import { openPicker } from "./picker";
import { progressView } from "./progress";
import { inWords, rowView } from "./row";
import { say } from "./strings";
import type { Choice, Item, Progress, Verdict } from "./types";
import { Views } from "./views";
import { whyView } from "./why";

export class LabelPage extends Page<Item> {
  private readonly views = new Views();
  private batch: Batch | null = null;
  private known = "";
  private edited = false;
  private stale = false;

  override open(): void {
    this.views.add("rows", () => ({ shown: () => this.stale && void this.change(this.queue) }));
    const pictures = {
      ask: (choice: Choice, words: string) => this.narrow(choice, words),
      tell: (text: string) => this.tell(text),
      refused: (error: unknown) => void this.refused(error),
    };
    this.views.add("labels", labelsView({
      api: this.api,
      labels: this.start.labels,
      search: this.search,
      tell: pictures.tell,
      refused: pictures.refused,
      apply: () => void this.apply(),
      applying: () => this.progress?.jobs.apply ?? null,
      edited: () => {
        this.edited = true;
        return this.look();
      },
    }));
    this.views.add("map", mapView(this.api, this.search, pictures));
    this.views.add("matrix", matrixView(this.api, this.start.labels, this.search, pictures));
    super.open();
  }

  protected keys(): KeyActions {
    return {
      accept: () => this.accept(),
      keep: () => this.keep(),
      pick: (digit) => this.pick(digit),
      search: () => this.openSearch(),
      none: () => void this.answer("none", null),
      unsure: () => void this.answer("unsure", null),
      skip: () => void this.skip(),
      undo: () => void this.undo(),
      why: () => void this.why(),
      batch: () => void this.alike(),
      reveal: () => void this.reveal(),
      help: () => openHelp(LABEL_KEYS),
      close: () => this.closeSide(),
    };
  }

  protected override deaf(): boolean {
    return this.views.shown !== "rows";
  }

  protected override nothing(): string {
    return this.queue === "doubtful" && this.api.choice ? "done-chosen" : super.nothing();
  }

  protected override changed(): void {
    this.stale = this.edited = false;
  }

  protected rowOf(item: Item): Node[] {
    return rowView(item, (label) => void this.answer("label", label), () => void this.reveal());
  }

  protected progressOf(progress: Progress): Node[] {
    return progressView(progress, this.queue, {
      aim: (goal) => void this.aim(goal),
      apply: () => void this.apply(),
    });
  }

  protected beside(): void {
    this.closeSide();
  }

  protected undone(item: Item): string {
    return inWords(item.undone[0] ?? "", item.undone[1]);
  }

  /** Ask about the rows that were picked in a picture; null for all of them again. */
  private narrow(choice: Choice | null, words: string): void {
    this.api.choice = choice;
    this.views.open("rows");
    showChosen(choice && words, () => this.narrow(null, ""));
    void this.change("doubtful");
  }

  private async answer(verdict: Verdict, label: string | null): Promise<void> {
    const item = this.item;
    if (!item) return;
    const more = this.batch?.ticked() ?? [];
    const what = inWords(verdict, label);
    await this.keepAnswer(
      () => this.api.answer(item, { verdict, label, more }),
      (count) => (count > 1 ? say("saved-many", { count, what }) : say("saved", { what })),
    );
  }

  private accept(): void {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (this.item.proposed === null) this.tell(say("no-proposal"), true);
    else void this.answer("label", this.item.proposed);
  }

  private keep(): void {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (this.item.given === null) this.tell(say("no-given"), true);
    else void this.answer("label", this.item.given);
  }

  private pick(digit: number): void {
    const candidate = this.item?.candidates[digit - 1];
    if (candidate) void this.answer("label", candidate.label);
    else if (this.item) this.tell(say("no-candidate", { digit }), true);
  }

  private openSearch(): void {
    if (!this.item) return;
    openPicker(this.search, this.start.labels.length, (label) => void this.answer("label", label));
  }

  private async why(): Promise<void> {
    const item = this.item;
    if (!item || this.closed("why")) return;
    await this.once(async () => {
      const why = await this.api.why(item);
      this.showSide("why", whyView(why, () => this.closeSide()));
    });
  }

  private async alike(): Promise<void> {
    const item = this.item;
    if (!item || this.closed("batch")) return;
    if (item.queue !== "doubtful") {
      this.tell(say("error-no-batch"), true);
      return;
    }
    await this.once(async () => {
      const { items } = await this.api.batch(item);
      const batch = batchOf(items, () => this.closeSide());
      this.showSide("batch", batch.view);
      this.batch = batch;
    });
  }

  private showSide(kind: string, view: HTMLElement): void {
    this.batch = null;
    const side = part("side");
    side.replaceChildren(view);
    side.dataset["kind"] = kind;
    view.scrollIntoView({ block: "nearest" });
  }

  /** Close what is open beside the row; tell whether it was of that kind. */
  private closed(kind: string): boolean {
    const was = part("side").dataset["kind"] === kind;
    if (was) this.closeSide();
    return was;
  }

  private closeSide(): void {
    this.batch = null;
    const side = part("side");
    side.replaceChildren();
    delete side.dataset["kind"];
  }

  protected actionsOf(item: Item | null, add: AddAction): void {
    if (item && !item.hidden && item.proposed !== null) add("Enter", "accept-short", () => this.accept(), true);
    if (item && !item.hidden && item.given !== null) add("K", "keep-short", () => this.keep());
    add("/", "search", () => this.openSearch());
    add("N", "none", () => void this.answer("none", null));
    add("U", "unsure", () => void this.answer("unsure", null));
    add("S", "skip", () => void this.skip());
    add("Z", "undo", () => void this.undo());
    if (item && !item.hidden) add("W", "why", () => void this.why());
    if (item && !item.hidden && item.queue === "doubtful") add("B", "batch", () => void this.alike());
    add("?", "keys", () => openHelp(LABEL_KEYS));
  }

  protected override async look(): Promise<void> {
    await super.look();
    if (this.stale && this.views.shown === "rows") void this.change(this.queue);
  }

  /** Learn the labels anew where somebody edited them, and tell the view of them what is new. */
  protected override async heed({ labels, jobs }: Progress): Promise<void> {
    if (!labels) return;
    const now = `${labels.version} ${labels.pending} ${jobs.apply.phase}`;
    if (now === this.known) return;
    this.known = now;
    if (labels.version !== this.start.labels_version) {
      const fresh = await Api.start();
      this.start.labels_version = fresh.labels_version ?? labels.version;
      this.start.labels.splice(0, Infinity, ...fresh.labels);
      this.search.learn(fresh.labels);
      // The row still has the old names. Under the eyes of whoever edited nothing it stays.
      this.stale = this.edited;
    }
    document.dispatchEvent(new Event(LABELS_CHANGED));
  }

  private async aim(goal: number): Promise<void> {
    await this.once(async () => {
      this.progress = await this.api.goal(goal);
      (document.activeElement as HTMLElement | null)?.blur();
      this.showProgress();
    });
  }
}
