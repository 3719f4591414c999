// Where the page begins: the server says how many labels a row may have.

import { Api } from "./api";
import { el, part } from "./dom";
import { LabelPage } from "./labelpage";
import { SetPage } from "./setpage";
import { learn } from "./strings";

Api.start().then(
  (start) => {
    learn(start.strings);
    const page = start.task === "several" ? new SetPage(start) : new LabelPage(start);
    page.open();
  },
  () => {
    // Without the catalogue there are no words but the browser's own.
    part("row").replaceChildren(el("p", {}, "401"));
  },
);
