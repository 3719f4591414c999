// The page of `labelmend serve`: one message, what the models say of it, and whether that is right.

import { Refusal, ask, post } from "../api";
import { button, el, part, theirs } from "../dom";
import { learn, number, percent, say } from "../strings";

interface Share {
  label: string;
  probability: number;
}
interface Near {
  text: string;
  label: string;
  similarity: number;
}
interface Prediction extends Share {
  is_oos: boolean;
  top: Share[];
  near: Near[];
}
interface Said {
  version: string;
  predictions: Prediction[];
}
interface Answer extends Said {
  request_id: string;
  against: Said | null;
}
interface Model {
  role: "main" | "against";
  name: string;
  version: string;
  labels: string[];
  keeps_texts: boolean;
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

function bars(prediction: Prediction): HTMLElement {
  const rows = prediction.top.map(({ label, probability }) => {
    const bar = el("span", { class: "bar", "aria-hidden": true }, el("span"));
    (bar.firstElementChild as HTMLElement).style.inlineSize = `${probability * 100}%`;
    return el("li", {}, theirs(label), bar, el("span", { class: "share" }, percent(probability, 1)));
  });
  return el("ol", { class: "top" }, ...rows);
}

function evidence(model: Model, prediction: Prediction): HTMLElement {
  if (!model.keeps_texts) return el("p", { class: "quiet" }, say("keeps-none"), " ", el("code", {}, "--keep-texts"));
  const labels = [...new Set(prediction.near.map((one) => one.label))];
  const lists = labels.map((label) => {
    const texts = prediction.near.filter((one) => one.label === label);
    const items = texts.map((one) =>
      el("li", {}, theirs(one.text), " ", el("span", { class: "quiet" }, number(one.similarity, 2, 2))),
    );
    return el("div", {}, el("h4", {}, theirs(label)), el("ul", {}, ...items));
  });
  return el("div", { class: "near" }, el("h3", {}, say("near")), ...lists);
}

function card(model: Model, version: string, prediction: Prediction): HTMLElement {
  const verdict = el("p", { class: "verdict" }, theirs(prediction.label, { class: "label" }), " ");
  verdict.append(el("span", { class: "share" }, percent(prediction.probability, 1)));
  const flag = prediction.is_oos && el("p", { class: "flag" }, say("oos"));
  const title = el("h2", {}, say(model.role), " ", theirs(model.name, { class: "name" }), " ");
  title.append(el("code", {}, version.slice(0, SHOWN)));
  return el("section", { class: "card" }, title, verdict, flag, bars(prediction), evidence(model, prediction));
}

function feedback(answer: Answer, label: string): HTMLElement {
  const place = el("section", { class: "feedback", id: "feedback" });
  const labels = models.models[0]?.labels ?? [];
  const send = async (word: { verdict: "right" | "wrong" } | { label: string }) => {
    try {
      await post("/v1/feedback", { request_id: answer.request_id, ...word });
      place.replaceChildren(el("p", { role: "status" }, say("thanks")));
    } catch (error) {
      status(said(error), true);
    }
  };
  const pick = () => {
    const select = el("select", { id: "right-label" });
    select.append(el("option", { value: "" }, say("none-of-them")));
    for (const one of labels) if (one !== label) select.append(el("option", { value: one }, one));
    const done = button({ class: "primary" }, () => {
      void send(select.value ? { label: select.value } : { verdict: "wrong" });
    }, say("send"));
    place.replaceChildren(el("label", { for: "right-label" }, say("which")), select, done);
    select.focus();
  };
  place.append(
    el("p", {}, say("is-it-right"), " ", theirs(label, { class: "label" })),
    button({}, () => void send({ verdict: "right" }), say("right")),
    button({}, pick, say("wrong")),
  );
  return place;
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
  const below = models.takes_feedback && first ? [feedback(answer, first.label)] : [];
  part("after").replaceChildren(...below);
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
