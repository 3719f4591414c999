// The view "Map": the texts as points, near to each other where they are alike.

import type { Api } from "./api";
import { button, el, theirs } from "./dom";
import { MapCanvas, type Spot } from "./mapcanvas";
import { byDecision, byLabel, COLOUR_BY, MARKS, mostConfused, REST, type ColourBy, type Colours, type Entry } from "./mapcolours";
import { DECISIONS, Grid, HIDDEN, pointsOf, type Points } from "./mappoints";
import { openPicker } from "./picker";
import { LABELS_CHANGED } from "./labels";
import type { LabelSearch } from "./search";
import { counted, number, say } from "./strings";
import type { Choice } from "./types";
import type { View } from "./views";

/** What the views of pictures ask of the page. */
export interface PictureActions {
  /** Ask about the rows of a choice, which words name. */
  ask(choice: Choice, words: string): void;
  /** Say what a view shows. */
  tell(text: string): void;
  /** Say what went wrong. */
  refused(error: unknown): void;
}

const LISTED = 8;
const HOVER_MS = 70;

export function mapView(api: Api, search: LabelSearch, actions: PictureActions): View {
  return (place) => new MapView(place, api, search, actions);
}

class MapView {
  private points: Points | null = null;
  private grid: Grid | null = null;
  private by: ColourBy = "decision";
  private readonly chosen: Record<"given" | "proposed", string[]> = { given: [], proposed: [] };
  private picked = -1;
  private hovered = -1;
  private timer = 0;
  private readonly texts = new Map<number, string>();
  private readonly canvas: MapCanvas;
  private readonly tip = el("div", { class: "tip", hidden: true });
  private readonly legend = el("div", { class: "legend" });
  private readonly found = el("div", { class: "found" });
  private readonly told = el("p", { role: "status", class: "quiet" });
  private readonly list = el("ol", { class: "listed" });
  private readonly modes: HTMLButtonElement[];

  constructor(
    private readonly place: HTMLElement,
    private readonly api: Api,
    private readonly search: LabelSearch,
    private readonly actions: PictureActions,
  ) {
    const canvas = el("canvas", { class: "map", tabindex: 0, role: "application", "aria-label": say("map-label"), "aria-describedby": "map-keys" });
    this.canvas = new MapCanvas(canvas, {
      over: (i, x, y) => this.hover(i, x, y),
      picked: (i) => this.pick(i),
      drawn: (corners) => void this.choose({ area: corners }, say("chosen-area")),
      rested: () => this.listInView(),
    });
    this.modes = (["move", "lasso"] as const).map((mode) =>
      button({ "aria-pressed": String(mode === "move"), title: say(`map-${mode}-help`) }, () => this.setMode(mode === "lasso"), say(`map-${mode}`)),
    );
    const tools = el("div", { class: "tools", role: "toolbar", "aria-label": say("map-tools"), "aria-controls": "view-map" },
      ...this.modes,
      button({ "aria-label": say("map-in") }, () => this.canvas.zoom(1.4), "+"),
      button({ "aria-label": say("map-out") }, () => this.canvas.zoom(1 / 1.4), "−"),
      button({}, () => this.canvas.fit(), say("map-whole")),
      button({ title: say("map-view-help") }, () => this.chooseView(), say("map-view")));
    place.replaceChildren(
      el("div", { class: "picture" },
        el("div", { class: "drawn" }, tools, el("div", { class: "frame" }, canvas, this.tip), el("p", { id: "map-keys", class: "quiet" }, say("map-keys"))),
        el("div", { class: "beside" }, this.found, this.colourBy(), this.legend,
          el("h2", {}, say("map-listed")), this.told, this.list)),
    );
  }

  shown(): void {
    this.actions.tell(say("view-map-help"));
    document.addEventListener(LABELS_CHANGED, this.drawAnew);
    this.drawAnew();
  }

  hidden(): void {
    document.removeEventListener(LABELS_CHANGED, this.drawAnew);
  }

