// The page of rows that may have several labels: keys switch labels, and Enter saves what is on.

import { part } from "./dom";
import { SET_KEYS, openHelp } from "./help";
import type { KeyActions } from "./keys";
import { type AddAction, Page } from "./page";
import { openPicker } from "./picker";
import { setProgressView } from "./progress";
import { SetRow, nearView, setInWords } from "./setrow";
import { say } from "./strings";
import type { Progress, SetItem, Verdict } from "./types";

export class SetPage extends Page<SetItem> {
  private row: SetRow | null = null;
  private saver: HTMLElement | null = null;
  /** What was on when hidden labels were asked for. */
  private kept: string[] = [];

  override open(): void {
    // There is one view: rows.
    part("views").hidden = true;
    super.open();
  }

  protected keys(): KeyActions {
    return {
      accept: () => this.save(),
      mended: () => this.take(this.item?.mended, "mended"),
      keep: () => this.take(this.item?.given, "given"),
      pick: (digit) => this.pick(digit),
      search: () => this.openSearch(),
      none: () => void this.answer("none", []),
      unsure: () => void this.answer("unsure", []),
      skip: () => void this.skip(),
      undo: () => void this.undo(),
      reveal: () => void this.showHidden(),
      help: () => openHelp(SET_KEYS),
    };
  }

  protected rowOf(item: SetItem): Node[] {
    const [verdict, ...said] = item.undone;
    const kept = this.kept.length ? this.kept : null;
    const on = verdict === "label" || verdict === "none" ? said : kept ?? item.mended ?? [];
    this.kept = [];
    this.row = new SetRow(item, on, (label, pointed) => {
      this.switch(label);
      // Whoever points goes on by keys; whoever came by Tab stays where they are.
      if (pointed) part("row").focus({ preventScroll: true });
    });
    return this.row.view(() => void this.showHidden());
  }

  protected beside(item: SetItem | null): void {
    const view = item && nearView(item);
    part("side").replaceChildren(...(view ? [view] : []));
  }

  protected undone(item: SetItem): string {
    return item.undone[0] === "unsure" ? say("said-unsure") : setInWords(item.undone.slice(1));
  }

  protected progressOf(progress: Progress): Node[] {
    return setProgressView(progress, this.queue, () => void this.apply());
  }

  protected actionsOf(item: SetItem | null, add: AddAction): void {
    if (item) {
      this.saver = add("Enter", "save-set", () => this.save(), true);
      this.count();
    }
    if (item?.mended) add("M", "as-mended", () => this.take(item.mended, "mended"));
    if (item?.given) add("K", "as-given", () => this.take(item.given, "given"));
    add("/", "search-set", () => this.openSearch());
    add("N", "none", () => void this.answer("none", []));
    add("U", "unsure", () => void this.answer("unsure", []));
    add("S", "skip", () => void this.skip());
    add("Z", "undo", () => void this.undo());
    add("?", "keys", () => openHelp(SET_KEYS));
  }

  private async answer(verdict: Verdict, labels: string[]): Promise<void> {
    const item = this.item;
    if (!item) return;
    const what = verdict === "unsure" ? say("said-unsure") : setInWords(labels);
    await this.keepAnswer(() => this.api.answer(item, { verdict, labels }), () => say("saved", { what }));
  }

  private save(): void {
    if (!this.item || !this.row) return;
    const labels = this.row.labels;
    // Where nothing is on from the beginning, a slip would say that no label holds.
    if (this.item.mended === null && !labels.length) this.tell(say("nothing-on"), true);
    else void this.answer(labels.length ? "label" : "none", labels);
  }

  /** Save the labels as they were given, or as they were mended. */
  private take(labels: string[] | null | undefined, which: "given" | "mended"): void {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (!labels) this.tell(say(`no-set-${which}`), true);
    else void this.answer(labels.length ? "label" : "none", labels);
  }

  private pick(digit: number): void {
    const label = this.row?.at(digit);
    if (label !== undefined) this.switch(label);
    else if (this.item) this.tell(say("no-candidate", { digit }), true);
  }

  private switch(label: string): void {
    if (!this.row) return;
    const on = this.row.toggle(label);
    const count = this.row.labels.length;
    this.tell(say(on ? "switched-on" : "switched-off", { label, count }));
    this.count();
  }

  /** Let the button say how many labels it saves. */
  private count(): void {
    this.saver?.lastChild?.replaceWith(say("save-set", { count: this.row?.labels.length ?? 0 }));
  }

  private openSearch(): void {
    if (!this.item) return;
    const count = this.start.labels.length;
    openPicker(this.search, count, (label) => this.switch(label), say("searching-names", { count }));
  }

  private async showHidden(): Promise<void> {
    this.kept = this.row?.labels ?? [];
    await this.reveal();
    this.kept = [];
  }
}
