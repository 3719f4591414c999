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
  /** What the person picked in a picture: the doubtful queue is narrowed to it. */
  choice = null;
  static start() {
    return ask("/api/start");
  }
  /** Who asks, and from which tab. */
  get me() {
    return { tab: this.tab, who: this.who };
  }
  next(queue, skip) {
    return post("/api/next", { ...this.me, queue, skip, ...this.chosen });
  }
  get chosen() {
    return this.choice && { choice: this.choice };
  }
  answer({ queue, row, hidden }, said) {
    return post("/api/answer", { ...this.me, queue, row, ...said, revealed: !hidden, ...this.chosen });
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
  async map() {
    const reply = await reach(`/api/map?${new URLSearchParams({ who: this.who })}`);
    return reply.ok ? reply.arrayBuffer() : heard(reply);
  }
  matrix(label) {
    const query = new URLSearchParams({ who: this.who, ...label === null ? {} : { label } });
    return ask(`/api/matrix?${query}`);
  }
  async texts(rows) {
    const query = new URLSearchParams(rows.map((row) => ["row", String(row)]));
    return (await ask(`/api/texts?${query}`)).texts;
  }
  async choose(choice) {
    return (await post("/api/choose", { ...this.me, choice })).texts;
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
var REACHED = "button:not(:disabled), input, select, textarea, summary, [tabindex]";
function redraw(place, ...parts) {
  const reached = () => [...place.querySelectorAll(REACHED)];
  const was = document.activeElement;
  const at = was ? reached().findIndex((one) => one === was) : -1;
  place.replaceChildren(...parts);
  if (!was || at < 0) return;
  const now = reached();
  const same = now.find((one) => one.id === was.id && one.textContent === was.textContent);
  (same ?? now.find((one) => was.id && one.id === was.id) ?? now[at])?.focus({ preventScroll: true });
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
function counted(value, digits = 0) {
  return { count: Number(value.toFixed(digits)), shown: number(value, digits) };
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

// src/chosen.ts
function showChosen(words, drop) {
  document.getElementById("chosen")?.remove();
  if (words === null) return;
  part("row").before(
    el(
      "p",
      { id: "chosen", class: "chosen" },
      el("span", {}, say("chosen-only", { what: words })),
      button({}, drop, say("chosen-all"))
    )
  );
}

// src/picker.ts
function openPicker(search, count, pick, title = say("searching", { count })) {
  let found = [];
  let at = 0;
  const field = el("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    "aria-label": title,
    placeholder: say("search-field", { count }),
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
var LABEL_KEYS = [
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
var SET_KEYS = [
  ["1 – 9", "toggle"],
  ["/", "search-set"],
  ["Enter", "save-set"],
  ["M", "as-mended"],
  ["K", "as-given"],
  ["N", "none"],
  ["U", "unsure"],
  ["S", "skip"],
  ["Z", "undo"],
  ["V", "reveal"],
  ["?", "help"]
];
function openHelp(keys) {
  const rows = keys.map(
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

// src/labelsedit.ts
var MOST_NAME = 200;
var MOST_DESCRIPTION = 4e3;
function openRename(label, keep) {
  const field = nameField(label.name);
  editDialog("labels-rename-title", label, [named("labels-new-name", field)], field, () => keep({ what: "rename", label: label.name, to: field.value.trim() }));
  field.select();
}
function openDescribe(label, keep) {
  const field = textField(label.description);
  editDialog(
    "labels-describe-title",
    label,
    [named("labels-description", field)],
    field,
    () => keep({ what: "describe", label: label.name, description: field.value.trim() })
  );
}
function openMerge(label, to, keep) {
  const told = el("p", {}, say("labels-merge-into", { label: label.name, to, count: counted(label.rows) }));
  editDialog("labels-merge-title", label, [told], null, () => keep({ what: "merge", label: label.name, to }));
}
function openSplit(label, texts, keep) {
  const name = nameField("");
  const about = textField("");
  const boxes = texts.map((one) => el("input", { type: "checkbox", value: one.row }));
  const list = el("ul", { class: "batch chosen-texts" }, ...texts.map((one, i) => el("li", {}, el("label", {}, boxes[i], " ", theirs(one.text, { class: "short" })))));
  const told = el("p", { class: "quiet", role: "status" });
  const count = () => {
    told.textContent = say("labels-chosen", { count: counted(boxes.filter((box) => box.checked).length), total: counted(boxes.length) });
  };
  list.addEventListener("change", count);
  count();
  const texted = el("fieldset", {}, el("legend", {}, say("labels-split-texts")), told, list);
  editDialog(
    "labels-split-title",
    label,
    [named("labels-new-label", name), named("labels-description", about), texted],
    name,
    () => keep({
      what: "split",
      label: label.name,
      to: name.value.trim(),
      description: about.value.trim(),
      rows: boxes.filter((box) => box.checked).map((box) => Number(box.value))
    })
  );
}
function editDialog(heading, label, fields, first, save) {
  const problem = el("p", { class: "problem", role: "alert" });
  const title = el("h2", { id: "edit-title" }, say(heading), " ", theirs(label.name, { class: "label" }));
  const dialog = el("dialog", { class: "edit", "aria-labelledby": "edit-title" }, title, ...fields, problem);
  const done = button({ class: "primary" }, () => void send(), say("labels-save"));
  const send = async () => {
    done.disabled = true;
    try {
      await save();
      dialog.close();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problem.textContent = say(`error-${error.code}`, error.facts);
      done.disabled = false;
      (first ?? done).focus();
    }
  };
  dialog.addEventListener("keydown", (event) => {
    const typed = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.key !== "Enter" || event.isComposing || !typed) return;
    event.preventDefault();
    if (!done.disabled) void send();
  });
  dialog.append(el("p", { class: "tools" }, done, button({}, () => dialog.close(), say("labels-cancel"))));
  const opener = document.activeElement;
  open(dialog);
  dialog.addEventListener("close", () => {
    const back = opener?.isConnected ? opener : document.getElementById("labels-detail");
    back?.focus({ preventScroll: true });
  });
  (first ?? done).focus();
}
function nameField(value) {
  return el("input", { type: "text", maxlength: MOST_NAME, value, autocomplete: "off", spellcheck: "false", dir: "auto" });
}
function textField(value) {
  return el("textarea", { maxlength: MOST_DESCRIPTION, rows: 4, dir: "auto" }, value);
}
function named(name, field) {
  return el("label", { class: "field" }, say(name), field);
}

// src/labelstypes.ts
var labelSet = {
  all: (api) => ask(`/api/labels?${new URLSearchParams({ who: api.who })}`),
  pair: (api, one, other) => ask(`/api/labels/pair?${new URLSearchParams({ who: api.who, one, other })}`),
  texts: (api, label) => ask(`/api/labels/texts?${new URLSearchParams({ who: api.who, label })}`),
  edit: (api, edit, seen) => post("/api/labels/edit", { ...api.me, ...edit, seen }),
  undo: (api, edit) => post("/api/labels/undo", { ...api.me, edit })
};

// src/labels.ts
var LABELS_CHANGED = "labelschanged";
function labelsView(page) {
  return (place) => new LabelsView(place, page);
}
var LabelsView = class {
  constructor(place, page) {
    this.page = page;
    place.replaceChildren(this.head, el("div", { class: "labels-work" }, this.list, this.detail));
  }
  page;
  found = null;
  at = null;
  head = el("div", { class: "labels-head" });
  list = el("div", { class: "labels-list" });
  detail = el("div", { id: "labels-detail", class: "labels-detail", tabindex: -1 });
  changed = () => void this.load();
  shown() {
    document.addEventListener(LABELS_CHANGED, this.changed);
    this.page.tell(say("view-labels-help"));
    void this.load();
  }
  hidden() {
    document.removeEventListener(LABELS_CHANGED, this.changed);
  }
  async load() {
    try {
      this.take(await labelSet.all(this.page.api));
      await this.showDetail();
    } catch (error) {
      this.page.refused(error);
    }
  }
  take(found) {
    this.found = found;
    const there = new Set(found.labels.map((label) => label.name));
    if (this.at && !this.at.every((name) => name === null || there.has(name))) this.at = null;
    const first = found.pairs[0];
    if (!this.at && first) this.at = [first.one, first.other];
    this.showHead(found);
    this.showPairs(found);
  }
  showHead(found) {
    const files = found.cards === null ? say("labels-files-none", { edits: found.edits_file }) : say("labels-files", { cards: found.cards, edits: found.edits_file });
    const job = this.page.applying();
    const running = job?.phase === "running";
    const parts = [el("p", { class: "quiet" }, files)];
    if (found.pending || running) {
      const told = running ? say("apply-running") : say("labels-pending");
      parts.push(el(
        "p",
        { class: "tools" },
        el("span", { role: "status" }, told),
        " ",
        button({ id: "labels-apply", class: "primary", disabled: running }, () => this.page.apply(), say("apply-help"))
      ));
    }
    if (job?.phase === "failed") parts.push(el("p", { class: "problem" }, say("apply-failed", { said: job.said })));
    const last = found.edits[0];
    if (last) {
      const open2 = this.head.querySelector("details")?.open;
      parts.push(el(
        "details",
        { open: open2 ?? false },
        el("summary", {}, say("labels-edits"), " ", el("span", { class: "count" }, number(found.edits.length))),
        el("ol", { class: "edits" }, ...found.edits.map((edit) => el("li", {}, inWords(edit))))
      ));
      parts.push(el("p", { class: "tools" }, button({ id: "labels-undo" }, () => void this.undo(last), say("labels-undo")), " ", inWords(last)));
    }
    redraw(this.head, ...parts);
  }
  showPairs(found) {
    const find = button({ id: "labels-find" }, () => this.find((name) => this.open([name, null])), say("search"));
    const items = found.pairs.map((pair) => {
      const open2 = this.at?.[0] === pair.one && this.at[1] === pair.other;
      return el("li", {}, button(
        { class: "pair", "aria-pressed": String(open2) },
        () => this.open([pair.one, pair.other]),
        theirs(pair.one, { class: "label" }),
        " ⇄ ",
        theirs(pair.other, { class: "label" }),
        " ",
        el("span", { class: "count" }, number(rowsOf(pair))),
        el("span", { class: "counts quiet" }, counts(pair))
      ));
    });
    const none = say(found.blind ? "labels-blind" : "labels-no-pairs");
    redraw(
      this.list,
      el("h2", { id: "labels-pairs" }, say("labels-pairs")),
      el("p", { class: "tools" }, find),
      items.length ? el("ol", { class: "pairs", "aria-labelledby": "labels-pairs" }, ...items) : el("p", {}, none)
    );
  }
  open(at) {
    this.at = at;
    if (this.found) this.showPairs(this.found);
    void this.showDetail().then(() => {
      this.detail.focus({ preventScroll: true });
      this.detail.scrollIntoView({ block: "nearest" });
    }, (error) => this.page.refused(error));
  }
  async showDetail() {
    const at = this.at;
    if (!at) return this.detail.replaceChildren();
    const [one, other] = at;
    const { api } = this.page;
    const sides = other === null ? [[one, (await labelSet.texts(api, one)).texts]] : await labelSet.pair(api, one, other).then((pair) => [[one, pair.one], [other, pair.other]]);
    if (this.at !== at) return;
    redraw(this.detail, ...sides.map(([name, texts], i) => this.side(this.facts(name), texts, sides[1 - i]?.[0] ?? null)));
    this.detail.dataset["shown"] = [one, other ?? ""].join("|");
  }
  facts(name) {
    return this.found?.labels.find((label) => label.name === name) ?? { name, description: "", rows: 0 };
  }
  /** One label of the two: what is known of it, what can be done, texts. */
  side(label, texts, other) {
    const into = (to) => openMerge(label, to, this.keep);
    const tools = el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": say("labels-tools", { label: label.name }) },
      button({}, () => openRename(label, this.keep), say("labels-rename")),
      other === null ? null : button({}, () => into(other), say("labels-merge-other", { to: other })),
      button({}, () => this.find(into), say("labels-merge")),
      button({}, () => void this.split(label), say("labels-split")),
      button({}, () => openDescribe(label, this.keep), say("labels-describe"))
    );
    const about = label.description ? theirs(label.description) : el("em", { class: "quiet" }, say("labels-no-description"));
    const list = el("ol", { class: "examples" }, ...texts.map((text) => el("li", {}, theirs(text.text, { class: "short" }), ...marks(text))));
    return el(
      "section",
      { class: "side" },
      el("h3", {}, theirs(label.name, { class: "label" })),
      el("p", {}, about),
      el("p", { class: "quiet" }, say("labels-rows", { count: counted(label.rows) })),
      tools,
      texts.length ? list : el("p", { class: "quiet" }, say("labels-no-texts"))
    );
  }
  find(pick) {
    openPicker(this.page.search, this.page.labels.length, pick);
  }
  async split(label) {
    try {
      openSplit(label, (await labelSet.texts(this.page.api, label.name)).texts, this.keep);
    } catch (error) {
      this.page.refused(error);
    }
  }
  keep = async (edit) => {
    try {
      const found = await labelSet.edit(this.page.api, edit, this.found?.version ?? 0);
      const to = edit.what === "describe" ? edit.label : edit.to ?? "";
      if (this.at) this.at = this.at.map((name) => name === edit.label && edit.what !== "split" ? to : name);
      if (this.at && this.at[0] === this.at[1]) this.at = [this.at[0], null];
      await this.done(found);
      this.page.tell(say(`labels-done-${edit.what}`, { label: edit.label, to }));
    } catch (error) {
      if (error instanceof Refusal && error.code.startsWith("label-")) void this.load();
      throw error;
    }
  };
  async undo(last) {
    try {
      await this.done(await labelSet.undo(this.page.api, last.edit));
      this.page.tell(say("labels-undone"));
      (document.getElementById("labels-undo") ?? this.detail).focus();
    } catch (error) {
      this.page.refused(error);
      void this.load();
    }
  }
  async done(found) {
    this.take(found);
    await this.showDetail();
    await this.page.edited();
  }
};
function rowsOf({ changed, review, answered }) {
  return [...changed, ...review, ...answered].reduce((sum, rows) => sum + rows, 0);
}
function counts(pair) {
  const told = ["changed", "review", "answered"].filter((kind) => pair[kind][0] + pair[kind][1] > 0);
  return told.map((kind) => say(`labels-count-${kind}`, { there: counted(pair[kind][0]), back: counted(pair[kind][1]) })).join("; ");
}
function marks(text) {
  if (!text.speaks) return [];
  const other = text.answer ?? text.proposed ?? "";
  return [" ", el("span", { class: "chip" }, say(text.answer === null ? "labels-seems" : "labels-said", { label: other }))];
}
function inWords(edit) {
  const said = say(`labels-edit-${edit.what}`, { label: edit.label, to: edit.to ?? "", count: counted(edit.texts) });
  return el("span", {}, theirs(said), " ", el("span", { class: "quiet" }, say("labels-edit-by", { who: edit.who })));
}

// src/mappoints.ts
var HIDDEN = -2;
var DECISIONS = ["keep", "change", "review", "label", "answered"];
var CELLS = 256;
function pointsOf(buffer) {
  const count = new DataView(buffer).getUint32(0, true);
  const at = (part2) => 4 + 4 * count * part2;
  return {
    count,
    x: new Float32Array(buffer, at(0), count),
    y: new Float32Array(buffer, at(1), count),
    rows: new Int32Array(buffer, at(2), count),
    given: new Int32Array(buffer, at(3), count),
    proposed: new Int32Array(buffer, at(4), count),
    decisions: new Int8Array(buffer, at(5), count),
    labels: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at(5) + count)))
  };
}
var Grid = class {
  constructor(points) {
    this.points = points;
    const { x, y, count } = points;
    const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    for (let i = 0; i < count; i++) {
      if (Number.isNaN(x[i])) continue;
      box.left = Math.min(box.left, x[i]);
      box.right = Math.max(box.right, x[i]);
      box.bottom = Math.min(box.bottom, y[i]);
      box.top = Math.max(box.top, y[i]);
    }
    this.box = box.left <= box.right ? box : { left: 0, right: 0, bottom: 0, top: 0 };
    this.step = Math.max(this.box.right - this.box.left, this.box.top - this.box.bottom, 1e-9) / CELLS;
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const cell = Number.isNaN(x[i]) ? -1 : this.row(y[i]) * CELLS + this.column(x[i]);
      cells[i] = cell;
      if (cell >= 0) this.starts[cell + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) this.starts[cell + 1] += this.starts[cell];
    this.members = new Uint32Array(this.starts[CELLS * CELLS]);
    const next = this.starts.slice();
    for (let i = 0; i < count; i++) {
      if (cells[i] >= 0) this.members[next[cells[i]]++] = i;
    }
  }
  points;
  box;
  step;
  starts;
  members;
  column(x) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((x - this.box.left) / this.step)));
  }
  row(y) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((y - this.box.bottom) / this.step)));
  }
  /** Return the point that is nearest to a place and within a distance; -1 where there is none. */
  nearest(x, y, within) {
    let found = -1;
    let best = within * within;
    this.each({ left: x - within, right: x + within, bottom: y - within, top: y + within }, (i) => {
      const away = (this.points.x[i] - x) ** 2 + (this.points.y[i] - y) ** 2;
      if (away < best || away === best && (found < 0 || i < found)) {
        best = away;
        found = i;
      }
    });
    return found;
  }
  /** Visit the points in a box. */
  each(box, visit) {
    const { x, y } = this.points;
    const [first, last] = [this.column(box.left), this.column(box.right)];
    for (let row = this.row(box.bottom); row <= this.row(box.top); row++) {
      const end = this.starts[row * CELLS + last + 1];
      for (let at = this.starts[row * CELLS + first]; at < end; at++) {
        const i = this.members[at];
        if (x[i] >= box.left && x[i] <= box.right && y[i] >= box.bottom && y[i] <= box.top) visit(i);
      }
    }
  }
};

