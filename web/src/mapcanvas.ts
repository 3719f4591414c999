// The canvas of the map. Points are written into a picture as pixels, which takes some milliseconds
// for hundreds of thousands; lines go over it.

import { MARKS, REST } from "./mapcolours";
import type { Box, Grid, Points } from "./mappoints";

export type Spot = [number, number];

export interface MapEvents {
  /** The pointer is near a point, or near none (-1). */
  over(i: number, x: number, y: number): void;
  picked(i: number): void;
  drawn(corners: Spot[]): void;
  /** What is in view has changed, and stays for a while. */
  rested(): void;
}

const NEAR_PX = 12;
const CLICK_PX = 4;
const STEP_PX = 60;
const ZOOM = 1.4;
const MOST_CORNERS = 300;
const REST_MS = 250;
const MOST_ZOOM = 2000;

/** Whether a pixel belongs to a mark of a shape, at distances from its middle in radii. */
const SHAPES: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => Math.abs(x) + Math.abs(y) <= 1.2,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  (x, y) => y <= 0.8 && y >= 2 * Math.abs(x) - 1.1,
  (x, y) => x * x + y * y <= 1.1,
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.35 && Math.max(Math.abs(x), Math.abs(y)) <= 1.15,
  (x, y) => -y <= 0.8 && -y >= 2 * Math.abs(x) - 1.1,
  (x, y) => x * x + y * y <= 0.7,
];

export class MapCanvas {
  lasso = false;
  marks: Uint8Array = new Uint8Array(0);
  /** Points with a ring around them. */
  ringed: number[] = [];
  area: Spot[] = [];
  private points: Points | null = null;
  private grid: Grid | null = null;
  private readonly context: CanvasRenderingContext2D;
  private image: ImageData | null = null;
  private centre: Spot = [0, 0];
  private scale = 1;
  private whole = 1;
  private frame = 0;
  private rest = 0;
  private readonly pointers = new Map<number, Spot>();
  private begun: { x: number; y: number; moved: boolean; drawing: boolean } | null = null;

  constructor(readonly element: HTMLCanvasElement, private readonly events: MapEvents) {
    this.context = element.getContext("2d")!;
    new ResizeObserver(() => this.resize()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerup", (event) => this.up(event, true));
    element.addEventListener("pointercancel", (event) => this.up(event, false));
    element.addEventListener("pointerleave", () => events.over(-1, 0, 0));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  show(points: Points, grid: Grid): void {
    const first = !this.points;
    this.points = points;
    this.grid = grid;
    if (first) this.fit();
    else this.changed();
  }

  /** Show all points. */
  fit(): void {
    if (!this.grid) return;
    const { left, right, bottom, top } = this.grid.box;
    this.centre = [(left + right) / 2, (bottom + top) / 2];
    const { clientWidth: width, clientHeight: height } = this.element;
    const scale = 0.94 * Math.min(width / (right - left), height / (top - bottom));
    this.scale = this.whole = Number.isFinite(scale) && scale > 0 ? scale : 1;
    this.changed();
  }

  zoom(by: number, at?: Spot): void {
    const [x, y] = at ?? this.centre;
    const scale = Math.min(MOST_ZOOM * this.whole, Math.max(this.whole / 2, this.scale * by));
    const real = this.scale / scale;
    this.centre = [x + (this.centre[0] - x) * real, y + (this.centre[1] - y) * real];
    this.scale = scale;
    this.changed();
  }

  /** Return what is in view. */
  view(): Box {
    const [x, y] = this.centre;
    const [width, height] = [this.element.clientWidth / 2 / this.scale, this.element.clientHeight / 2 / this.scale];
    return { left: x - width, right: x + width, bottom: y - height, top: y + height };
  }

  draw(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  private changed(): void {
    this.draw();
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => this.events.rested(), REST_MS);
  }

  private pan(x: number, y: number): void {
    this.centre = [this.centre[0] - x / this.scale, this.centre[1] + y / this.scale];
    this.changed();
  }

  private spot(event: MouseEvent): Spot {
    return this.fromPixels(event.offsetX, event.offsetY);
  }

  private fromPixels(x: number, y: number): Spot {
    return [
      this.centre[0] + (x - this.element.clientWidth / 2) / this.scale,
      this.centre[1] - (y - this.element.clientHeight / 2) / this.scale,
    ];
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const dense = Math.min(devicePixelRatio || 1, 2);
    const was = this.element.width;
    this.element.width = Math.round(width * dense);
    this.element.height = Math.round(height * dense);
    this.image = null;
    if (was !== this.element.width && this.scale === this.whole) this.fit();
    else this.changed();
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : 30 * event.deltaY;
    this.zoom(Math.exp(-Math.max(-200, Math.min(200, pixels)) / 300), this.spot(event));
  }

  private down(event: PointerEvent): void {
    if (event.button) return;
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (this.pointers.size > 1) {
      // A second finger zooms; what the first one had begun to draw is not meant.
      if (this.begun?.drawing) this.area = [];
      this.begun = null;
      return;
    }
    const drawing = this.lasso || event.shiftKey;
    this.begun = { x: event.offsetX, y: event.offsetY, moved: false, drawing };
    if (drawing) this.area = [this.spot(event)];
  }

  private move(event: PointerEvent): void {
    const last = this.pointers.get(event.pointerId);
    const here: Spot = [event.offsetX, event.offsetY];
    if (!last) {
      this.hover(event);
      return;
    }
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, last, here);
      return;
    }
    this.pointers.set(event.pointerId, here);
    const begun = this.begun;
    if (!begun) return;
    begun.moved ||= Math.hypot(here[0] - begun.x, here[1] - begun.y) > CLICK_PX;
    if (!begun.moved) return;
    this.events.over(-1, 0, 0);
    if (begun.drawing) {
      this.area.push(this.spot(event));
      this.draw();
    } else this.pan(here[0] - last[0], here[1] - last[1]);
  }

