// src/api.ts
var Refusal = class extends Error {
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
  code;
  facts;
};
async function reach(path, options = {}) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal("offline");
  }
}
async function ask(path, options = {}) {
  const reply = await reach(path, options);
  return heard(reply);
}
async function heard(reply) {
  const said2 = await reply.json().catch(() => ({ error: "invalid" }));
  if (!reply.ok) throw new Refusal(said2.error ?? "invalid", said2.facts);
  return said2;
}
function post(path, body, keepalive = false) {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), keepalive });
}

// src/dom.ts
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === void 0) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => Boolean(child)));
  return made;
}
function button(attributes, action, ...children) {
  const made = el("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", action);
  return made;
}
function part(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found;
}
function theirs(text, attributes = {}) {
  return el("span", { dir: "auto", ...attributes }, text);
}

// src/strings.ts
var catalogue = {};
function learn(strings) {
  catalogue = strings;
}
function say(name, facts = {}) {
  const sentence = catalogue[name] ?? name;
  return sentence.replace(/\{(\w+)(?::([^{}]*))?\}/g, (whole, fact, forms) => {
    const found = facts[fact];
    if (found === void 0) return whole;
    if (forms !== void 0) return formOf(forms, typeof found === "object" ? found.count : Number(found));
    return typeof found === "object" ? found.shown : String(found);
  });
}
function formOf(forms, count) {
  const known = new Map(forms.split("|").map((form) => form.split("=", 2)));
  const category = new Intl.PluralRules(document.documentElement.lang).select(count);
  return known.get(category) ?? known.get("other") ?? known.get("few") ?? "";
}
function percent(share, digits = 0) {
  return share.toLocaleString(document.documentElement.lang, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits
  });
}
function number(value, digits = 0, least = 0) {
  const form = { minimumFractionDigits: least, maximumFractionDigits: digits };
  return value.toLocaleString(document.documentElement.lang, form);
}

// src/serve/main.ts
var LOOK_AGAIN = 2e3;
var SHOWN = 8;
var models = { models: [], takes_feedback: false, watches_drift: false };
var asking = 0;
var looking = 0;
function status(name, bad = false) {
  const place = part("status");
  place.textContent = name && say(name);
  place.classList.toggle("bad", bad);
}
function said(error) {
  const name = `error-${error instanceof Refusal ? error.code : "failed"}`;
  return say(name) === name ? "error-failed" : name;
}
function bars(prediction) {
  const rows = prediction.top.map(({ label, probability }) => {
    const bar = el("span", { class: "bar", "aria-hidden": true }, el("span"));
    bar.firstElementChild.style.inlineSize = `${probability * 100}%`;
    return el("li", {}, theirs(label), bar, el("span", { class: "share" }, percent(probability, 1)));
  });
  return el("ol", { class: "top" }, ...rows);
}
function evidence(model, prediction) {
  if (!model.keeps_texts) return el("p", { class: "quiet" }, say("keeps-none"), " ", el("code", {}, "--keep-texts"));
  const labels = [...new Set(prediction.near.map((one) => one.label))];
  const lists = labels.map((label) => {
    const texts = prediction.near.filter((one) => one.label === label);
    const items = texts.map(
      (one) => el("li", {}, theirs(one.text), " ", el("span", { class: "quiet" }, number(one.similarity, 2, 2)))
    );
    return el("div", {}, el("h4", {}, theirs(label)), el("ul", {}, ...items));
  });
  return el("div", { class: "near" }, el("h3", {}, say("near")), ...lists);
}
function card(model, version, prediction) {
  const verdict = el("p", { class: "verdict" }, theirs(prediction.label, { class: "label" }), " ");
  verdict.append(el("span", { class: "share" }, percent(prediction.probability, 1)));
  const flag = prediction.is_oos && el("p", { class: "flag" }, say("oos"));
  const title = el("h2", {}, say(model.role), " ", theirs(model.name, { class: "name" }), " ");
  title.append(el("code", {}, version.slice(0, SHOWN)));
  return el("section", { class: "card" }, title, verdict, flag, bars(prediction), evidence(model, prediction));
}
function feedback(answer, label) {
  const place = el("section", { class: "feedback", id: "feedback" });
  const labels = models.models[0]?.labels ?? [];
  const send = async (word) => {
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
    button({}, pick, say("wrong"))
  );
  return place;
}
function show(answer) {
  const parts = [];
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
async function predict() {
  const text = part("text").value.trim();
  if (!text) {
    status("empty", true);
    return;
  }
  const mine = ++asking;
  status("asking");
  try {
    const compare = models.models.length > 1;
    const answer = await post("/v1/predict", { text, compare, near: true });
    if (mine !== asking) return;
    const versions = [answer.version, ...answer.against ? [answer.against.version] : []];
    if (models.models.some((one, i) => one.version !== versions[i])) await know();
    status("");
    show(answer);
  } catch (error) {
    if (mine === asking) status(said(error), true);
  }
}
function showDrift(found) {
  const at = found.at === null ? "" : new Date(found.at).toLocaleTimeString(document.documentElement.lang);
  const lines = found.lines.map((line) => el("li", { dir: "auto" }, line));
  const state = found.state === "looking" ? say("looking") : say("seen-at", { at });
  const made = el(
    "div",
    {},
    found.headline && el("p", { class: found.is_drift ? "flag" : "calm" }, found.headline),
    found.problem && el("p", { class: "bad", dir: "auto" }, found.problem),
    lines.length > 0 && el("ul", {}, ...lines),
    el("p", { class: "quiet" }, state)
  );
  part("drift-found").replaceChildren(made);
}
async function lookForDrift() {
  const mine = ++looking;
  const panel = part("drift");
  while (panel.open && mine === looking) {
    try {
      const found = await ask("/v1/drift");
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
async function know() {
  models = await ask("/v1/models");
  part("drift").hidden = !models.watches_drift;
}
async function start() {
  learn(await ask("/static/strings.json"));
  await know();
  const form = part("form");
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
start().catch((error) => status(said(error), true));
