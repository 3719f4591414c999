// The page: one row at a time. A key is answered by one request, whose reply brings the next row.

import { Api, Refusal } from "./api";
import { batchOf, type Batch } from "./batch";
import { showChosen } from "./chosen";
import { button, el, part, redraw } from "./dom";
import { openHelp } from "./help";
import { listen } from "./keys";
import { LABELS_CHANGED, labelsView } from "./labels";
import { mapView } from "./map";
import { matrixView } from "./matrix";
import { openPicker } from "./picker";
import { progressView } from "./progress";
import { inWords, rowView } from "./row";
import { LabelSearch } from "./search";
import { learn, number, say } from "./strings";
import { QUEUES, type Choice, type Item, type Progress, type Queue, type Start, type Verdict } from "./types";
import { Views } from "./views";
import { whyView } from "./why";

const HOLD_MS = 30_000;
const SLOW_MS = 20_000;
const FAST_MS = 1_500;
const NEXT_ROW = new Set(["answered", "held"]);

class Page {
  private readonly api: Api;
  private readonly search: LabelSearch;
  private readonly views = new Views();
  private item: Item | null = null;
  private queue: Queue;
  private batch: Batch | null = null;
  private progress: Progress | null = null;
  private busy = false;
  private known = "";
  private edited = false;
  private stale = false;
  private timer = 0;

  constructor(private readonly start: Start) {
    this.api = new Api(start.who);
    this.search = new LabelSearch(start.labels);
    this.queue = start.queue;
  }

  open(): void {
    part("table").textContent = this.start.table;
    const who = part("who") as HTMLInputElement;
    who.value = this.start.who;
    who.addEventListener("change", () => this.become(who.value.trim()));
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
    listen({
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
      help: openHelp,
      close: () => this.closeSide(),
    }, () => this.views.shown !== "rows");
    addEventListener("pagehide", () => void this.api.release().catch(() => {}));
    setInterval(() => void this.api.hold().catch(() => {}), HOLD_MS);
    this.showActions();
    void this.change(this.queue).then(() => this.look()).then(() => this.search.entries);
  }

