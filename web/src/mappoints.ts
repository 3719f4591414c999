// The texts as points: how the server sends them, and which of them lies where.

export const HIDDEN = -2;
export const DECISIONS = ["keep", "change", "review", "label", "answered"] as const;

const CELLS = 256;

export interface Box {
  left: number;
  right: number;
  bottom: number;
  top: number;
}

/** Texts in the order in which people are asked about them; a label is a number of `labels`. */
export interface Points {
  count: number;
  x: Float32Array;
  y: Float32Array;
  rows: Int32Array;
  given: Int32Array;
  proposed: Int32Array;
  decisions: Int8Array;
  labels: string[];
}

export function pointsOf(buffer: ArrayBuffer): Points {
  const count = new DataView(buffer).getUint32(0, true);
  const at = (part: number) => 4 + 4 * count * part;
  return {
    count,
    x: new Float32Array(buffer, at(0), count),
    y: new Float32Array(buffer, at(1), count),
    rows: new Int32Array(buffer, at(2), count),
    given: new Int32Array(buffer, at(3), count),
    proposed: new Int32Array(buffer, at(4), count),
    decisions: new Int8Array(buffer, at(5), count),
    labels: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at(5) + count))) as string[],
  };
}

/** The points by cells of a grid, so that what is near the pointer is found without a look at all. */
export class Grid {
  readonly box: Box;
  private readonly step: number;
  private readonly starts: Uint32Array;
  private readonly members: Uint32Array;

  constructor(private readonly points: Points) {
    const { x, y, count } = points;
    const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    for (let i = 0; i < count; i++) {
      if (Number.isNaN(x[i]!)) continue;
      box.left = Math.min(box.left, x[i]!);
      box.right = Math.max(box.right, x[i]!);
      box.bottom = Math.min(box.bottom, y[i]!);
      box.top = Math.max(box.top, y[i]!);
    }
    this.box = box.left <= box.right ? box : { left: 0, right: 0, bottom: 0, top: 0 };
    this.step = Math.max(this.box.right - this.box.left, this.box.top - this.box.bottom, 1e-9) / CELLS;
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const cell = Number.isNaN(x[i]!) ? -1 : this.row(y[i]!) * CELLS + this.column(x[i]!);
      cells[i] = cell;
      if (cell >= 0) this.starts[cell + 1]!++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) this.starts[cell + 1]! += this.starts[cell]!;
    this.members = new Uint32Array(this.starts[CELLS * CELLS]!);
    const next = this.starts.slice();
    for (let i = 0; i < count; i++) {
      if (cells[i]! >= 0) this.members[next[cells[i]!]!++] = i;
    }
  }

  private column(x: number): number {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((x - this.box.left) / this.step)));
  }

  private row(y: number): number {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((y - this.box.bottom) / this.step)));
  }

  /** Return the point that is nearest to a place and within a distance; -1 where there is none. */
  nearest(x: number, y: number, within: number): number {
    let found = -1;
    let best = within * within;
    this.each({ left: x - within, right: x + within, bottom: y - within, top: y + within }, (i) => {
      const away = (this.points.x[i]! - x) ** 2 + (this.points.y[i]! - y) ** 2;
      // Of points in one place the first is drawn on top.
      if (away < best || (away === best && (found < 0 || i < found))) {
        best = away;
        found = i;
      }
    });
    return found;
  }

  /** Visit the points in a box. */
  each(box: Box, visit: (i: number) => void): void {
    const { x, y } = this.points;
    const [first, last] = [this.column(box.left), this.column(box.right)];
    for (let row = this.row(box.bottom); row <= this.row(box.top); row++) {
      const end = this.starts[row * CELLS + last + 1]!;
      for (let at = this.starts[row * CELLS + first]!; at < end; at++) {
        const i = this.members[at]!;
        if (x[i]! >= box.left && x[i]! <= box.right && y[i]! >= box.bottom && y[i]! <= box.top) visit(i);
      }
    }
  }
}