  private pinch(finger: number, last: Spot, here: Spot): void {
    const other = [...this.pointers].find(([id]) => id !== finger)![1];
    this.pointers.set(finger, here);
    const [before, after] = [last, here].map((spot) => Math.hypot(spot[0] - other[0], spot[1] - other[1]));
    const middle: Spot = [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2];
    this.pan((here[0] - last[0]) / 2, (here[1] - last[1]) / 2);
    if (before! > 0) this.zoom(after! / before!, this.fromPixels(...middle));
  }

  private hover(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    this.events.over(this.nearest(event), event.offsetX, event.offsetY);
  }

  private nearest(event: MouseEvent): number {
    return this.grid?.nearest(...this.spot(event), NEAR_PX / this.scale) ?? -1;
  }

  private up(event: PointerEvent, meant: boolean): void {
    this.pointers.delete(event.pointerId);
    const begun = this.begun;
    this.begun = null;
    if (!begun || !meant) return;
    if (!begun.moved) {
      this.area = [];
      this.events.picked(this.nearest(event));
    } else if (begun.drawing) {
      this.area = thinned(this.area);
      if (this.area.length > 2) this.events.drawn(this.area);
    }
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.pan(STEP_PX, 0),
      ArrowRight: () => this.pan(-STEP_PX, 0),
      ArrowUp: () => this.pan(0, STEP_PX),
      ArrowDown: () => this.pan(0, -STEP_PX),
      "+": () => this.zoom(ZOOM),
      "=": () => this.zoom(ZOOM),
      "-": () => this.zoom(1 / ZOOM),
      "0": () => this.fit(),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  private paint(): void {
    this.frame = 0;
    const { width, height } = this.element;
    if (!this.points || !width || !height) return;
    const begun = performance.now();
    this.image ??= this.context.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    const colour = colours(this.element);
    pixels.fill(colour("--paper"));
    const dense = width / this.element.clientWidth;
    const radius = dense * this.radius();
    this.stamp(pixels, width, height, dense, radius, (mark) => mark === REST, colour);
    this.stamp(pixels, width, height, dense, radius, (mark) => mark !== REST, colour);
    this.context.putImageData(this.image, 0, 0);
    this.lines(dense, radius);
    performance.measure("map-painted", { start: begun, end: performance.now() });
  }

  /** Pixels of a mark: small where there are many, larger when one looks closer. */
  private radius(): number {
    const many = this.points!.count;
    const base = many > 50_000 ? 1.2 : many > 5_000 ? 1.8 : many > 1_000 ? 2.6 : 4;
    return Math.min(7, base * Math.max(1, Math.sqrt(this.scale / this.whole) ** 0.8));
  }

  private stamp(
    pixels: Uint32Array, width: number, height: number, dense: number, radius: number,
    wanted: (mark: number) => boolean, colour: (name: string) => number,
  ): void {
    const { x, y, count } = this.points!;
    const reach = Math.ceil(1.2 * radius);
    const stencils = Array.from({ length: MARKS + 1 }, (_, mark) => stencil(SHAPES[mark]!, radius, reach, width));
    const inks = stencils.map((_, mark) => colour(mark === REST ? "--mark-rest" : `--mark-${mark}`));
    const scale = this.scale * dense;
    const [left, top] = [width / 2 - this.centre[0] * scale, height / 2 + this.centre[1] * scale];
    // Backwards: what people are asked about first lies on top.
    for (let i = count - 1; i >= 0; i--) {
      const mark = this.marks[i]!;
      if (!wanted(mark)) continue;
      const column = Math.round(left + x[i]! * scale);
      const row = Math.round(top - y[i]! * scale);
      if (!(column >= reach && column < width - reach && row >= reach && row < height - reach)) continue;
      const at = row * width + column;
      const ink = inks[mark]!;
      for (const offset of stencils[mark]!) pixels[at + offset] = ink;
    }
  }

  private lines(dense: number, radius: number): void {
    const style = getComputedStyle(this.element);
    const { context } = this;
    const scale = this.scale * dense;
    const at = ([x, y]: Spot): Spot => [
      this.element.width / 2 + (x - this.centre[0]) * scale,
      this.element.height / 2 - (y - this.centre[1]) * scale,
    ];
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--ink");
    context.lineWidth = 2 * dense;
    for (const i of this.ringed) {
      context.beginPath();
      context.arc(...at([this.points!.x[i]!, this.points!.y[i]!]), radius + 4 * dense, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.area.length < 2) return;
    context.beginPath();
    this.area.forEach((spot, i) => (i ? context.lineTo(...at(spot)) : context.moveTo(...at(spot))));
    context.closePath();
    context.globalAlpha = 0.08;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
  }
}

/** Return a reader of the style sheet's colours, as pixels have them. */
function colours(element: HTMLElement): (name: string) => number {
  const style = getComputedStyle(element);
  return (name) => {
    const [red, green, blue] = style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi)!.map((part) => parseInt(part, 16));
    return ((255 << 24) | (blue! << 16) | (green! << 8) | red!) >>> 0;
  };
}

function stencil(shape: (x: number, y: number) => boolean, radius: number, reach: number, width: number): Int32Array {
  const found: number[] = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (shape(x / radius, y / radius)) found.push(y * width + x);
    }
  }
  return Int32Array.from(found);
}

/** Leave corners out, evenly, until a request holds them. */
function thinned(corners: Spot[]): Spot[] {
  const step = Math.ceil(corners.length / MOST_CORNERS);
  return corners.filter((_, i) => i % step === 0);
}
