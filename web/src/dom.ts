// Making elements. Texts go in as text, so nothing that a table says is ever markup.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | undefined>;

/** Make an element: attributes that are false or undefined are left out, true ones are empty. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

/** Make a button that does something. */
export function button(attributes: Attributes, action: () => void, ...children: Child[]) {
  const made = el("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", action);
  return made;
}

/** Find an element of the shell. */
export function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found;
}

const REACHED = "button:not(:disabled), input, select, textarea, summary, [tabindex]";

/** Draw a part anew. Where the keyboard was in it, it stays: at what is called the same, else at the same place. */
export function redraw(place: HTMLElement, ...parts: Node[]): void {
  const reached = () => [...place.querySelectorAll<HTMLElement>(REACHED)];
  const was = document.activeElement;
  const at = was ? reached().findIndex((one) => one === was) : -1;
  place.replaceChildren(...parts);
  if (!was || at < 0) return;
  const now = reached();
  const same = now.find((one) => one.id === was.id && one.textContent === was.textContent);
  (same ?? now.find((one) => was.id && one.id === was.id) ?? now[at])?.focus({ preventScroll: true });
}

/** A text of the table: its direction is its own. */
export function theirs(text: string, attributes: Attributes = {}): HTMLElement {
  return el("span", { dir: "auto", ...attributes }, text);
}