// src/mapcolours.ts
var COLOUR_BY = ["decision", "given", "proposed"];
var MARKS = 6;
var REST = MARKS;
var HIDDEN_MARK = 4;
var MARK_OF_DECISION = [REST, 0, 1, 2, 3];
function byDecision(points) {
  const marks2 = new Uint8Array(points.count);
  const counts2 = new Uint32Array(DECISIONS.length + 1);
  points.decisions.forEach((decision, i) => {
    marks2[i] = decision === HIDDEN ? HIDDEN_MARK : MARK_OF_DECISION[decision] ?? REST;
    const kind = decision === HIDDEN ? DECISIONS.length : Math.max(decision, 0);
    counts2[kind]++;
  });
  const legend = DECISIONS.map((what, kind) => ({ what, mark: MARK_OF_DECISION[kind], count: counts2[kind] }));
  legend.push({ what: "hidden", mark: HIDDEN_MARK, count: counts2[DECISIONS.length] });
  return { marks: marks2, legend: legend.filter((entry) => entry.count) };
}
function byLabel(points, by, chosen) {
  const numbers = chosen.map((name) => points.labels.indexOf(name));
  const marks2 = new Uint8Array(points.count).fill(REST);
  const counts2 = new Uint32Array(MARKS + 1);
  points[by].forEach((label, i) => {
    const mark = label < 0 ? -1 : numbers.indexOf(label);
    if (mark >= 0) marks2[i] = mark;
    counts2[marks2[i]]++;
  });
  const legend = chosen.map((label, mark) => ({ what: "label", label, mark, count: counts2[mark] }));
  legend.push({ what: "others", mark: REST, count: counts2[REST] });
  return { marks: marks2, legend };
}
function mostConfused(points) {
  const moved = new Uint32Array(points.labels.length);
  for (let i = 0; i < points.count; i++) {
    const [given, proposed] = [points.given[i], points.proposed[i]];
    if (given < 0 || proposed < 0 || given === proposed) continue;
    moved[given]++;
    moved[proposed]++;
  }
  const order = Array.from(moved.keys()).filter((label) => moved[label]);
  order.sort((a, b) => moved[b] - moved[a] || a - b);
  return order.slice(0, MARKS).map((label) => points.labels[label]);
}

