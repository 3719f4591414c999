// From keys to what is done. Keys with modifiers are the browser's, and so is typing in fields.

export interface KeyActions {
  accept(): void;
  keep(): void;
  pick(digit: number): void;
  search(): void;
  none(): void;
  unsure(): void;
  skip(): void;
  undo(): void;
  /** The labels as they were mended; one label a row has `accept` for it. */
  mended?(): void;
  why?(): void;
  batch?(): void;
  reveal(): void;
  help(): void;
  close?(): void;
}

/** Listen for keys; none is heard while `deaf` says so. */
export function listen(actions: KeyActions, deaf: () => boolean): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing || deaf()) return;
    const target = event.target as HTMLElement;
    if (document.querySelector("dialog[open]") || target.matches("input:not([type=checkbox]), select, textarea")) return;
    if (event.key === "Enter" && target.matches("button, a")) return;
    const action = actionOf(keyOf(event), actions);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Return the key by its sign on a Latin keyboard: on a Cyrillic one, K gives л, and / a dot. */
function keyOf(event: KeyboardEvent): string {
  if (/^Key[A-Z]$/.test(event.code) && /^[^\x00-\x7f]$/u.test(event.key)) return event.code.slice(3);
  if (event.code === "Slash" && /^[.,]$/.test(event.key)) return event.shiftKey ? "?" : "/";
  return event.key;
}

function actionOf(key: string, actions: KeyActions): (() => void) | undefined {
  if (/^[1-9]$/.test(key)) return () => actions.pick(Number(key));
  const known: Record<string, (() => void) | undefined> = {
    enter: actions.accept, k: actions.keep, m: actions.mended, "/": actions.search, n: actions.none, u: actions.unsure,
    s: actions.skip, z: actions.undo, w: actions.why, b: actions.batch, v: actions.reveal,
    "?": actions.help, escape: actions.close,
  };
  return known[key.toLowerCase()];
}
