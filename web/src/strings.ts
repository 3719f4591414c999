// The catalogue of all that the page says; the server sends it.

let catalogue: Record<string, string> = {};

export function learn(strings: Record<string, string>): void {
  catalogue = strings;
}

/** Return a sentence with its facts filled in; a name that is unknown is returned as it is. */
export function say(name: string, facts: Record<string, string | number> = {}): string {
  const sentence = catalogue[name] ?? name;
  return sentence.replace(/\{(\w+)\}/g, (whole, fact: string) => String(facts[fact] ?? whole));
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
