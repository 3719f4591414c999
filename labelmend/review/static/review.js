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
async function ask(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal("offline");
  }
  const said = await reply.json().catch(() => ({ error: "invalid" }));
  if (!reply.ok) throw new Refusal(said.error ?? "invalid", said.facts);
  return said;
}
function post(path, body, keepalive = false) {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), keepalive });
}
function tabName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
var Api = class {
  constructor(who) {
    this.who = who;
  }
  who;
  tab = tabName();
  static start() {
    return ask("/api/start");
  }
  get me() {
    return { tab: this.tab, who: this.who };
  }
  next(queue, skip) {
    return post("/api/next", { ...this.me, queue, skip });
  }
  answer(item, verdict, label, more2) {
    const { queue, row, hidden } = item;
    return post("/api/answer", { ...this.me, queue, row, verdict, label, more: more2, revealed: !hidden });
  }
  undo() {
    return post("/api/undo", this.me);
  }
  reveal({ queue, row }) {
    return post("/api/reveal", { ...this.me, queue, row });
  }
  batch({ queue, row }) {
    return post("/api/batch", { ...this.me, queue, row });
  }
  why({ queue, row }) {
    const query = new URLSearchParams({ ...this.me, queue, row: String(row) });
    return ask(`/api/why?${query}`);
  }
  progress() {
    return ask(`/api/progress?${new URLSearchParams({ who: this.who })}`);
  }
  hold() {
    return post("/api/hold", this.me);
  }
  release() {
    return post("/api/release", this.me, true);
  }
  goal(goal) {
    return post("/api/goal", { ...this.me, goal });
  }
  apply() {
    return post("/api/apply", this.me);
  }
};

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
  return sentence.replace(/\{(\w+)\}/g, (whole, fact) => String(facts[fact] ?? whole));
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

// src/batch.ts
function batchOf(items, close) {
  const boxes = items.map((item) => el("input", { type: "checkbox", value: item.row, id: `tick-${item.row}`, checked: true }));
  const told = el("span", { role: "status" });
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    told.textContent = say("batch-ticked", { count: ticked, total: boxes.length });
  };
  const all = (on) => () => {
    for (const box of boxes) box.checked = on;
    count();
  };
  const view = el(
    "div",
    { class: "panel", role: "region", "aria-labelledby": "batch-title" },
    el(
      "div",
      { class: "bar-of-title" },
      el("h2", { id: "batch-title" }, say("batch-title")),
      button({ class: "plain" }, close, say("close"))
    )
  );
  if (!items.length) view.append(el("p", {}, say("batch-nothing")));
  else {
    const rows = items.map(
      (item, i) => el("li", {}, boxes[i], el("label", { for: `tick-${item.row}` }, theirs(item.text, { class: "short" })))
    );
    view.append(
      el("p", {}, say("batch-lead")),
      el(
        "p",
        { class: "facts" },
        told,
        button({ class: "plain" }, all(true), say("batch-all")),
        button({ class: "plain" }, all(false), say("batch-no"))
      ),
      el("ul", { class: "batch" }, ...rows)
    );
    view.addEventListener("change", count);
    count();
  }
  return { view, ticked: () => boxes.filter((box) => box.checked).map((box) => Number(box.value)) };
}

