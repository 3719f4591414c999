// The views of the page, one of which is shown, and the bar that switches between them.
//
// The contract of a view:
// - A view is a function. It is called once, when its tab is opened for the first time, with an
//   empty element of its own, `#view-NAME`, into which it mounts whatever it shows.
// - It returns what is told of the switch: `shown` comes each time after its element has become
//   visible, the first time too, so that it can be measured there; `hidden` each time after the
//   element has gone. A view that asks the server now and then does so only between the two.
// - `views.add(name, view)` puts its tab into the bar, in the order of VIEWS. Its strings are
//   `view-NAME` (the tab) and `view-NAME-help` (what it shows; the tab's title).
// - What stands in the shell and belongs to one view has `data-view="NAME"`: it is hidden with it.
//   "rows" is made of such parts alone. The status line, `#status`, is everybody's.
// - `views.open(name)` switches, as a click on the tab does; `views.shown` is the name of the one
//   that is shown. The keys of the row view are heard only while that is "rows".
// - Focus stays on the tab. A view that opens another one by itself moves the focus there.

import { button, el, part } from "./dom";
import { say } from "./strings";

export const VIEWS = ["rows", "labels", "map", "matrix"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Switched {
  shown?(): void;
  hidden?(): void;
}

export type View = (place: HTMLElement) => Switched;

export class Views {
  private readonly known = new Map<ViewName, View>();
  private readonly mounted = new Map<ViewName, Switched>();
  private current: ViewName = "rows";

  get shown(): ViewName {
    return this.current;
  }

  add(name: ViewName, view: View): void {
    this.known.set(name, view);
    this.showBar();
  }

  open(name: ViewName): void {
    const view = this.known.get(name);
    if (!view || name === this.current) return;
    const left = this.mounted.get(this.current);
    this.current = name;
    const found = this.mounted.get(name) ?? view(this.place(name));
    this.mounted.set(name, found);
    document.body.dataset["view"] = name;
    for (const one of document.querySelectorAll<HTMLElement>("body [data-view]")) {
      one.hidden = one.dataset["view"] !== name;
    }
    this.mark();
    left?.hidden?.();
    found.shown?.();
  }

  /** Return a view's element; most have none in the shell. */
  private place(name: ViewName): HTMLElement {
    const there = document.getElementById(`view-${name}`);
    if (there) return there;
    const made = el("section", { id: `view-${name}`, tabindex: -1, "aria-label": say(`view-${name}`), "data-view": name });
    part("main").append(made);
    return made;
  }

  private showBar(): void {
    part("views").replaceChildren(
      ...VIEWS.filter((name) => this.known.has(name)).map((name) =>
        button({ id: `tab-${name}`, title: say(`view-${name}-help`) }, () => this.open(name), say(`view-${name}`)),
      ),
    );
    this.mark();
  }

  private mark(): void {
    for (const name of this.known.keys()) {
      const tab = part(`tab-${name}`);
      if (name === this.current) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }
}
