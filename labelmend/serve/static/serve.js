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

// src/serve/said.ts
function hasLabel(said2) {
  return "label" in said2;
}
function hasLabels(said2) {
  return "labels" in said2;
}
function likely(said2) {
  const called = new Set(said2.labels.map((one) => one.label));
  const rest = said2.top.filter((one) => !called.has(one.label));
  return [...said2.labels, ...rest].sort((a, b) => b.probability - a.probability);
}
function shown(share) {
  return percent(share, 1);
}
function bars(shares, called, inDigits = shown) {
  const rows = shares.map(({ label, probability }) => {
    const bar = el("span", { class: "bar", "aria-hidden": true }, el("span"));
    bar.firstElementChild.style.inlineSize = `${probability * 100}%`;
    const share = el("span", { class: "share" }, inDigits(probability));
    return el("li", { class: called?.has(label) && "called" }, theirs(label), bar, share);
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
function ofOne(model, said2) {
  const verdict = el("p", { class: "verdict" }, theirs(said2.label, { class: "label" }), " ");
  verdict.append(el("span", { class: "share" }, percent(said2.probability, 1)));
  const flag = said2.is_oos ? [el("p", { class: "flag" }, say("oos"))] : [];
  return [verdict, ...flag, bars(said2.top), evidence(model, said2)];
}
function chips(labels) {
  if (!labels.length) return el("span", {}, say("no-label"));
  const made = labels.flatMap((label) => [theirs(label, { class: "label" }), " "]);
  return el("span", { class: "chips" }, ...made);
}
function ofSeveral(said2) {
  const labels = said2.labels.map((one) => one.label);
  const verdict = el("p", { class: "verdict" }, chips(labels));
  const whole = el("p", { class: "quiet" }, say("all-right", { share: percent(said2.all_right, 1) }));
  return [verdict, bars(likely(said2), new Set(labels)), whole];
}
function inParts(model, said2) {
  if (hasLabel(said2)) return ofOne(model, said2);
  if (hasLabels(said2)) return ofSeveral(said2);
  const values = Object.entries(said2.values).map(([label, probability]) => ({ label, probability }));
  return [bars(values, void 0, (value) => number(value, 3, 3))];
}

// src/serve/feedback.ts
function asked(said2, send, pick) {
  const place = el("section", { class: "feedback", id: "feedback" });
  place.append(
    el("p", {}, say("is-it-right"), " ", said2),
    button({}, () => send({ verdict: "right" }, place), say("right")),
    button({}, () => pick(place), say("wrong"))
  );
  return place;
}
function askOfOne(said2, labels, send) {
  return asked(theirs(said2.label, { class: "label" }), send, (place) => {
    const select = el("select", { id: "right-label" });
    select.append(el("option", { value: "" }, say("none-of-them")));
    for (const one of labels) if (one !== said2.label) select.append(el("option", { value: one }, one));
    const done = button({ class: "primary" }, () => {
      send(select.value ? { label: select.value } : { verdict: "wrong" }, place);
    }, say("send"));
    place.replaceChildren(el("label", { for: "right-label" }, say("which")), select, done);
    select.focus();
  });
}
function askOfSeveral(said2, labels, send) {
  const called = said2.labels.map((one) => one.label);
  return asked(chips(called), send, (place) => {
    const right = new Set(called);
    const switches = el("div", { class: "switches", role: "group", "aria-labelledby": "which-all" });
    const add = (label) => {
      const made = button({ "aria-pressed": String(right.has(label)) }, () => {
        if (right.has(label)) right.delete(label);
        else right.add(label);
        made.setAttribute("aria-pressed", String(right.has(label)));
      }, theirs(label));
      switches.append(made);
    };
    const shown2 = new Set(likely(said2).map((one) => one.label));
    shown2.forEach(add);
    const more = el("input", { id: "more-labels", list: "all-labels", autocomplete: "off" });
    const known = new Set(labels);
    more.addEventListener("change", () => {
      if (!known.has(more.value)) return;
      right.add(more.value);
      if (!shown2.has(more.value)) add(more.value);
      else for (const one of switches.children) if (one.textContent === more.value) one.setAttribute("aria-pressed", "true");
      shown2.add(more.value);
      more.value = "";
    });
    const options = labels.map((label) => el("option", { value: label }));
    place.replaceChildren(
      el("p", { id: "which-all" }, say("which-all")),
      switches,
      el("label", { for: "more-labels" }, say("another-label")),
      more,
      el("datalist", { id: "all-labels" }, ...options),
      button({ class: "primary" }, () => send({ labels: [...right] }, place), say("send")),
      button({}, () => send({ verdict: "wrong" }, place), say("none-of-them"))
    );
    switches.firstElementChild?.focus();
  });
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
function card(model, version, prediction) {
  const title = el("h2", {}, say(model.role), " ", theirs(model.name, { class: "name" }), " ");
  title.append(el("code", {}, version.slice(0, SHOWN)));
  return el("section", { class: "card" }, title, ...inParts(model, prediction));
}
function feedback(answer, prediction) {
  const labels = models.models[0]?.labels ?? [];
  const send = async (word, place) => {
    try {
      await post("/v1/feedback", { request_id: answer.request_id, ...word });
      place.replaceChildren(el("p", { role: "status" }, say("thanks")));
    } catch (error) {
      status(said(error), true);
    }
  };
  const sent = (word, place) => void send(word, place);
  if (hasLabel(prediction)) return askOfOne(prediction, labels, sent);
  return hasLabels(prediction) ? askOfSeveral(prediction, labels, sent) : null;
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
  const below = models.takes_feedback && first ? feedback(answer, first) : null;
  part("after").replaceChildren(...below ? [below] : []);
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
