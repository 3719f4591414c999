// Talking to the server that this page came from, and to no other.

import type { AnyItem, Choice, Item, Matrix, Progress, Queue, Start, Verdict, Why } from "./types";

/** A refusal of the server's: a word of the catalogue, with facts. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly facts: Record<string, string> = {},
  ) {
    super(code);
  }
}

async function reach(path: string, options: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal("offline");
  }
}

export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const reply = await reach(path, options);
  return heard<T>(reply);
}

async function heard<T>(reply: Response): Promise<T> {
  const said = (await reply.json().catch(() => ({ error: "invalid" }))) as T & {
    error?: string;
    facts?: Record<string, string>;
  };
  if (!reply.ok) throw new Refusal(said.error ?? "invalid", said.facts);
  return said;
}

export function post<T>(path: string, body: object, keepalive = false): Promise<T> {
  const headers = { "content-type": "application/json" };
  return ask<T>(path, { method: "POST", headers, body: JSON.stringify(body), keepalive });
}

/** A tab's own name: a copy of the tab in the browser is another one. */
function tabName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Api<I extends AnyItem = Item> {
  private readonly tab = tabName();
  /** What the person picked in a picture: the doubtful queue is narrowed to it. */
  choice: Choice | null = null;

  constructor(public who: string) {}

  static start(): Promise<Start> {
    return ask<Start>("/api/start");
  }

  /** Who asks, and from which tab. */
  get me() {
    return { tab: this.tab, who: this.who };
  }

  next(queue: Queue, skip: number | null): Promise<{ item: I | null }> {
    return post("/api/next", { ...this.me, queue, skip, ...this.chosen });
  }

  private get chosen() {
    return this.choice && { choice: this.choice };
  }

  answer(
    { queue, row, hidden }: I,
    said: { verdict: Verdict; label: string | null; more: number[] } | { verdict: Verdict; labels: string[] },
  ): Promise<{ answers: string[]; item: I | null }> {
    return post("/api/answer", { ...this.me, queue, row, ...said, revealed: !hidden, ...this.chosen });
  }

  undo(): Promise<{ item: I }> {
    return post("/api/undo", this.me);
  }

  reveal({ queue, row }: I): Promise<{ item: I }> {
    return post("/api/reveal", { ...this.me, queue, row });
  }

  batch({ queue, row }: I): Promise<{ items: I[] }> {
    return post("/api/batch", { ...this.me, queue, row });
  }

  why({ queue, row }: I): Promise<Why> {
    const query = new URLSearchParams({ ...this.me, queue, row: String(row) });
    return ask(`/api/why?${query}`);
  }

  progress(): Promise<Progress> {
    return ask(`/api/progress?${new URLSearchParams({ who: this.who })}`);
  }

  async map(): Promise<ArrayBuffer> {
    const reply = await reach(`/api/map?${new URLSearchParams({ who: this.who })}`);
    return reply.ok ? reply.arrayBuffer() : heard(reply);
  }

  matrix(label: string | null): Promise<Matrix> {
    const query = new URLSearchParams({ who: this.who, ...(label === null ? {} : { label }) });
    return ask(`/api/matrix?${query}`);
  }

  async texts(rows: number[]): Promise<{ row: number; text: string }[]> {
    const query = new URLSearchParams(rows.map((row) => ["row", String(row)]));
    return (await ask<{ texts: { row: number; text: string }[] }>(`/api/texts?${query}`)).texts;
  }

  async choose(choice: Choice): Promise<number> {
    return (await post<{ texts: number }>("/api/choose", { ...this.me, choice })).texts;
  }

  hold(): Promise<object> {
    return post("/api/hold", this.me);
  }

  release(): Promise<object> {
    return post("/api/release", this.me, true);
  }

  goal(goal: number): Promise<Progress> {
    return post("/api/goal", { ...this.me, goal });
  }

  apply(): Promise<Progress> {
    return post("/api/apply", this.me);
  }
}
