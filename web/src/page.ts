// The page: one row at a time. A key is answered by one request, whose reply brings the next row.
// What is the same however many labels a row has is here; labelpage.ts and setpage.ts have the rest.

import { Api, Refusal } from "./api";
import { button, el, part, redraw } from "./dom";
import { type KeyActions, listen } from "./keys";
import { LabelSearch } from "./search";
import { number, say } from "./strings";
import type { AnyItem, Progress, Queue, Start } from "./types";

const HOLD_MS = 30_000;
const SLOW_MS = 20_000;
const FAST_MS = 1_500;
const NEXT_ROW = new Set(["answered", "held"]);

/** Add a button to the bar of answers: its key, the name of its sentence, what it does. */
export type AddAction = (key: string, name: string, action: () => void, primary?: boolean) => HTMLButtonElement;

export abstract class Page<I extends AnyItem> {
  protected readonly api: Api<I>;
  protected readonly search: LabelSearch;
  protected item: I | null = null;
  protected queue: Queue;
  protected progress: Progress | null = null;
  private busy = false;
  private timer = 0;

  constructor(protected readonly start: Start) {
    this.api = new Api<I>(start.who);
    this.search = new LabelSearch(start.labels);
    this.queue = start.queue;
  }

  /** Return what the keys do. */
  protected abstract keys(): KeyActions;
  /** Return what a row shows. */
  protected abstract rowOf(item: I): Node[];
  /** Add the buttons that a row has before and behind those of all. */
  protected abstract actionsOf(item: I | null, add: AddAction): void;
  /** Return what an answer that was withdrawn had said, in words. */
  protected abstract undone(item: I): string;
  /** Return what is said of how far everything is. */
  protected abstract progressOf(progress: Progress): Node[];
  /** Show what stands beside a row. */
  protected abstract beside(item: I | null): void;

  /** Whether the keys are somebody else's just now. */
  protected deaf(): boolean {
    return false;
  }

  /** Hear how far everything is. */
  protected async heed(_progress: Progress): Promise<void> {}

  /** Return why no row is left. */
  protected nothing(): string {
    return this.queue === "audit" && this.progress?.audit.total === 0 ? "done-audit-none" : `done-${this.queue}`;
  }

  open(): void {
    part("table").textContent = this.start.table;
    const who = part("who") as HTMLInputElement;
    who.value = this.start.who;
    who.addEventListener("change", () => this.become(who.value.trim()));
    listen(this.keys(), () => this.deaf());
    addEventListener("pagehide", () => void this.api.release().catch(() => {}));
    setInterval(() => void this.api.hold().catch(() => {}), HOLD_MS);
    this.showActions();
    void this.change(this.queue).then(() => this.look()).then(() => this.search.entries);
  }

  /** Do one thing at a time: a key that comes while a reply is awaited would be for a row unseen. */
  protected async once(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    document.body.dataset.busy = "";
    try {
      await work();
    } catch (error) {
      await this.refused(error);
    } finally {
      this.busy = false;
      delete document.body.dataset.busy;
    }
  }

  protected async refused(error: unknown): Promise<void> {
    if (!(error instanceof Refusal)) throw error;
    this.tell(say(`error-${error.code}`, error.facts), true);
    if (!NEXT_ROW.has(error.code)) return;
    const { item } = await this.api.next(this.queue, null);
    this.show(item);
  }

  protected tell(text: string, bad = false): void {
    const status = part("status");
    status.textContent = text;
    status.classList.toggle("bad", bad);
  }

  protected show(item: I | null): void {
    this.item = item;
    const row = part("row");
    row.replaceChildren(...(item ? this.rowOf(item) : this.done()));
    row.dataset["row"] = item ? String(item.row) : "";
    this.beside(item);
    row.focus({ preventScroll: true });
    scrollTo({ top: 0 });
    if (item && item.queue !== this.queue) {
      this.queue = item.queue;
      this.showProgress();
    }
    this.showActions();
    this.showQueues();
  }