// src/mapcanvas.ts
var NEAR_PX = 12;
var CLICK_PX = 4;
var STEP_PX = 60;
var ZOOM = 1.4;
var MOST_CORNERS = 300;
var REST_MS = 250;
var MOST_ZOOM = 2e3;
var SHAPES = [
  (x, y) => Math.abs(x) + Math.abs(y) <= 1.2,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  (x, y) => y <= 0.8 && y >= 2 * Math.abs(x) - 1.1,
  (x, y) => x * x + y * y <= 1.1,
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.35 && Math.max(Math.abs(x), Math.abs(y)) <= 1.15,
  (x, y) => -y <= 0.8 && -y >= 2 * Math.abs(x) - 1.1,
  (x, y) => x * x + y * y <= 0.7
];
var MapCanvas = class {
  constructor(element, events) {
    this.element = element;
    this.events = events;
    this.context = element.getContext("2d");
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
  element;
  events;
  lasso = false;
  marks = new Uint8Array(0);
  /** Points with a ring around them. */
  ringed = [];
  area = [];
  points = null;
  grid = null;
  context;
  image = null;
  centre = [0, 0];
  scale = 1;
  whole = 1;
  frame = 0;
  rest = 0;
  pointers = /* @__PURE__ */ new Map();
  begun = null;
  show(points, grid) {
    const first = !this.points;
    this.points = points;
    this.grid = grid;
    if (first) this.fit();
    else this.changed();
  }
  /** Show all points. */
  fit() {
    if (!this.grid) return;
    const { left, right, bottom, top } = this.grid.box;
    this.centre = [(left + right) / 2, (bottom + top) / 2];
    const { clientWidth: width, clientHeight: height } = this.element;
    const scale = 0.94 * Math.min(width / (right - left), height / (top - bottom));
    this.scale = this.whole = Number.isFinite(scale) && scale > 0 ? scale : 1;
    this.changed();
  }
  zoom(by, at) {
    const [x, y] = at ?? this.centre;
    const scale = Math.min(MOST_ZOOM * this.whole, Math.max(this.whole / 2, this.scale * by));
    const real = this.scale / scale;
    this.centre = [x + (this.centre[0] - x) * real, y + (this.centre[1] - y) * real];
    this.scale = scale;
    this.changed();
  }
  /** Return what is in view. */
  view() {
    const [x, y] = this.centre;
    const [width, height] = [this.element.clientWidth / 2 / this.scale, this.element.clientHeight / 2 / this.scale];
    return { left: x - width, right: x + width, bottom: y - height, top: y + height };
  }
  draw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }
  changed() {
    this.draw();
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => this.events.rested(), REST_MS);
  }
  pan(x, y) {
    this.centre = [this.centre[0] - x / this.scale, this.centre[1] + y / this.scale];
    this.changed();
  }
  spot(event) {
    return this.fromPixels(event.offsetX, event.offsetY);
  }
  fromPixels(x, y) {
    return [
      this.centre[0] + (x - this.element.clientWidth / 2) / this.scale,
      this.centre[1] - (y - this.element.clientHeight / 2) / this.scale
    ];
  }
  resize() {
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
  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : 30 * event.deltaY;
    this.zoom(Math.exp(-Math.max(-200, Math.min(200, pixels)) / 300), this.spot(event));
  }
  down(event) {
    if (event.button) return;
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (this.pointers.size > 1) {
      if (this.begun?.drawing) this.area = [];
      this.begun = null;
      return;
    }
    const drawing = this.lasso || event.shiftKey;
    this.begun = { x: event.offsetX, y: event.offsetY, moved: false, drawing };
    if (drawing) this.area = [this.spot(event)];
  }
  move(event) {
    const last = this.pointers.get(event.pointerId);
    const here = [event.offsetX, event.offsetY];
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
  pinch(finger, last, here) {
    const other = [...this.pointers].find(([id]) => id !== finger)[1];
    this.pointers.set(finger, here);
    const [before, after] = [last, here].map((spot) => Math.hypot(spot[0] - other[0], spot[1] - other[1]));
    const middle = [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2];
    this.pan((here[0] - last[0]) / 2, (here[1] - last[1]) / 2);
    if (before > 0) this.zoom(after / before, this.fromPixels(...middle));
  }
  hover(event) {
    if (event.pointerType === "touch") return;
    this.events.over(this.nearest(event), event.offsetX, event.offsetY);
  }
  nearest(event) {
    return this.grid?.nearest(...this.spot(event), NEAR_PX / this.scale) ?? -1;
  }
  up(event, meant) {
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
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      ArrowLeft: () => this.pan(STEP_PX, 0),
      ArrowRight: () => this.pan(-STEP_PX, 0),
      ArrowUp: () => this.pan(0, STEP_PX),
      ArrowDown: () => this.pan(0, -STEP_PX),
      "+": () => this.zoom(ZOOM),
      "=": () => this.zoom(ZOOM),
      "-": () => this.zoom(1 / ZOOM),
      "0": () => this.fit()
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }
  paint() {
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
  radius() {
    const many = this.points.count;
    const base = many > 5e4 ? 1.2 : many > 5e3 ? 1.8 : many > 1e3 ? 2.6 : 4;
    return Math.min(7, base * Math.max(1, Math.sqrt(this.scale / this.whole) ** 0.8));
  }
  stamp(pixels, width, height, dense, radius, wanted, colour) {
    const { x, y, count } = this.points;
    const reach2 = Math.ceil(1.2 * radius);
    const stencils = Array.from({ length: MARKS + 1 }, (_, mark) => stencil(SHAPES[mark], radius, reach2, width));
    const inks = stencils.map((_, mark) => colour(mark === REST ? "--mark-rest" : `--mark-${mark}`));
    const scale = this.scale * dense;
    const [left, top] = [width / 2 - this.centre[0] * scale, height / 2 + this.centre[1] * scale];
    for (let i = count - 1; i >= 0; i--) {
      const mark = this.marks[i];
      if (!wanted(mark)) continue;
      const column = Math.round(left + x[i] * scale);
      const row = Math.round(top - y[i] * scale);
      if (!(column >= reach2 && column < width - reach2 && row >= reach2 && row < height - reach2)) continue;
      const at = row * width + column;
      const ink = inks[mark];
      for (const offset of stencils[mark]) pixels[at + offset] = ink;
    }
  }
  lines(dense, radius) {
    const style = getComputedStyle(this.element);
    const { context } = this;
    const scale = this.scale * dense;
    const at = ([x, y]) => [
      this.element.width / 2 + (x - this.centre[0]) * scale,
      this.element.height / 2 - (y - this.centre[1]) * scale
    ];
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--ink");
    context.lineWidth = 2 * dense;
    for (const i of this.ringed) {
      context.beginPath();
      context.arc(...at([this.points.x[i], this.points.y[i]]), radius + 4 * dense, 0, 2 * Math.PI);
      context.stroke();
    }
    if (this.area.length < 2) return;
    context.beginPath();
    this.area.forEach((spot, i) => i ? context.lineTo(...at(spot)) : context.moveTo(...at(spot)));
    context.closePath();
    context.globalAlpha = 0.08;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
  }
};
function colours(element) {
  const style = getComputedStyle(element);
  return (name) => {
    const [red, green, blue] = style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((part2) => parseInt(part2, 16));
    return (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
  };
}
function stencil(shape, radius, reach2, width) {
  const found = [];
  for (let y = -reach2; y <= reach2; y++) {
    for (let x = -reach2; x <= reach2; x++) {
      if (shape(x / radius, y / radius)) found.push(y * width + x);
    }
  }
  return Int32Array.from(found);
}
function thinned(corners) {
  const step = Math.ceil(corners.length / MOST_CORNERS);
  return corners.filter((_, i) => i % step === 0);
}

// src/map.ts
var LISTED = 8;
var HOVER_MS = 70;
function mapView(api, search, actions) {
  return (place) => new MapView(place, api, search, actions);
}
var MapView = class {
  constructor(place, api, search, actions) {
    this.place = place;
    this.api = api;
    this.search = search;
    this.actions = actions;
    const canvas = el("canvas", { class: "map", tabindex: 0, role: "application", "aria-label": say("map-label"), "aria-describedby": "map-keys" });
    this.canvas = new MapCanvas(canvas, {
      over: (i, x, y) => this.hover(i, x, y),
      picked: (i) => this.pick(i),
      drawn: (corners) => void this.choose({ area: corners }, say("chosen-area")),
      rested: () => this.listInView()
    });
    this.modes = ["move", "lasso"].map(
      (mode) => button({ "aria-pressed": String(mode === "move"), title: say(`map-${mode}-help`) }, () => this.setMode(mode === "lasso"), say(`map-${mode}`))
    );
    const tools = el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": say("map-tools"), "aria-controls": "view-map" },
      ...this.modes,
      button({ "aria-label": say("map-in") }, () => this.canvas.zoom(1.4), "+"),
      button({ "aria-label": say("map-out") }, () => this.canvas.zoom(1 / 1.4), "−"),
      button({}, () => this.canvas.fit(), say("map-whole")),
      button({ title: say("map-view-help") }, () => this.chooseView(), say("map-view"))
    );
    place.replaceChildren(
      el(
        "div",
        { class: "picture" },
        el("div", { class: "drawn" }, tools, el("div", { class: "frame" }, canvas, this.tip), el("p", { id: "map-keys", class: "quiet" }, say("map-keys"))),
        el(
          "div",
          { class: "beside" },
          this.found,
          this.colourBy(),
          this.legend,
          el("h2", {}, say("map-listed")),
          this.told,
          this.list
        )
      )
    );
  }
  place;
  api;
  search;
  actions;
  points = null;
  grid = null;
  by = "decision";
  chosen = { given: [], proposed: [] };
  picked = -1;
  hovered = -1;
  timer = 0;
  texts = /* @__PURE__ */ new Map();
  canvas;
  tip = el("div", { class: "tip", hidden: true });
  legend = el("div", { class: "legend" });
  found = el("div", { class: "found" });
  told = el("p", { role: "status", class: "quiet" });
  list = el("ol", { class: "listed" });
  modes;
  shown() {
    this.actions.tell(say("view-map-help"));
    document.addEventListener(LABELS_CHANGED, this.drawAnew);
    this.drawAnew();
  }
  hidden() {
    document.removeEventListener(LABELS_CHANGED, this.drawAnew);
  }
  /** Draw what is known by now: labels have other names, or the table was mended. */
  drawAnew = () => {
    if (!this.api.choice) this.forget();
    void this.load();
  };
  async load() {
    try {
      const points = pointsOf(await this.api.map());
      this.grid = new Grid(points);
      this.points = points;
    } catch (error) {
      this.actions.refused(error);
      return;
    }
    for (const by of ["given", "proposed"]) {
      const { labels: labels2 } = this.points;
      this.chosen[by] = this.chosen[by].filter((name) => labels2.includes(name));
      if (!this.chosen[by].length) this.chosen[by] = mostConfused(this.points);
    }
    this.place.dataset["points"] = String(this.points.count);
    this.colour();
    this.canvas.show(this.points, this.grid);
  }
  colourBy() {
    const options = COLOUR_BY.map(
      (by) => el("option", { value: by }, say(`map-by-${by}`))
    );
    const field = el("select", { id: "map-by" }, ...options);
    field.addEventListener("change", () => {
      this.by = field.value;
      this.colour();
    });
    return el("p", {}, el("label", { for: "map-by" }, say("map-by")), " ", field);
  }
  colour() {
    if (!this.points) return;
    const colours2 = this.by === "decision" ? byDecision(this.points) : byLabel(this.points, this.by, this.chosen[this.by]);
    this.canvas.marks = colours2.marks;
    this.canvas.draw();
    this.legend.replaceChildren(el("ul", {}, ...colours2.legend.map((entry) => el("li", {}, ...this.entry(entry)))));
    if (this.by === "decision") return;
    this.legend.append(button({ class: "plain" }, () => this.addLabel(), say("map-add")));
  }
  entry({ what, label, mark, count }) {
    const name = label === void 0 ? el("span", {}, say(`map-is-${what}`)) : theirs(label);
    const parts = [markOf(mark), name, el("span", { class: "count" }, number(count))];
    if (label !== void 0) {
      const title = say("map-drop", { label });
      parts.push(button({ class: "plain", "aria-label": title, title }, () => this.dropLabel(label), "×"));
    }
    return parts;
  }
  addLabel() {
    openPicker(this.search, this.points.labels.length, (label) => {
      if (this.by === "decision") return;
      const others = this.chosen[this.by].filter((one) => one !== label);
      this.chosen[this.by] = [...others.slice(-MARKS + 1), label];
      this.colour();
    });
  }
  dropLabel(label) {
    if (this.by === "decision") return;
    this.chosen[this.by] = this.chosen[this.by].filter((one) => one !== label);
    this.colour();
    (this.legend.querySelector("button") ?? this.canvas.element).focus();
  }
  setMode(lasso) {
    this.canvas.lasso = lasso;
    this.canvas.element.classList.toggle("lasso", lasso);
    this.modes.forEach((mode, i) => mode.setAttribute("aria-pressed", String(Boolean(i) === lasso)));
  }
  hover(i, x, y) {
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
  async fillTip(i) {
    await this.learn([i]);
    if (this.hovered !== i) return;
    this.tip.replaceChildren(...this.about(i));
    this.tip.dataset["of"] = String(i);
    this.tip.hidden = false;
  }
  ring() {
    this.canvas.ringed = [this.picked, this.hovered].filter((i) => i >= 0);
    this.canvas.draw();
  }
  pick(i) {
    this.picked = i;
    this.ring();
    this.found.replaceChildren();
    if (i >= 0) void this.showCard(i);
  }
  async showCard(i) {
    const choice = { near: this.points.rows[i] };
    await this.learn([i]);
    if (this.picked === i) await this.choose(choice, say("chosen-near"), this.about(i));
  }
  about(i) {
    const { rows, given, proposed, decisions, labels: labels2 } = this.points;
    const parts = [el("p", {}, theirs(this.texts.get(rows[i]) ?? "", { class: "short" }))];
    if (decisions[i] === HIDDEN) return [...parts, el("p", { class: "quiet" }, say("map-hidden"))];
    const name = (label) => label < 0 ? el("em", {}, say("given-none")) : theirs(labels2[label], { class: "label" });
    const decision = DECISIONS[decisions[i]];
    parts.push(el("p", {}, name(given[i]), " → ", name(proposed[i]), " ", decision ? el("span", { class: "chip" }, say(`map-is-${decision}`)) : null));
    return parts;
  }
  /** Get the texts of points that are not known yet. */
  async learn(points) {
    const rows = points.map((i) => this.points.rows[i]).filter((row) => !this.texts.has(row));
    if (!rows.length) return;
    try {
      for (const { row, text } of await this.api.texts(rows)) this.texts.set(row, text);
    } catch (error) {
      this.actions.refused(error);
    }
  }
  /** Say how many rows a choice has, and offer to ask about them. */
  async choose(choice, words, about = []) {
    try {
      const texts = await this.api.choose(choice);
      const ask2 = button({ class: "primary", disabled: !texts }, () => this.actions.ask(choice, words), say("chosen-ask"));
      this.found.replaceChildren(
        el(
          "div",
          { class: "panel" },
          ...about,
          el("p", { role: "status" }, say("chosen-open", { what: words, count: counted(texts) })),
          el("p", { class: "tools" }, ask2, button({ class: "plain" }, () => this.letGo(), say("chosen-drop")))
        )
      );
      this.found.scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.actions.refused(error);
    }
  }
  letGo() {
    this.forget();
    this.canvas.element.focus();
  }
  forget() {
    this.canvas.area = [];
    this.pick(-1);
  }
  chooseView() {
    const { left, right, bottom, top } = this.canvas.view();
    const corners = [[left, bottom], [right, bottom], [right, top], [left, top]];
    void this.choose({ area: corners }, say("chosen-view"));
  }
  /** Say what is in view, for whoever does not see it, and list what people are asked about first. */
  async listInView() {
    const { points, grid } = this;
    if (!points || !grid) return;
    const inView = [];
    grid.each(this.canvas.view(), (i) => inView.push(i));
    const of = (decision) => counted(inView.filter((i) => points.decisions[i] === decision).length);
    this.told.textContent = say("map-in-view", { count: counted(inView.length), changed: of(1), review: of(2) });
    const first = Array.from(Uint32Array.from(inView).sort().subarray(0, LISTED));
    await this.learn(first);
    this.list.replaceChildren(...first.map((i) => {
      const text = this.texts.get(points.rows[i]) ?? "";
      return el("li", {}, button({ class: "plain" }, () => this.pick(i), theirs(text, { class: "short" })));
    }));
  }
};
function markOf(mark) {
  return el("span", { class: `mark mark-${mark === REST ? "rest" : mark}`, "aria-hidden": "true" });
}

// src/matrix.ts
var SHADES = 5;
var LONGEST = 24;
function matrixView(api, labels2, search, actions) {
  return (place) => {
    let label = null;
    const ask2 = (given, proposed) => actions.ask({ given, proposed }, say("chosen-cell", { given, proposed }));
    const find = (wanted) => {
      label = wanted;
      void load();
    };
    const load = async () => {
      try {
        const found = await api.matrix(label);
        place.replaceChildren(...parts(found));
        place.dataset["pairs"] = String(found.pairs.length);
      } catch (error) {
        actions.refused(error);
      }
    };
    const parts = (found) => {
      if (!found.labels.length) return [el("p", {}, say(found.hidden ? "matrix-hidden-all" : "matrix-nothing"))];
      const lead = found.others ? say("matrix-lead-most", { count: found.labels.length, others: counted(found.others) }) : say("matrix-lead");
      const notes = found.hidden ? [el("p", { class: "quiet" }, say("matrix-hidden", { count: counted(found.hidden) }))] : [];
      const caption = el("p", { class: "quiet" }, say("matrix-caption"));
      return [el("p", {}, lead), ...notes, caption, table(found, ask2), pairs(found)];
    };
    const pairs = (found) => {
      const title = label === null ? el("h2", { id: "pairs-title" }, say("matrix-pairs")) : el("h2", { id: "pairs-title" }, say("matrix-pairs-of"), " ", theirs(label, { class: "label" }));
      const tools = el(
        "p",
        { class: "tools" },
        button({ id: "pairs-search" }, () => openPicker(search, labels2.length, find), say("matrix-search")),
        label === null ? null : button({ class: "plain" }, () => find(null), say("matrix-all"))
      );
      const list = el("ol", { class: "pairs", "aria-labelledby": "pairs-title" }, ...found.pairs.map((one) => el("li", {}, button(
        { class: "pair", title: say("chosen-ask") },
        () => ask2(one.given, one.proposed),
        theirs(one.given, { class: "label" }),
        " → ",
        theirs(one.proposed, { class: "label" }),
        " ",
        el("span", { class: "count" }, number(one.texts))
      ))));
      const more2 = found.more ? el("p", { class: "quiet" }, say("matrix-more", { count: counted(found.more) })) : null;
      return el("div", {}, title, tools, found.pairs.length ? list : el("p", {}, say("matrix-no-pairs")), more2 ?? "");
    };
    const shown = () => {
      actions.tell(say("view-matrix-help"));
      void load();
    };
    return { shown };
  };
}
function short(label) {
  const letters = Array.from(label);
  return letters.length <= LONGEST ? label : `${letters.slice(0, LONGEST - 1).join("")}…`;
}
function table({ labels: labels2, counts: counts2 }, ask2) {
  const off = counts2.flatMap((row, g) => row.filter((_, p) => p !== g));
  const most = Math.max(1, ...off);
  const heads = labels2.map((label) => el("th", { scope: "col", title: label }, theirs(short(label), { class: "turned" })));
  const rows = counts2.map(
    (row, g) => el("tr", {}, el("th", { scope: "row", title: labels2[g] }, theirs(short(labels2[g]))), ...row.map((texts, p) => {
      if (!texts) return el("td", {});
      const shade = p === g ? "own" : `shade-${Math.ceil(SHADES * texts / most)}`;
      const words = say("matrix-cell", { given: labels2[g], proposed: labels2[p], count: counted(texts) });
      return el("td", { class: shade }, button({ class: "plain", "aria-label": words, title: words }, () => ask2(labels2[g], labels2[p]), number(texts)));
    }))
  );
  const caption = say("matrix-caption");
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      { class: "matrix", "aria-label": caption },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("matrix-corner")), ...heads)),
      el("tbody", {}, ...rows)
    )
  );
}