  /** Do one thing at a time: a key that comes while a reply is awaited would be for a row unseen. */
  private async once(work: () => Promise<void>): Promise<void> {
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

  private async refused(error: unknown): Promise<void> {
    if (!(error instanceof Refusal)) throw error;
    this.tell(say(`error-${error.code}`, error.facts), true);
    if (!NEXT_ROW.has(error.code)) return;
    const { item } = await this.api.next(this.queue, null);
    this.show(item);
  }

  private tell(text: string, bad = false): void {
    const status = part("status");
    status.textContent = text;
    status.classList.toggle("bad", bad);
  }

  private show(item: Item | null): void {
    this.item = item;
    this.closeSide();
    const row = part("row");
    if (item) row.replaceChildren(...rowView(item, (label) => void this.answer("label", label), () => void this.reveal()));
    else row.replaceChildren(...this.done());
    row.dataset["row"] = item ? String(item.row) : "";
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
    const none = this.queue === "audit" && this.progress?.audit.total === 0;
    const chosen = this.queue === "doubtful" && this.api.choice;
    const why = none ? "done-audit-none" : chosen ? "done-chosen" : `done-${this.queue}`;
    return [el("p", { class: "done" }, say(why)), el("p", {}, say("done-next"))];
  }

  private async change(queue: Queue): Promise<void> {
    await this.once(async () => {
      this.queue = queue;
      const { item } = await this.api.next(queue, null);
      // What there is to say where no row is left depends on it; a row does not wait for it.
      if (!item && !this.progress) await this.look();
      this.stale = this.edited = false;
      this.tell(say(`queue-${queue}-help`));
      this.show(item);
      this.showProgress();
    });
  }

  /** Ask about the rows that were picked in a picture; null for all of them again. */
  private narrow(choice: Choice | null, words: string): void {
    this.api.choice = choice;
    this.views.open("rows");
    showChosen(choice && words, () => this.narrow(null, ""));
    void this.change("doubtful");
  }

  private become(who: string): void {
    if (!who || who === this.api.who) return;
    void this.api.release().catch(() => {});
    this.api.who = who;
    void this.change(this.queue).then(() => this.look());
  }

  private async answer(verdict: Verdict, label: string | null): Promise<void> {
    const item = this.item;
    if (!item) return;
    const begun = performance.now();
    const more = this.batch?.ticked() ?? [];
    await this.once(async () => {
      const reply = await this.api.answer(item, verdict, label, more);
      this.show(reply.item);
      const what = inWords(verdict, label);
      const count = reply.answers.length;
      this.tell(count > 1 ? say("saved-many", { count, what }) : say("saved", { what }));
      requestAnimationFrame(() =>
        setTimeout(() => performance.measure("key-to-row", { start: begun, end: performance.now() })),
      );
      this.lookSoon();
    });
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

  private async skip(): Promise<void> {
    await this.once(async () => {
      const { item } = await this.api.next(this.queue, this.item?.row ?? null);
      this.show(item);
      this.tell(say("skipped"));
    });
  }

  private async undo(): Promise<void> {
    await this.once(async () => {
      const { item } = await this.api.undo();
      this.show(item);
      this.tell(say("undone", { what: inWords(item.undone[0] ?? "", item.undone[1]) }));
      this.lookSoon();
    });
  }

  private async reveal(): Promise<void> {
    const item = this.item;
    if (!item?.hidden) return;
    await this.once(async () => this.show((await this.api.reveal(item)).item));
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

  private showQueues(): void {
    redraw(
      part("queues"),
      ...QUEUES.map((queue) => {
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

  private showActions(): void {
    const item = this.item;
    const made: Node[] = [];
    const add = (key: string, name: string, action: () => void, primary = false) => {
      made.push(
        button({ class: primary ? "primary" : undefined, "aria-keyshortcuts": key, disabled: !item && name !== "undo" && name !== "keys" },
          action, el("kbd", { "aria-hidden": "true" }, key), say(name)),
      );
    };
    if (item && !item.hidden && item.proposed !== null) add("Enter", "accept-short", () => this.accept(), true);
    if (item && !item.hidden && item.given !== null) add("K", "keep-short", () => this.keep());
    add("/", "search", () => this.openSearch());
    add("N", "none", () => void this.answer("none", null));
    add("U", "unsure", () => void this.answer("unsure", null));
    add("S", "skip", () => void this.skip());
    add("Z", "undo", () => void this.undo());
    if (item && !item.hidden) add("W", "why", () => void this.why());
    if (item && !item.hidden && item.queue === "doubtful") add("B", "batch", () => void this.alike());
    add("?", "keys", openHelp);
    part("actions").replaceChildren(...made);
  }

  private showProgress(): void {
    this.showQueues();
    if (!this.progress) return;
    // A field that is being typed into stays.
    if (document.activeElement?.id === "goal") return;
    redraw(
      part("progress"),
      ...progressView(this.progress, this.queue, {
        aim: (goal) => void this.aim(goal),
        apply: () => void this.apply(),
      }),
    );
  }

  private lookSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), 250);
  }

  /** Look how far everything is: often while something is being worked out. */
  private async look(): Promise<void> {
    clearTimeout(this.timer);
    try {
      this.progress = await this.api.progress();
      this.showProgress();
      await this.heed(this.progress);
      if (this.stale && this.views.shown === "rows") void this.change(this.queue);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    const jobs = this.progress ? Object.values(this.progress.jobs) : [];
    const soon = jobs.some((job) => job.phase === "running");
    this.timer = window.setTimeout(() => void this.look(), soon ? FAST_MS : SLOW_MS);
  }

  /** Learn the labels anew where somebody edited them, and tell the view of them what is new. */
  private async heed({ labels, jobs }: Progress): Promise<void> {
    const now = `${labels.version} ${labels.pending} ${jobs.apply.phase}`;
    if (now === this.known) return;
    this.known = now;
    if (labels.version !== this.start.labels_version) {
      const fresh = await Api.start();
      this.start.labels_version = fresh.labels_version;
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

  private async apply(): Promise<void> {
    await this.once(async () => {
      this.progress = await this.api.apply();
      this.showProgress();
      this.lookSoon();
    });
  }
}

Api.start().then(
  (start) => {
    learn(start.strings);
    new Page(start).open();
  },
  () => {
    // Without the catalogue there are no words but the browser's own.
    part("row").replaceChildren(el("p", {}, "401"));
  },
);
