// How far, how fast, and what the audit proves so far.

import { button, el } from "./dom";
import { counted, percent, say } from "./strings";
import type { Progress, Queue } from "./types";

export interface ProgressActions {
  aim(goal: number): void;
  apply(): void;
}

export function progressView(progress: Progress, queue: Queue, actions: ProgressActions): Node[] {
  const { rows, wrong } = progress.doubtful;
  const ahead = say(wrong < 1 ? "ahead-stop" : "ahead", { rows, wrong: counted(wrong) });
  return [far(progress, queue), certificate(progress, actions), beside(progress, queue, ahead, actions.apply)];
}

/** The same where a row may have several labels: nobody is told to stop. */
export function setProgressView(progress: Progress, queue: Queue, apply: () => void): Node[] {
  const { rows, wrong } = progress.doubtful;
  const ahead = say(wrong < 1 ? "ahead-sets-few" : "ahead-sets", { rows: counted(rows), wrong: counted(wrong) });
  const proved = progress.audit.total ? [certificate(progress)] : [];
  return [far(progress, queue), ...proved, beside(progress, queue, ahead, apply)];
}

function far(progress: Progress, queue: Queue): HTMLElement {
  const { done, total } = progress[queue];
  const facts = { done: counted(done), total: counted(total), agree: counted(progress.agreement.agree) };
  const told = say(`progress-${queue}`, facts);
  const { answers, per_minute: rate } = progress.pace;
  const pace = rate === null
    ? say("pace", { count: counted(answers) })
    : say("pace-rate", { count: counted(answers), rate: counted(rate, 1) });
  const box = el("section", {}, el("h2", {}, say("progress")),
    el("progress", { max: Math.max(total, 1), value: done, "aria-label": told }), el("p", {}, told), el("p", {}, pace));
  if (rate && total > done && queue !== "doubtful") {
    box.append(el("p", { class: "quiet" }, say("time-left", { minutes: counted(Math.ceil((total - done) / rate)) })));
  }
  return box;
}

function certificate(progress: Progress, actions?: ProgressActions): HTMLElement {
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
      estimate: percent(figure.estimate, 1), low: percent(figure.low, 1), high: percent(figure.high, 1),
    });
    list.append(el("div", {}, el("dt", {}, say(`figure-${figure.name}`)), el("dd", {}, range)));
  }
  box.append(list);
  if (actions) box.append(aim(found.goal ?? 0, actions), el("p", {}, more(found)));
  if (progress.jobs.certificate.phase === "running") box.append(el("p", { class: "quiet" }, say("certificate-busy")));
  return box;
}

function aim(goal: number, actions: ProgressActions): HTMLElement {
  const field = el("input", { type: "number", min: 0.5, max: 100, step: 0.5, value: Number((100 * goal).toFixed(1)), id: "goal" });
  field.addEventListener("change", () => {
    const points = field.valueAsNumber;
    if (points > 0 && points <= 100) actions.aim(points / 100);
  });
  return el("p", { class: "aim" }, el("label", { for: "goal" }, say("goal")), " ", field, " ", say("goal-points"));
}

function more(found: NonNullable<Progress["certificate"]>): string {
  if (found.more === null || found.more === undefined) return say("goal-unknown");
  if (!found.more) return say("goal-reached");
  const beyond = found.more - found.open;
  return say(beyond > 0 ? "goal-more-draw" : "goal-more", { count: counted(found.more), beyond: counted(beyond) });
}

function beside(progress: Progress, queue: Queue, ahead: string, apply: () => void): HTMLElement {
  const box = el("section", {});
  if (queue === "doubtful" && progress.doubtful.rows) box.append(el("p", {}, ahead));
  const { refit, apply: applied } = progress.jobs;
  const learned = refit.phase === "running" ? say("refit-running")
    : refit.phase === "failed" ? say("job-failed", { said: refit.said })
    : say("refit-next", { count: progress.until_refit });
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