// src/keys.ts
function listen(actions, deaf) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing || deaf()) return;
    const target = event.target;
    if (document.querySelector("dialog[open]") || target.matches("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "Enter" && target.matches("button, a")) return;
    const action = actionOf(keyOf(event), actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
function keyOf(event) {
  if (/^Key[A-Z]$/.test(event.code) && /^[^\x00-\x7f]$/u.test(event.key)) return event.code.slice(3);
  if (event.code === "Slash" && /^[.,]$/.test(event.key)) return event.shiftKey ? "?" : "/";
  return event.key;
}
function actionOf(key, actions) {
  if (/^[1-9]$/.test(key)) return () => actions.pick(Number(key));
  const known = {
    enter: actions.accept,
    k: actions.keep,
    m: actions.mended,
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

// src/search.ts
var MOST = 60;
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_\-/.:]+/gu, " ").trim();
}
var LabelSearch = class {
  constructor(labels2) {
    this.labels = labels2;
  }
  labels;
  made = null;
  /** Search these labels from now on. */
  learn(labels2) {
    this.labels = labels2;
    this.made = null;
  }
  /** What is compared of each label: made once, before the first search if there is time. */
  get entries() {
    this.made ??= this.labels.map((label) => {
      const name = fold(label.name);
      const about = fold(label.description);
      const aboutWords = [...new Set(about.split(" "))];
      return { label, name, nameWords: name.split(" "), about, aboutWords };
    });
    return this.made;
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

// src/page.ts
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
  progress = null;
  busy = false;
  timer = 0;
  /** Whether the keys are somebody else's just now. */
  deaf() {
    return false;
  }
  /** Hear how far everything is. */
  async heed(_progress) {
  }
  /** Return why no row is left. */
  nothing() {
    return this.queue === "audit" && this.progress?.audit.total === 0 ? "done-audit-none" : `done-${this.queue}`;
  }
  open() {
    part("table").textContent = this.start.table;
    const who = part("who");
    who.value = this.start.who;
    who.addEventListener("change", () => this.become(who.value.trim()));
    listen(this.keys(), () => this.deaf());
    addEventListener("pagehide", () => void this.api.release().catch(() => {
    }));
    setInterval(() => void this.api.hold().catch(() => {
    }), HOLD_MS);
    this.showActions();
    void this.change(this.queue).then(() => this.look()).then(() => this.search.entries);
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
    const row = part("row");
    row.replaceChildren(...item ? this.rowOf(item) : this.done());
    row.dataset["row"] = item ? String(item.row) : "";
    this.beside(item);
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
    return [el("p", { class: "done" }, say(this.nothing())), el("p", {}, say("done-next"))];
  }
  async change(queue) {
    await this.once(async () => {
      this.queue = queue;
      const { item } = await this.api.next(queue, null);
      if (!item && !this.progress) await this.look();
      this.changed();
      this.tell(say(`queue-${queue}-help`));
      this.show(item);
      this.showProgress();
    });
  }
  /** Hear that rows come anew. */
  changed() {
  }
  become(who) {
    if (!who || who === this.api.who) return;
    void this.api.release().catch(() => {
    });
    this.api.who = who;
    void this.change(this.queue).then(() => this.look());
  }
  /** Keep an answer, and show the row that its reply brings. */
  async keepAnswer(ask2, saved) {
    const begun = performance.now();
    await this.once(async () => {
      const reply = await ask2();
      this.show(reply.item);
      this.tell(saved(reply.answers.length));
      requestAnimationFrame(
        () => setTimeout(() => performance.measure("key-to-row", { start: begun, end: performance.now() }))
      );
      this.lookSoon();
    });
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
      this.tell(say("undone", { what: this.undone(item) }));
      this.lookSoon();
    });
  }
  async reveal() {
    const item = this.item;
    if (!item?.hidden) return;
    await this.once(async () => this.show((await this.api.reveal(item)).item));
  }
  showQueues() {
    redraw(
      part("queues"),
      ...this.start.queues.map((queue) => {
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
    this.actionsOf(item, (key, name, action, primary = false) => {
      const one = button(
        { class: primary ? "primary" : void 0, "aria-keyshortcuts": key, disabled: !item && name !== "undo" && name !== "keys" },
        action,
        el("kbd", { "aria-hidden": "true" }, key),
        say(name)
      );
      made.push(one);
      return one;
    });
    part("actions").replaceChildren(...made);
  }
  showProgress() {
    this.showQueues();
    if (!this.progress) return;
    if (document.activeElement?.id === "goal") return;
    redraw(part("progress"), ...this.progressOf(this.progress));
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
      await this.heed(this.progress);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    const jobs = this.progress ? Object.values(this.progress.jobs) : [];
    const soon = jobs.some((job) => job.phase === "running");
    this.timer = window.setTimeout(() => void this.look(), soon ? FAST_MS : SLOW_MS);
  }
  async apply() {
    await this.once(async () => {
      this.progress = await this.api.apply();
      this.showProgress();
      this.lookSoon();
    });
  }
};

// src/progress.ts
function progressView(progress, queue, actions) {
  const { rows, wrong } = progress.doubtful;
  const ahead = say(wrong < 1 ? "ahead-stop" : "ahead", { rows, wrong: counted(wrong) });
  return [far(progress, queue), certificate(progress, actions), beside(progress, queue, ahead, actions.apply)];
}
function setProgressView(progress, queue, apply) {
  const { rows, wrong } = progress.doubtful;
  const ahead = say(wrong < 1 ? "ahead-sets-few" : "ahead-sets", { rows: counted(rows), wrong: counted(wrong) });
  const proved = progress.audit.total ? [certificate(progress)] : [];
  return [far(progress, queue), ...proved, beside(progress, queue, ahead, apply)];
}
function far(progress, queue) {
  const { done, total } = progress[queue];
  const facts = { done: counted(done), total: counted(total), agree: counted(progress.agreement.agree) };
  const told = say(`progress-${queue}`, facts);
  const { answers, per_minute: rate } = progress.pace;
  const pace = rate === null ? say("pace", { count: counted(answers) }) : say("pace-rate", { count: counted(answers), rate: counted(rate, 1) });
  const box = el(
    "section",
    {},
    el("h2", {}, say("progress")),
    el("progress", { max: Math.max(total, 1), value: done, "aria-label": told }),
    el("p", {}, told),
    el("p", {}, pace)
  );
  if (rate && total > done && queue !== "doubtful") {
    box.append(el("p", { class: "quiet" }, say("time-left", { minutes: counted(Math.ceil((total - done) / rate)) })));
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
  box.append(list);
  if (actions) box.append(aim(found.goal ?? 0, actions), el("p", {}, more(found)));
  if (progress.jobs.certificate.phase === "running") box.append(el("p", { class: "quiet" }, say("certificate-busy")));
  return box;
}
function aim(goal, actions) {
  const field = el("input", { type: "number", min: 0.5, max: 100, step: 0.5, value: Number((100 * goal).toFixed(1)), id: "goal" });
  field.addEventListener("change", () => {
    const points = field.valueAsNumber;
    if (points > 0 && points <= 100) actions.aim(points / 100);
  });
  return el("p", { class: "aim" }, el("label", { for: "goal" }, say("goal")), " ", field, " ", say("goal-points"));
}
function more(found) {
  if (found.more === null || found.more === void 0) return say("goal-unknown");
  if (!found.more) return say("goal-reached");
  const beyond = found.more - found.open;
  return say(beyond > 0 ? "goal-more-draw" : "goal-more", { count: counted(found.more), beyond: counted(beyond) });
}
function beside(progress, queue, ahead, apply) {
  const box = el("section", {});
  if (queue === "doubtful" && progress.doubtful.rows) box.append(el("p", {}, ahead));
  const { refit, apply: applied } = progress.jobs;
  const learned = refit.phase === "running" ? say("refit-running") : refit.phase === "failed" ? say("job-failed", { said: refit.said }) : say("refit-next", { count: progress.until_refit });
  box.append(el("p", { class: "quiet", id: "refit" }, learned));
  if (progress.refits) {
    const times = progress.refits === 1 ? say("refit-done-one") : say("refit-done", { count: progress.refits });
    box.append(el("p", { class: "quiet" }, times));
  }
  const running = applied.phase === "running";
  box.append(button({ id: "apply", disabled: running, title: say("apply-help") }, apply, say("apply-help")));
  if (applied.phase !== "idle") {
    box.append(el("p", { role: "status", id: "applied" }, say(`apply-${applied.phase}`, { said: applied.said })));
  }
  return box;
}

// src/row.ts
function inWords2(verdict, label) {
  return verdict === "label" ? label ?? "" : say(`said-${verdict}`);
}
function rowView(item, pick, reveal) {
  return [factsOf(item), textOf(item), item.hidden ? hiddenView(reveal) : labels(item), candidates(item, pick)];
}
function factsOf(item) {
  const number2 = String(item.row + 1);
  const name = item.id === number2 ? say("row", { row: number2 }) : say("row-id", { row: number2, id: item.id });
  const facts = el("p", { class: "facts" }, el("strong", {}, theirs(name)));
  if (item.decision) {
    facts.append(el("span", { class: `chip ${item.decision}` }, say(`decision-${item.decision}`)));
  }
  if (item.copies > 1) facts.append(el("span", {}, say("copies", { count: item.copies })));
  return facts;
}
function textOf(item) {
  const long = item.text.length > 600;
  return el(
    "div",
    { class: long ? "text long" : "text", dir: "auto", tabindex: long ? 0 : void 0, role: long ? "region" : void 0, "aria-label": long ? say("text") : void 0 },
    item.text
  );
}
function hiddenView(reveal) {
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
function labels(item) {
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

// src/views.ts
var VIEWS = ["rows", "labels", "map", "matrix"];
var Views = class {
  known = /* @__PURE__ */ new Map();
  mounted = /* @__PURE__ */ new Map();
  current = "rows";
  get shown() {
    return this.current;
  }
  add(name, view) {
    this.known.set(name, view);
    this.showBar();
  }
  open(name) {
    const view = this.known.get(name);
    if (!view || name === this.current) return;
    const left = this.mounted.get(this.current);
    this.current = name;
    const found = this.mounted.get(name) ?? view(this.place(name));
    this.mounted.set(name, found);
    document.body.dataset["view"] = name;
    for (const one of document.querySelectorAll("body [data-view]")) {
      one.hidden = one.dataset["view"] !== name;
    }
    this.mark();
    left?.hidden?.();
    found.shown?.();
  }
  /** Return a view's element; most have none in the shell. */
  place(name) {
    const there = document.getElementById(`view-${name}`);
    if (there) return there;
    const made = el("section", { id: `view-${name}`, tabindex: -1, "aria-label": say(`view-${name}`), "data-view": name });
    part("main").append(made);
    return made;
  }
  showBar() {
    part("views").replaceChildren(
      ...VIEWS.filter((name) => this.known.has(name)).map(
        (name) => button({ id: `tab-${name}`, title: say(`view-${name}-help`) }, () => this.open(name), say(`view-${name}`))
      )
    );
    this.mark();
  }
  mark() {
    for (const name of this.known.keys()) {
      const tab = part(`tab-${name}`);
      if (name === this.current) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }
};

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

// src/labelpage.ts
var LabelPage = class extends Page {
  views = new Views();
  batch = null;
  known = "";
  edited = false;
  stale = false;
  open() {
    this.views.add("rows", () => ({ shown: () => this.stale && void this.change(this.queue) }));
    const pictures = {
      ask: (choice, words) => this.narrow(choice, words),
      tell: (text) => this.tell(text),
      refused: (error) => void this.refused(error)
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
      }
    }));
    this.views.add("map", mapView(this.api, this.search, pictures));
    this.views.add("matrix", matrixView(this.api, this.start.labels, this.search, pictures));
    super.open();
  }
  keys() {
    return {
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
      help: () => openHelp(LABEL_KEYS),
      close: () => this.closeSide()
    };
  }
  deaf() {
    return this.views.shown !== "rows";
  }
  nothing() {
    return this.queue === "doubtful" && this.api.choice ? "done-chosen" : super.nothing();
  }
  changed() {
    this.stale = this.edited = false;
  }
  rowOf(item) {
    return rowView(item, (label) => void this.answer("label", label), () => void this.reveal());
  }
  progressOf(progress) {
    return progressView(progress, this.queue, {
      aim: (goal) => void this.aim(goal),
      apply: () => void this.apply()
    });
  }
  beside() {
    this.closeSide();
  }
  undone(item) {
    return inWords2(item.undone[0] ?? "", item.undone[1]);
  }
  /** Ask about the rows that were picked in a picture; null for all of them again. */
  narrow(choice, words) {
    this.api.choice = choice;
    this.views.open("rows");
    showChosen(choice && words, () => this.narrow(null, ""));
    void this.change("doubtful");
  }
  async answer(verdict, label) {
    const item = this.item;
    if (!item) return;
    const more2 = this.batch?.ticked() ?? [];
    const what = inWords2(verdict, label);
    await this.keepAnswer(
      () => this.api.answer(item, { verdict, label, more: more2 }),
      (count) => count > 1 ? say("saved-many", { count, what }) : say("saved", { what })
    );
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
  actionsOf(item, add) {
    if (item && !item.hidden && item.proposed !== null) add("Enter", "accept-short", () => this.accept(), true);
    if (item && !item.hidden && item.given !== null) add("K", "keep-short", () => this.keep());
    add("/", "search", () => this.openSearch());
    add("N", "none", () => void this.answer("none", null));
    add("U", "unsure", () => void this.answer("unsure", null));
    add("S", "skip", () => void this.skip());
    add("Z", "undo", () => void this.undo());
    if (item && !item.hidden) add("W", "why", () => void this.why());
    if (item && !item.hidden && item.queue === "doubtful") add("B", "batch", () => void this.alike());
    add("?", "keys", () => openHelp(LABEL_KEYS));
  }
  async look() {
    await super.look();
    if (this.stale && this.views.shown === "rows") void this.change(this.queue);
  }
  /** Learn the labels anew where somebody edited them, and tell the view of them what is new. */
  async heed({ labels: labels2, jobs }) {
    if (!labels2) return;
    const now = `${labels2.version} ${labels2.pending} ${jobs.apply.phase}`;
    if (now === this.known) return;
    this.known = now;
    if (labels2.version !== this.start.labels_version) {
      const fresh = await Api.start();
      this.start.labels_version = fresh.labels_version ?? labels2.version;
      this.start.labels.splice(0, Infinity, ...fresh.labels);
      this.search.learn(fresh.labels);
      this.stale = this.edited;
    }
    document.dispatchEvent(new Event(LABELS_CHANGED));
  }
  async aim(goal) {
    await this.once(async () => {
      this.progress = await this.api.goal(goal);
      document.activeElement?.blur();
      this.showProgress();
    });
  }
};

// src/setrow.ts
function setInWords(labels2) {
  return labels2.join(", ") || say("said-none");
}
var SetRow = class {
  /**
   * @param item The row.
   * @param on Labels that are on in the beginning.
   * @param heard Hears that a label was switched by a click.
   */
  constructor(item, on, heard2) {
    this.item = item;
    this.heard = heard2;
    this.on = new Set(on);
    this.list = el("ol", { class: item.hidden ? "candidates bare" : "candidates", "aria-label": say("toggles") });
    for (const one of item.candidates) this.add(one);
    for (const label of on) this.ensure(label);
  }
  item;
  heard;
  on;
  toggles = [];
  list;
  /** The labels that are on, by name. */
  get labels() {
    return [...this.on].sort();
  }
  view(reveal) {
    return [factsOf(this.item), textOf(this.item), this.item.hidden ? hiddenView(reveal) : sets(this.item), this.list];
  }
  /** Return the label of a digit. */
  at(digit) {
    return this.toggles[digit - 1]?.label;
  }
  /** Switch a label, which is shown from then on; tell whether it is on now. */
  toggle(label) {
    this.ensure(label);
    if (!this.on.delete(label)) this.on.add(label);
    this.mark();
    return this.on.has(label);
  }
  ensure(label) {
    if (!this.toggles.some((one) => one.label === label)) this.add({ label, probability: null }, true);
  }
  add(one, searched = false) {
    const digit = this.toggles.length + 1;
    const key = el("kbd", { "aria-hidden": "true" }, digit <= 9 ? String(digit) : "·");
    const tag = this.item.hidden ? null : tagOf(this.item, one.label);
    const made = el(
      "button",
      { type: "button", class: "candidate toggle", "aria-keyshortcuts": digit <= 9 ? digit : void 0 },
      key,
      el("span", { class: "tick", "aria-hidden": "true" }),
      el("span", { class: "named" }, theirs(one.label, { class: "name" }), tag && el("span", { class: "tag" }, say(tag)))
    );
    made.addEventListener("click", (event) => this.heard(one.label, event.detail > 0));
    if (!this.item.hidden && one.probability !== null) {
      const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
      bar.firstElementChild.style.inlineSize = `${100 * one.probability}%`;
      made.append(bar, el("span", { class: "share" }, percent(one.probability)));
    } else if (!this.item.hidden) {
      made.append(el("span", { class: "share quiet" }, say(searched ? "searched" : "near-only")));
    }
    this.toggles.push({ label: one.label, made });
    this.list.append(el("li", {}, made));
    this.mark();
  }
  mark() {
    for (const { label, made } of this.toggles) made.setAttribute("aria-pressed", String(this.on.has(label)));
  }
};
function tagOf(item, label) {
  const was = item.given?.includes(label);
  const is = item.mended?.includes(label);
  return was && is ? "is-given" : was ? "is-removed" : is ? "is-added" : null;
}
function sets(item) {
  const list = el("dl", { class: "labels sets" });
  if (!item.given || !item.mended) return list;
  const same = item.given.join("\n") === item.mended.join("\n");
  const line = (name, value) => el("div", {}, el("dt", {}, say(name)), el("dd", {}, value));
  list.append(line("as-given", chips(item.given, item.mended, "del")));
  list.append(line("as-mended", same ? el("em", {}, say("as-mended-same")) : chips(item.mended, item.given, "ins")));
  return list;
}
function chips(labels2, others, mark) {
  if (!labels2.length) return el("em", {}, say("no-label"));
  const box = el("span", { class: "chips" });
  for (const label of labels2) {
    const chip = theirs(label, { class: "label" });
    box.append(others.includes(label) ? chip : el(mark, {}, chip), " ");
  }
  return box;
}
function nearView(item) {
  if (!item.reason && !item.near.length) return null;
  const panel = el(
    "div",
    { class: "panel", role: "region", "aria-labelledby": "near-title" },
    el("h2", { id: "near-title" }, say("why-title"))
  );
  if (item.reason) panel.append(el("p", { dir: "auto" }, item.reason));
  if (!item.near.length) return panel;
  const rows = item.near.map(
    (one) => el(
      "li",
      {},
      theirs(one.text, { class: "short" }),
      one.labels.length ? chips(one.labels, one.labels, "ins") : el("em", { class: "quiet" }, say("why-label-none"))
    )
  );
  panel.append(el("h3", {}, say("why-near")), el("ul", { class: "nearest" }, ...rows));
  return panel;
}

// src/setpage.ts
var SetPage = class extends Page {
  row = null;
  saver = null;
  /** What was on when hidden labels were asked for. */
  kept = [];
  open() {
    part("views").hidden = true;
    super.open();
  }
  keys() {
    return {
      accept: () => this.save(),
      mended: () => this.take(this.item?.mended, "mended"),
      keep: () => this.take(this.item?.given, "given"),
      pick: (digit) => this.pick(digit),
      search: () => this.openSearch(),
      none: () => void this.answer("none", []),
      unsure: () => void this.answer("unsure", []),
      skip: () => void this.skip(),
      undo: () => void this.undo(),
      reveal: () => void this.showHidden(),
      help: () => openHelp(SET_KEYS)
    };
  }
  rowOf(item) {
    const [verdict, ...said] = item.undone;
    const kept = this.kept.length ? this.kept : null;
    const on = verdict === "label" || verdict === "none" ? said : kept ?? item.mended ?? [];
    this.kept = [];
    this.row = new SetRow(item, on, (label, pointed) => {
      this.switch(label);
      if (pointed) part("row").focus({ preventScroll: true });
    });
    return this.row.view(() => void this.showHidden());
  }
  beside(item) {
    const view = item && nearView(item);
    part("side").replaceChildren(...view ? [view] : []);
  }
  undone(item) {
    return item.undone[0] === "unsure" ? say("said-unsure") : setInWords(item.undone.slice(1));
  }
  progressOf(progress) {
    return setProgressView(progress, this.queue, () => void this.apply());
  }
  actionsOf(item, add) {
    if (item) {
      this.saver = add("Enter", "save-set", () => this.save(), true);
      this.count();
    }
    if (item?.mended) add("M", "as-mended", () => this.take(item.mended, "mended"));
    if (item?.given) add("K", "as-given", () => this.take(item.given, "given"));
    add("/", "search-set", () => this.openSearch());
    add("N", "none", () => void this.answer("none", []));
    add("U", "unsure", () => void this.answer("unsure", []));
    add("S", "skip", () => void this.skip());
    add("Z", "undo", () => void this.undo());
    add("?", "keys", () => openHelp(SET_KEYS));
  }
  async answer(verdict, labels2) {
    const item = this.item;
    if (!item) return;
    const what = verdict === "unsure" ? say("said-unsure") : setInWords(labels2);
    await this.keepAnswer(() => this.api.answer(item, { verdict, labels: labels2 }), () => say("saved", { what }));
  }
  save() {
    if (!this.item || !this.row) return;
    const labels2 = this.row.labels;
    if (this.item.mended === null && !labels2.length) this.tell(say("nothing-on"), true);
    else void this.answer(labels2.length ? "label" : "none", labels2);
  }
  /** Save the labels as they were given, or as they were mended. */
  take(labels2, which) {
    if (!this.item) return;
    if (this.item.hidden) this.tell(say("error-blind"), true);
    else if (!labels2) this.tell(say(`no-set-${which}`), true);
    else void this.answer(labels2.length ? "label" : "none", labels2);
  }
  pick(digit) {
    const label = this.row?.at(digit);
    if (label !== void 0) this.switch(label);
    else if (this.item) this.tell(say("no-candidate", { digit }), true);
  }
  switch(label) {
    if (!this.row) return;
    const on = this.row.toggle(label);
    const count = this.row.labels.length;
    this.tell(say(on ? "switched-on" : "switched-off", { label, count }));
    this.count();
  }
  /** Let the button say how many labels it saves. */
  count() {
    this.saver?.lastChild?.replaceWith(say("save-set", { count: this.row?.labels.length ?? 0 }));
  }
  openSearch() {
    if (!this.item) return;
    const count = this.start.labels.length;
    openPicker(this.search, count, (label) => this.switch(label), say("searching-names", { count }));
  }
  async showHidden() {
    this.kept = this.row?.labels ?? [];
    await this.reveal();
    this.kept = [];
  }
};

// src/main.ts
Api.start().then(
  (start) => {
    learn(start.strings);
    const page = start.task === "several" ? new SetPage(start) : new LabelPage(start);
    page.open();
  },
  () => {
    part("row").replaceChildren(el("p", {}, "401"));
  }
);
