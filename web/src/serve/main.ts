// The page of `labelmend serve`: one message, what the models say of it, and whether that is right.

import { Refusal, ask, post } from "../api";
import { el, part, theirs } from "../dom";
import { learn, say } from "../strings";
import { type Word, askOfOne, askOfSeveral } from "./feedback";
import { type Model, type Prediction, hasLabel, hasLabels, inParts } from "./said";

interface Said {
  version: string;
  predictions: Prediction[];
}
interface Answer extends Said {
  request_id: string;
  against: Said | null;
}
interface Models {
  models: Model[];
  takes_feedback: boolean;
  watches_drift: boolean;
}
interface Drift {
  state: "looking" | "ready";
  at: string | null;
  is_drift: boolean | null;
  headline: string | null;
  lines: string[];
  problem: string | null;
}

/** Milliseconds after which the page asks again what was found while the server looks for drift. */
const LOOK_AGAIN = 2000;

/** Characters of a version that are shown: they tell models apart that somebody has side by side. */
const SHOWN = 8;

let models: Models = { models: [], takes_feedback: false, watches_drift: false };
let asking = 0;
let looking = 0;

function status(name: string, bad = false): void {
  const place = part("status");
  place.textContent = name && say(name);
  place.classList.toggle("bad", bad);
}

function said(error: unknown): string {
  const name = `error-${error instanceof Refusal ? error.code : "failed"}`;
  return say(name) === name ? "error-failed" : name;
}

function card(model: Model, version: string, prediction: Prediction): HTMLElement {
  const title = el("h2", {}, say(model.role), " ", theirs(model.name, { class: "name" }), " ");
  title.append(el("code", {}, version.slice(0, SHOWN)));
  return el("section", { class: "card" }, title, ...inParts(model, prediction));
}

function feedback(answer: Answer, prediction: Prediction): HTMLElement | null {
  const labels = models.models[0]?.labels ?? [];
  const send = async (word: Word, place: HTMLElement) => {
    try {
      await post("/v1/feedback", { request_id: answer.request_id, ...word });
      place.replaceChildren(el("p", { role: "status" }, say("thanks")));
    } catch (error) {
      status(said(error), true);
    }
  };
  const sent = (word: Word, place: HTMLElement) => void send(word, place);
  if (hasLabel(prediction)) return askOfOne(prediction, labels, sent);
  return hasLabels(prediction) ? askOfSeveral(prediction, labels, sent) : null;
}

function show(answer: Answer): void {
  const parts: HTMLElement[] = [];
  for (const model of models.models) {
    const found = model.role === "main" ? answer : answer.against;
    const prediction = found?.predictions[0];
    if (found && prediction) parts.push(card(model, found.version, prediction));
  }
  const results = part("results");
  results.replaceChildren(...parts);
  results.classList.toggle("two", parts.length > 1);
  const first = answer.predictions[0];
  const below = models.takes_feedback && first ? feedback(answer, first) : null;
  part("after").replaceChildren(...(below ? [below] : []));
}

async function predict(): Promise<void> {
  const text = (part("text") as HTMLTextAreaElement).value.trim();
  if (!text) {
    status("empty", true);
    return;
  }
  const mine = ++asking;
  status("asking");
  try {
    const compare = models.models.length > 1;
    const answer = await post<Answer>("/v1/predict", { text, compare, near: true });
    if (mine !== asking) return;
    // A model may have taken the place of another: its name and labels may be others.
    const versions = [answer.version, ...(answer.against ? [answer.against.version] : [])];
    if (models.models.some((one, i) => one.version !== versions[i])) await know();
    status("");
    show(answer);
  } catch (error) {
    if (mine === asking) status(said(error), true);
  }
}

function showDrift(found: Drift): void {
  const at = found.at === null ? "" : new Date(found.at).toLocaleTimeString(document.documentElement.lang);
  const lines = found.lines.map((line) => el("li", { dir: "auto" }, line));
  const state = found.state === "looking" ? say("looking") : say("seen-at", { at });
  const made = el(
    "div",
    {},
    found.headline && el("p", { class: found.is_drift ? "flag" : "calm" }, found.headline),
    found.problem && el("p", { class: "bad", dir: "auto" }, found.problem),
    lines.length > 0 && el("ul", {}, ...lines),
    el("p", { class: "quiet" }, state),
  );
  part("drift-found").replaceChildren(made);
}

/** Asks what is known, and goes on asking while the server looks and the panel is open. */
async function lookForDrift(): Promise<void> {
  const mine = ++looking;
  const panel = part("drift") as HTMLDetailsElement;
  while (panel.open && mine === looking) {
    try {
      const found = await ask<Drift>("/v1/drift");
      if (mine !== looking) return;
      showDrift(found);
      if (found.state === "ready") return;
    } catch (error) {
      part("drift-found").replaceChildren(el("p", { class: "bad" }, say(said(error))));
      return;
    }
    await new Promise((done) => setTimeout(done, LOOK_AGAIN));
  }
}

async function know(): Promise<void> {
  models = await ask<Models>("/v1/models");
  part("drift").hidden = !models.watches_drift;
}

async function start(): Promise<void> {
  learn(await ask<Record<string, string>>("/static/strings.json"));
  await know();
  const form = part("form") as HTMLFormElement;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void predict();
  });
  part("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void predict();
  });
  part("drift").addEventListener("toggle", () => void lookForDrift());
  form.hidden = false;
  status("");
  part("text").focus();
}

start().catch((error: unknown) => status(said(error), true));