  /** Draw what is known by now: labels have other names, or the table was mended. */
  private readonly drawAnew = (): void => {
    if (!this.api.choice) this.forget();
    void this.load();
  };

  private async load(): Promise<void> {
    try {
      const points = pointsOf(await this.api.map());
      this.grid = new Grid(points);
      this.points = points;
    } catch (error) {
      this.actions.refused(error);
      return;
    }
    for (const by of ["given", "proposed"] as const) {
      // A label that was renamed or merged since is none any more.
      const { labels } = this.points;
      this.chosen[by] = this.chosen[by].filter((name) => labels.includes(name));
      if (!this.chosen[by].length) this.chosen[by] = mostConfused(this.points);
    }
    this.place.dataset["points"] = String(this.points.count);
    this.colour();
    this.canvas.show(this.points, this.grid);
  }

  private colourBy(): HTMLElement {
    const options = COLOUR_BY.map((by) =>
      el("option", { value: by }, say(`map-by-${by}`)),
    );
    const field = el("select", { id: "map-by" }, ...options);
    field.addEventListener("change", () => {
      this.by = field.value as ColourBy;
      this.colour();
    });
    return el("p", {}, el("label", { for: "map-by" }, say("map-by")), " ", field);
  }

  private colour(): void {
    if (!this.points) return;
    const colours: Colours = this.by === "decision" ? byDecision(this.points) : byLabel(this.points, this.by, this.chosen[this.by]);
    this.canvas.marks = colours.marks;
    this.canvas.draw();
    this.legend.replaceChildren(el("ul", {}, ...colours.legend.map((entry) => el("li", {}, ...this.entry(entry)))));
    if (this.by === "decision") return;
    this.legend.append(button({ class: "plain" }, () => this.addLabel(), say("map-add")));
  }

  private entry({ what, label, mark, count }: Entry): Node[] {
    const name = label === undefined ? el("span", {}, say(`map-is-${what}`)) : theirs(label);
    const parts: Node[] = [markOf(mark), name, el("span", { class: "count" }, number(count))];
    if (label !== undefined) {
      const title = say("map-drop", { label });
      parts.push(button({ class: "plain", "aria-label": title, title }, () => this.dropLabel(label), "×"));
    }
    return parts;
  }

  private addLabel(): void {
    openPicker(this.search, this.points!.labels.length, (label) => {
      if (this.by === "decision") return;
      const others = this.chosen[this.by].filter((one) => one !== label);
      this.chosen[this.by] = [...others.slice(-MARKS + 1), label];
      this.colour();
    });
  }

  private dropLabel(label: string): void {
    if (this.by === "decision") return;
    this.chosen[this.by] = this.chosen[this.by].filter((one) => one !== label);
    this.colour();
    (this.legend.querySelector("button") ?? this.canvas.element).focus();
  }

  private setMode(lasso: boolean): void {
    this.canvas.lasso = lasso;
    this.canvas.element.classList.toggle("lasso", lasso);
    this.modes.forEach((mode, i) => mode.setAttribute("aria-pressed", String(Boolean(i) === lasso)));
  }

  private hover(i: number, x: number, y: number): void {
    if (i !== this.hovered) {
      this.hovered = i;
      clearTimeout(this.timer);
      if (i >= 0) this.timer = window.setTimeout(() => void this.fillTip(i), HOVER_MS);
      this.ring();
    }
    this.tip.hidden = i < 0 || !this.tip.hasChildNodes() || this.tip.dataset["of"] !== String(i);
    const { clientWidth: width, clientHeight: height } = this.canvas.element;
    this.tip.style.insetInlineStart = `${Math.max(0, Math.min(x + 14, width - 300))}px`;
    if (y > height / 2) [this.tip.style.top, this.tip.style.bottom] = ["auto", `${height - y + 10}px`];
    else [this.tip.style.top, this.tip.style.bottom] = [`${y + 14}px`, "auto"];
  }

