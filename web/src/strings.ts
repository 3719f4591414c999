// The catalogue of all that the page says, in the language of the page; the server sends it.

/** A number as it is shown, and as plurals go by. */
export interface Counted {
  readonly count: number;
  readonly shown: string;
}

export type Fact = string | number | Counted;

let catalogue: Record<string, string> = {};

export function learn(strings: Record<string, string>): void {
  catalogue = strings;
}

/**
 * Return a sentence with its facts filled in; a name that is unknown is returned as it is.
 *
 * `{count}` is a fact, and `{count:one=row|other=rows}` the form that goes with it, by the plural
 * rules of the page's language.
 */
export function say(name: string, facts: Record<string, Fact> = {}): string {
  const sentence = catalogue[name] ?? name;
  return sentence.replace(/\{(\w+)(?::([^{}]*))?\}/g, (whole, fact: string, forms?: string) => {
    const found = facts[fact];
    if (found === undefined) return whole;
    if (forms !== undefined) return formOf(forms, typeof found === "object" ? found.count : Number(found));
    return typeof found === "object" ? found.shown : String(found);
  });
}

function formOf(forms: string, count: number): string {
  const known = new Map(forms.split("|").map((form) => form.split("=", 2) as [string, string]));
  const category = new Intl.PluralRules(document.documentElement.lang).select(count);
  return known.get(category) ?? known.get("other") ?? known.get("few") ?? "";
}

export function percent(share: number, digits = 0): string {
  return share.toLocaleString(document.documentElement.lang, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function number(value: number, digits = 0, least = 0): string {
  const form = { minimumFractionDigits: least, maximumFractionDigits: digits };
  return value.toLocaleString(document.documentElement.lang, form);
}

/** Return a number that a sentence may go by. */
export function counted(value: number, digits = 0): Counted {
  return { count: Number(value.toFixed(digits)), shown: number(value, digits) };
}