  private done(): Node[] {
    return [el("p", { class: "done" }, say(this.nothing())), el("p", {}, say("done-next"))];
  }

  protected async change(queue: Queue): Promise<void> {
    await this.once(async () => {
      this.queue = queue;
      const { item } = await this.api.next(queue, null);
      // What there is to say where no row is left depends on it; a row does not wait for it.
      if (!item && !this.progress) await this.look();
      this.changed();
      this.tell(say(`queue-${queue}-help`));
      this.show(item);
      this.showProgress();
    });
  }

  /** Hear that rows come anew. */
  protected changed(): void {}

  protected become(who: string): void {
    if (!who || who === this.api.who) return;
    void this.api.release().catch(() => {});
    this.api.who = who;
    void this.change(this.queue).then(() => this.look());
  }

  /** Keep an answer, and show the row that its reply brings. */
  protected async keepAnswer(
    ask: () => Promise<{ answers: string[]; item: I | null }>,
    saved: (count: number) => string,
  ): Promise<void> {
    const begun = performance.now();
    await this.once(async () => {
      const reply = await ask();
      this.show(reply.item);
      this.tell(saved(reply.answers.length));
      requestAnimationFrame(() =>
        setTimeout(() => performance.measure("key-to-row", { start: begun, end: performance.now() })),
      );
      this.lookSoon();
    });
  }

  protected async skip(): Promise<void> {
    await this.once(async () => {
      const { item } = await this.api.next(this.queue, this.item?.row ?? null);
      this.show(item);
      this.tell(say("skipped"));
    });
  }

  protected async undo(): Promise<void> {
    await this.once(async () => {
      const { item } = await this.api.undo();
      this.show(item);
      this.tell(say("undone", { what: this.undone(item) }));
      this.lookSoon();
    });
  }

  protected async reveal(): Promise<void> {
    const item = this.item;
    if (!item?.hidden) return;
    await this.once(async () => this.show((await this.api.reveal(item)).item));
  }

  protected showQueues(): void {
    redraw(
      part("queues"),
      ...this.start.queues.map((queue) => {
        const found = this.progress?.[queue];
        const open = found ? found.total - found.done : 0;
        const made = button(
          { "aria-pressed": queue === this.queue, title: say(`queue-${queue}-help`) },
          () => void this.change(queue),
          say(`queue-${queue}`),
        );
        made.setAttribute("aria-pressed", String(queue === this.queue));
        if (open > 0) made.append(" ", el("span", { class: "count" }, number(open)));
        return made;
      }),
    );
  }

  protected showActions(): void {
    const item = this.item;
    const made: Node[] = [];
    this.actionsOf(item, (key, name, action, primary = false) => {
      const one = button(
        { class: primary ? "primary" : undefined, "aria-keyshortcuts": key, disabled: !item && name !== "undo" && name !== "keys" },
        action, el("kbd", { "aria-hidden": "true" }, key), say(name));
      made.push(one);
      return one;
    });
    part("actions").replaceChildren(...made);
  }

  protected showProgress(): void {
    this.showQueues();
    if (!this.progress) return;
    // A field that is being typed into stays.
    if (document.activeElement?.id === "goal") return;
    redraw(part("progress"), ...this.progressOf(this.progress));
  }

  protected lookSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), 250);
  }

  /** Look how far everything is: often while something is being worked out. */
  protected async look(): Promise<void> {
    clearTimeout(this.timer);
    try {
      this.progress = await this.api.progress();
      this.showProgress();
      await this.heed(this.progress);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    const jobs = this.progress ? Object.values(this.progress.jobs) : [];
    const soon = jobs.some((job) => job.phase === "running");
    this.timer = window.setTimeout(() => void this.look(), soon ? FAST_MS : SLOW_MS);
  }

  protected async apply(): Promise<void> {
    await this.once(async () => {
      this.progress = await this.api.apply();
      this.showProgress();
      this.lookSoon();
    });
  }
}