  private async fillTip(i: number): Promise<void> {
    await this.learn([i]);
    if (this.hovered !== i) return;
    this.tip.replaceChildren(...this.about(i));
    this.tip.dataset["of"] = String(i);
    this.tip.hidden = false;
  }

  private ring(): void {
    this.canvas.ringed = [this.picked, this.hovered].filter((i) => i >= 0);
    this.canvas.draw();
  }

  private pick(i: number): void {
    this.picked = i;
    this.ring();
    this.found.replaceChildren();
    if (i >= 0) void this.showCard(i);
  }

  private async showCard(i: number): Promise<void> {
    const choice: Choice = { near: this.points!.rows[i]! };
    await this.learn([i]);
    if (this.picked === i) await this.choose(choice, say("chosen-near"), this.about(i));
  }

  private about(i: number): Node[] {
    const { rows, given, proposed, decisions, labels } = this.points!;
    const parts: Node[] = [el("p", {}, theirs(this.texts.get(rows[i]!) ?? "", { class: "short" }))];
    if (decisions[i] === HIDDEN) return [...parts, el("p", { class: "quiet" }, say("map-hidden"))];
    const name = (label: number) => (label < 0 ? el("em", {}, say("given-none")) : theirs(labels[label]!, { class: "label" }));
    const decision = DECISIONS[decisions[i]!];
    parts.push(el("p", {}, name(given[i]!), " → ", name(proposed[i]!), " ", decision ? el("span", { class: "chip" }, say(`map-is-${decision}`)) : null));
    return parts;
  }

  /** Get the texts of points that are not known yet. */
  private async learn(points: number[]): Promise<void> {
    const rows = points.map((i) => this.points!.rows[i]!).filter((row) => !this.texts.has(row));
    if (!rows.length) return;
    try {
      for (const { row, text } of await this.api.texts(rows)) this.texts.set(row, text);
    } catch (error) {
      this.actions.refused(error);
    }
  }

  /** Say how many rows a choice has, and offer to ask about them. */
  private async choose(choice: Choice, words: string, about: Node[] = []): Promise<void> {
    try {
      const texts = await this.api.choose(choice);
      const ask = button({ class: "primary", disabled: !texts }, () => this.actions.ask(choice, words), say("chosen-ask"));
      this.found.replaceChildren(
        el("div", { class: "panel" }, ...about, el("p", { role: "status" }, say("chosen-open", { what: words, count: counted(texts) })),
          el("p", { class: "tools" }, ask, button({ class: "plain" }, () => this.letGo(), say("chosen-drop")))),
      );
      this.found.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.actions.refused(error);
    }
  }

  private letGo(): void {
    this.forget();
    this.canvas.element.focus();
  }

  private forget(): void {
    this.canvas.area = [];
    this.pick(-1);
  }

  private chooseView(): void {
    const { left, right, bottom, top } = this.canvas.view();
    const corners: Spot[] = [[left, bottom], [right, bottom], [right, top], [left, top]];
    void this.choose({ area: corners }, say("chosen-view"));
  }

  /** Say what is in view, for whoever does not see it, and list what people are asked about first. */
  private async listInView(): Promise<void> {
    const { points, grid } = this;
    if (!points || !grid) return;
    const inView: number[] = [];
    grid.each(this.canvas.view(), (i) => inView.push(i));
    const of = (decision: number) => counted(inView.filter((i) => points.decisions[i] === decision).length);
    this.told.textContent = say("map-in-view", { count: counted(inView.length), changed: of(1), review: of(2) });
    const first = Array.from(Uint32Array.from(inView).sort().subarray(0, LISTED));
    await this.learn(first);
    this.list.replaceChildren(...first.map((i) => {
      const text = this.texts.get(points.rows[i]!) ?? "";
      return el("li", {}, button({ class: "plain" }, () => this.pick(i), theirs(text, { class: "short" })));
    }));
  }
}

function markOf(mark: number): HTMLElement {
  return el("span", { class: `mark mark-${mark === REST ? "rest" : mark}`, "aria-hidden": "true" });
}