// src/picker.ts
function openPicker(search, count, pick) {
  let found = [];
  let at = 0;
  const title = say("searching", { count });
  const field = el("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    "aria-label": title,
    placeholder: title,
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto"
  });
  const list = el("ul", { id: "found", role: "listbox", "aria-label": title });
  const told = el("p", { class: "quiet", role: "status" });
  const dialog = el("dialog", { class: "picker", "aria-label": title }, field, list, told);
  const choose = (label) => {
    if (!label) return;
    dialog.close();
    pick(label.name);
  };
  const mark = () => {
    list.querySelectorAll("[role=option]").forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === at));
      if (i === at) option.scrollIntoView({ block: "nearest" });
    });
    if (found.length) field.setAttribute("aria-activedescendant", `found-${at}`);
    else field.removeAttribute("aria-activedescendant");
  };
  const show = () => {
    found = search.find(field.value);
    at = 0;
    list.replaceChildren(
      ...found.map((label, i) => {
        const option = el("li", { id: `found-${i}`, role: "option" }, theirs(label.name, { class: "name" }));
        if (label.description) option.append(theirs(label.description, { class: "quiet about" }));
        option.addEventListener("click", () => choose(label));
        return option;
      })
    );
    const many = say("search-found", { count: found.length });
    told.textContent = found.length ? `${many}. ${say("search-hint")}` : say("search-nothing");
    mark();
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : found.length - 1;
      at = found.length ? (at + step) % found.length : 0;
      mark();
    } else if (event.key === "Enter" && !event.isComposing) {
      choose(found[at]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  open(dialog);
  show();
  field.focus();
}
function open(dialog) {
  dialog.addEventListener("close", () => {
    dialog.remove();
    part("row").focus({ preventScroll: true });
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}

// src/help.ts
var KEYS = [
  ["Enter", "accept"],
  ["K", "keep"],
  ["1 – 9", "pick"],
  ["/", "search"],
  ["N", "none"],
  ["U", "unsure"],
  ["S", "skip"],
  ["Z", "undo"],
  ["W", "why"],
  ["B", "batch"],
  ["V", "reveal"],
  ["?", "help"]
];
function openHelp() {
  const rows = KEYS.map(
    ([key, name]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, say(`help-${name}`)))
  );
  const dialog = el(
    "dialog",
    { "aria-labelledby": "help-title" },
    el("h2", { id: "help-title" }, say("help-title")),
    el("table", { class: "keys" }, el("tbody", {}, ...rows))
  );
  dialog.append(button({}, () => dialog.close(), say("close")));
  open(dialog);
}

// src/keys.ts
function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const target = event.target;
    if (document.querySelector("dialog[open]") || target.matches("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "Enter" && target.matches("button, a")) return;
    const action = actionOf(event.key, actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
function actionOf(key, actions) {
  if (/^[1-9]$/.test(key)) return () => actions.pick(Number(key));
  const known = {
    enter: actions.accept,
    k: actions.keep,
    "/": actions.search,
    n: actions.none,
    u: actions.unsure,
    s: actions.skip,
    z: actions.undo,
    w: actions.why,
    b: actions.batch,
    v: actions.reveal,
    "?": actions.help,
    escape: actions.close
  };
  return known[key.toLowerCase()];
}

// src/progress.ts
function progressView(progress, queue, actions) {
  return [far(progress, queue), certificate(progress, actions), beside(progress, queue, actions)];
}
function far(progress, queue) {
  const { done, total } = progress[queue];
  const facts = { done: number(done), total: number(total), agree: number(progress.agreement.agree) };
  const told = say(`progress-${queue}`, facts);
  const { answers, per_minute: rate } = progress.pace;
  const pace = rate === null ? say("pace", { count: number(answers) }) : say("pace-rate", { count: number(answers), rate: number(rate, 1) });
  const box = el(
    "section",
    {},
    el("h2", {}, say("progress")),
    el("progress", { max: Math.max(total, 1), value: done, "aria-label": told }),
    el("p", {}, told),
    el("p", {}, pace)
  );
  if (rate && total > done && queue !== "doubtful") {
    box.append(el("p", { class: "quiet" }, say("time-left", { minutes: number(Math.ceil((total - done) / rate)) })));
  }
  return box;
}
function certificate(progress, actions) {
  const box = el("section", {}, el("h2", {}, say("certificate")));
  const found = progress.certificate;
  if (!found) {
    const busy = progress.jobs.certificate.phase === "running";
    box.append(el("p", { class: "quiet" }, say(busy ? "certificate-busy" : "certificate-none")));
    return box;
  }
  box.append(el("p", { class: "quiet" }, say(found.anytime ? "certificate-of-anytime" : "certificate-of", { answered: found.answered })));
  const list = el("dl", { class: "figures" });
  for (const figure of found.figures) {
    const range = say("figure-range", {
      estimate: percent(figure.estimate, 1),
      low: percent(figure.low, 1),
      high: percent(figure.high, 1)
    });
    list.append(el("div", {}, el("dt", {}, say(`figure-${figure.name}`)), el("dd", {}, range)));
  }
  box.append(list, aim(progress.goal, actions), el("p", {}, more(found)));
  if (progress.jobs.certificate.phase === "running") box.append(el("p", { class: "quiet" }, say("certificate-busy")));
  return box;
}
function aim(goal, actions) {
  const field = el("input", { type: "number", min: 0.5, max: 100, step: 0.5, value: number(100 * goal, 1), id: "goal" });
  field.addEventListener("change", () => {
    const points = field.valueAsNumber;
    if (points > 0 && points <= 100) actions.aim(points / 100);
  });
  return el("p", { class: "aim" }, el("label", { for: "goal" }, say("goal")), " ", field, " ", say("goal-points"));
}
function more(found) {
  if (found.more === null) return say("goal-unknown");
  if (!found.more) return say("goal-reached");
  const beyond = found.more - found.open;
  return say(beyond > 0 ? "goal-more-draw" : "goal-more", { count: number(found.more), beyond: number(beyond) });
}
function beside(progress, queue, actions) {
  const box = el("section", {});
  const { rows, wrong } = progress.doubtful;
  if (queue === "doubtful" && rows) {
    box.append(el("p", {}, say(wrong < 1 ? "ahead-stop" : "ahead", { rows, wrong: number(wrong) })));
  }
  const { refit, apply } = progress.jobs;
  const learned = refit.phase === "running" ? say("refit-running") : refit.phase === "failed" ? say("job-failed", { said: refit.said }) : say("refit-next", { count: progress.until_refit });
  box.append(el("p", { class: "quiet", id: "refit" }, learned));
  if (progress.refits) {
    const times = progress.refits === 1 ? say("refit-done-one") : say("refit-done", { count: progress.refits });
    box.append(el("p", { class: "quiet" }, times));
  }
  const running = apply.phase === "running";
  box.append(button({ id: "apply", disabled: running, title: say("apply-help") }, actions.apply, say("apply-help")));
  if (apply.phase !== "idle") {
    box.append(el("p", { role: "status", id: "applied" }, say(`apply-${apply.phase}`, { said: apply.said })));
  }
  return box;
}

// src/row.ts
function inWords(verdict, label) {
  return verdict === "label" ? label ?? "" : say(`said-${verdict}`);
}
function rowView(item, pick, reveal) {
  const number2 = String(item.row + 1);
  const name = item.id === number2 ? say("row", { row: number2 }) : say("row-id", { row: number2, id: item.id });
  const facts = el("p", { class: "facts" }, el("strong", {}, theirs(name)));
  if (item.decision) {
    facts.append(el("span", { class: `chip ${item.decision}` }, say(`decision-${item.decision}`)));
  }
  if (item.copies > 1) facts.append(el("span", {}, say("copies", { count: item.copies })));
  const long = item.text.length > 600;
  const text = el(
    "div",
    { class: long ? "text long" : "text", dir: "auto", tabindex: long ? 0 : void 0, role: long ? "region" : void 0, "aria-label": long ? say("text") : void 0 },
    item.text
  );
  return [facts, text, labels(item, reveal), candidates(item, pick)];
}
function labels(item, reveal) {
  if (item.hidden) {
    const [before, after] = say("hidden").split("{key}");
    return el(
      "p",
      { class: "hidden" },
      before,
      el("kbd", {}, "V"),
      after,
      " ",
      button({ class: "plain" }, reveal, say("reveal"))
    );
  }
  const given = item.given === null ? el("em", {}, say("given-none")) : theirs(item.given, { class: "label" });
  const list = el("dl", { class: "labels" }, el("div", {}, el("dt", {}, say("given")), el("dd", {}, given)));
  if (item.proposed !== null) {
    list.append(
      el("div", {}, el("dt", {}, say("proposed")), el("dd", {}, theirs(item.proposed, { class: "label" })))
    );
  }
  return list;
}
function candidates(item, pick) {
  const list = el("ol", { class: item.hidden ? "candidates bare" : "candidates", "aria-label": say("candidates") });
  item.candidates.forEach((one, i) => {
    list.append(el("li", {}, candidate(item, one, i + 1, () => pick(one.label))));
  });
  return list;
}
function candidate(item, one, digit, action) {
  const line = [el("kbd", { "aria-hidden": "true" }, String(digit)), theirs(one.label, { class: "name" })];
  if (!item.hidden && one.label === item.given) line.push(el("span", { class: "tag" }, say("is-given")));
  if (!item.hidden && one.label === item.proposed) line.push(el("span", { class: "tag" }, say("is-proposed")));
  const made = button({ class: "candidate", "aria-keyshortcuts": digit }, action, ...line);
  if (item.hidden) return made;
  if (one.probability === null) {
    made.append(el("span", { class: "share quiet" }, say("near-only")));
    return made;
  }
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
  bar.firstElementChild.style.inlineSize = `${100 * one.probability}%`;
  made.append(bar, el("span", { class: "share" }, percent(one.probability)));
  return made;
}

// src/search.ts
var MOST = 60;
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_\-/.:]+/gu, " ").trim();
}
var LabelSearch = class {
  entries;
  constructor(labels2) {
    this.entries = labels2.map((label) => {
      const name = fold(label.name);
      const about = fold(label.description);
      const aboutWords = [...new Set(about.split(" "))];
      return { label, name, nameWords: name.split(" "), about, aboutWords };
    });
  }
  /** Return the labels that all words of a query speak of, best first. */
  find(query) {
    const whole = fold(query);
    if (!whole) return this.entries.slice(0, MOST).map((entry) => entry.label);
    const words = whole.split(" ");
    const found = [];
    for (const entry of this.entries) {
      let score = entry.name === whole ? 200 : entry.name.startsWith(whole) ? 100 : 0;
      for (const word of words) {
        const part2 = likeness(word, entry);
        if (!part2) {
          score = 0;
          break;
        }
        score += part2;
      }
      if (score) found.push({ entry, score });
    }
    found.sort(
      (a, b) => b.score - a.score || a.entry.name.length - b.entry.name.length || (a.entry.name < b.entry.name ? -1 : 1)
    );
    return found.slice(0, MOST).map(({ entry }) => entry.label);
  }
};
function likeness(word, entry) {
  if (entry.nameWords.some((other) => other.startsWith(word))) return 50;
  if (entry.name.includes(word)) return 40;
  const slips = word.length >= 7 ? 2 : word.length >= 4 ? 1 : 0;
  const near2 = nearest(word, entry.nameWords, slips);
  if (near2 <= slips && slips) return 34 - 4 * near2;
  if (entry.aboutWords.some((other) => other.startsWith(word))) return 20;
  if (entry.about.includes(word)) return 15;
  if (word.length >= 3 && inOrder(word, entry.name)) return 10;
  const told = nearest(word, entry.aboutWords, slips);
  return told <= slips && slips ? 8 - told : 0;
}
function nearest(word, others, most) {
  let best = most + 1;
  if (!most) return best;
  for (const other of others) {
    if (other[0] === word[0]) best = Math.min(best, slipsTo(word, other, best));
  }
  return best;
}
function slipsTo(word, other, most) {
  const width = Math.min(other.length, word.length + most);
  let before = [];
  let last = Array.from({ length: width + 1 }, (_, j) => j);
  for (let i = 1; i <= word.length; i++) {
    const row = [i];
    for (let j = 1; j <= width; j++) {
      const same = word[i - 1] === other[j - 1];
      let cost = Math.min(last[j - 1] + (same ? 0 : 1), last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && word[i - 1] === other[j - 2] && word[i - 2] === other[j - 1]) {
        cost = Math.min(cost, before[j - 2] + 1);
      }
      row.push(cost);
    }
    if (Math.min(...row) > most) return most + 1;
    before = last;
    last = row;
  }
  return Math.min(...last);
}
function inOrder(word, text) {
  let place = 0;
  for (const letter of word) {
    place = text.indexOf(letter, place) + 1;
    if (!place) return false;
  }
  return true;
}

// src/types.ts
var QUEUES = ["audit", "doubtful", "agreement"];

// src/why.ts
function whyView(why, close) {
  const panel = el("div", { class: "panel", role: "region", "aria-labelledby": "why-title" });
  panel.append(
    el(
      "div",
      { class: "bar-of-title" },
      el("h2", { id: "why-title" }, say("why-title")),
      button({ class: "plain" }, close, say("close"))
    ),
    el("p", { dir: "auto" }, why.reason)
  );
  panel.append(why.sources.length ? nats(why) : el("p", {}, say("why-none")));
  if (why.held) panel.append(el("p", { class: "quiet" }, say("why-held")));
  if (why.votes.length) {
    const votes = why.votes.map((vote) => el("li", { dir: "auto" }, say("why-vote", { ...vote })));
    panel.append(el("h3", {}, say("why-votes")), el("ul", {}, ...votes));
  }
  if (why.neighbours.length) panel.append(el("h3", {}, say("why-near")), near(why));
  return panel;
}
function nats(why) {
  const title = say(why.reference_given ? "why-against" : "why-against-next", { label: why.reference });
  const heads = why.labels.map((label) => el("th", { scope: "col", dir: "auto" }, label));
  const rows = why.sources.map(
    ({ source, nats: nats2 }) => el("tr", {}, el("th", { scope: "row" }, source), ...nats2.map((value) => el("td", {}, signed(value))))
  );
  const total = el(
    "tr",
    { class: "total" },
    el("th", { scope: "row" }, say("why-total")),
    ...why.totals.map((value) => el("td", {}, signed(value)))
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    el(
      "table",
      { class: "numbers" },
      el("caption", {}, title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("why-source")), ...heads)),
      el("tbody", {}, ...rows, total)
    )
  );
}
function near(why) {
  const rows = why.neighbours.map(
    (one) => el(
      "tr",
      {},
      el("td", {}, number(one.similarity, 2, 2)),
      el("td", { dir: "auto" }, one.labels.join(", ") || say("why-label-none")),
      el("td", { dir: "auto" }, one.text)
    )
  );
  const heads = ["cosine", "labels", "text"].map((name) => el("th", { scope: "col" }, say(`why-near-${name}`)));
  return el("table", { class: "near" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
}
function signed(value) {
  if (value === null) return "";
  return (value < 0 ? "−" : "+") + number(Math.abs(value), 1, 1);
}

// src/main.ts
var HOLD_MS = 3e4;
var SLOW_MS = 2e4;
var FAST_MS = 1500;
var NEXT_ROW = /* @__PURE__ */ new Set(["answered", "held"]);
var Page = class {
  constructor(start) {
    this.start = start;
    this.api = new Api(start.who);
    this.search = new LabelSearch(start.labels);
    this.queue = start.queue;
  }
  start;
  api;
  search;
  item = null;
  queue;
  batch = null;
  progress = null;
  busy = false;
  timer = 0;
  open() {
    part("table").textContent = this.start.table;
    const who = part("who");
    who.value = this.start.who;
    who.addEventListener("change", () => this.become(who.value.trim()));
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
      close: () => this.closeSide()
    });
    addEventListener("pagehide", () => void this.api.release().catch(() => {
    }));
    setInterval(() => void this.api.hold().catch(() => {
    }), HOLD_MS);
    this.showActions();
    void this.change(this.queue);
    void this.look();
  }
  /** Do one thing at a time: a key that comes while a reply is awaited would be for a row unseen. */
  async once(work) {
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
  async refused(error) {
    if (!(error instanceof Refusal)) throw error;
    this.tell(say(`error-${error.code}`, error.facts), true);
    if (!NEXT_ROW.has(error.code)) return;
    const { item } = await this.api.next(this.queue, null);
    this.show(item);
  }
  tell(text, bad = false) {
    const status = part("status");
    status.textContent = text;
    status.classList.toggle("bad", bad);
  }
  show(item) {
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
  done() {
    const none = this.queue === "audit" && this.progress?.audit.total === 0;
    const why = none ? "done-audit-none" : `done-${this.queue}`;
    return [el("p", { class: "done" }, say(why)), el("p", {}, say("done-next"))];
  }
  async change(queue) {
    await this.once(async () => {
      this.queue = queue;
      if (!this.progress) await this.look();
      const { item } = await this.api.next(queue, null);
      this.tell(say(`queue-${queue}-help`));
      this.show(item);
      this.showProgress();
    });
  }
  become(who) {
    if (!who || who === this.api.who) return;
    void this.api.release().catch(() => {
    });
    this.api.who = who;
    void this.change(this.queue).then(() => this.look());
  }
  async answer(verdict, label) {
    const item = this.item;
    if (!item) return;
    const begun = performance.now();
    const more2 = this.batch?.ticked() ?? [];
    await this.once(async () => {
      const reply = await this.api.answer(item, verdict, label, more2);
      this.show(reply.item);
      const what = inWords(verdict, label);
      const count = reply.answers.length;
      this.tell(count > 1 ? say("saved-many", { count, what }) : say("saved", { what }));
      requestAnimationFrame(
        () => setTimeout(() => performance.measure("key-to-row", { start: begun, end: performance.now() }))
      );
      this.lookSoon();
    });
  }
  accept() {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (this.item.proposed === null) this.tell(say("no-proposal"), true);
    else void this.answer("label", this.item.proposed);
  }
  keep() {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (this.item.given === null) this.tell(say("no-given"), true);
    else void this.answer("label", this.item.given);
  }
  pick(digit) {
    const candidate2 = this.item?.candidates[digit - 1];
    if (candidate2) void this.answer("label", candidate2.label);
    else if (this.item) this.tell(say("no-candidate", { digit }), true);
  }
  openSearch() {
    if (!this.item) return;
    openPicker(this.search, this.start.labels.length, (label) => void this.answer("label", label));
  }
  async skip() {
    await this.once(async () => {
      const { item } = await this.api.next(this.queue, this.item?.row ?? null);
      this.show(item);
      this.tell(say("skipped"));
    });
  }
  async undo() {
    await this.once(async () => {
      const { item } = await this.api.undo();
      this.show(item);
      this.tell(say("undone", { what: inWords(item.undone[0] ?? "", item.undone[1]) }));
      this.lookSoon();
    });
  }
  async reveal() {
    const item = this.item;
    if (!item?.hidden) return;
    await this.once(async () => this.show((await this.api.reveal(item)).item));
  }
  async why() {
    const item = this.item;
    if (!item || this.closed("why")) return;
    await this.once(async () => {
      const why = await this.api.why(item);
      this.showSide("why", whyView(why, () => this.closeSide()));
    });
  }
  async alike() {
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
  showSide(kind, view) {
    this.batch = null;
    const side = part("side");
    side.replaceChildren(view);
    side.dataset["kind"] = kind;
    view.scrollIntoView({ block: "nearest" });
  }
  /** Close what is open beside the row; tell whether it was of that kind. */
  closed(kind) {
    const was = part("side").dataset["kind"] === kind;
    if (was) this.closeSide();
    return was;
  }
  closeSide() {
    this.batch = null;
    const side = part("side");
    side.replaceChildren();
    delete side.dataset["kind"];
  }
  showQueues() {
    part("queues").replaceChildren(
      ...QUEUES.map((queue) => {
        const found = this.progress?.[queue];
        const open2 = found ? found.total - found.done : 0;
        const made = button(
          { "aria-pressed": queue === this.queue, title: say(`queue-${queue}-help`) },
          () => void this.change(queue),
          say(`queue-${queue}`)
        );
        made.setAttribute("aria-pressed", String(queue === this.queue));
        if (open2 > 0) made.append(" ", el("span", { class: "count" }, number(open2)));
        return made;
      })
    );
  }
  showActions() {
    const item = this.item;
    const made = [];
    const add = (key, name, action, primary = false) => {
      made.push(
        button(
          { class: primary ? "primary" : void 0, "aria-keyshortcuts": key, disabled: !item && name !== "undo" && name !== "keys" },
          action,
          el("kbd", { "aria-hidden": "true" }, key),
          say(name)
        )
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
  showProgress() {
    this.showQueues();
    if (!this.progress) return;
    if (document.activeElement?.id === "goal") return;
    part("progress").replaceChildren(
      ...progressView(this.progress, this.queue, {
        aim: (goal) => void this.aim(goal),
        apply: () => void this.apply()
      })
    );
  }
  lookSoon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), 250);
  }
  /** Look how far everything is: often while something is being worked out. */
  async look() {
    clearTimeout(this.timer);
    try {
      this.progress = await this.api.progress();
      this.showProgress();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    const jobs = this.progress ? Object.values(this.progress.jobs) : [];
    const soon = jobs.some((job) => job.phase === "running");
    this.timer = window.setTimeout(() => void this.look(), soon ? FAST_MS : SLOW_MS);
  }
  async aim(goal) {
    await this.once(async () => {
      this.progress = await this.api.goal(goal);
      document.activeElement?.blur();
      this.showProgress();
    });
  }
  async apply() {
    await this.once(async () => {
      this.progress = await this.api.apply();
      this.showProgress();
      this.lookSoon();
    });
  }
};
Api.start().then(
  (start) => {
    learn(start.strings);
    new Page(start).open();
  },
  () => {
    part("row").replaceChildren(el("p", {}, "401"));
  }
);
