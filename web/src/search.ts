// Finding labels by name and description, with gaps and slips of the finger: instant with 5,000.

import type { Label } from "./types";

interface Entry {
  label: Label;
  name: string;
  nameWords: string[];
  about: string;
  aboutWords: string[];
}

const MOST = 60;

/** Return a text as it is compared: without case, accents and the signs that part words. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[\s_\-/.:]+/gu, " ")
    .trim();
}

export class LabelSearch {
  private made: Entry[] | null = null;

  constructor(private labels: Label[]) {}

  /** Search these labels from now on. */
  learn(labels: Label[]): void {
    this.labels = labels;
    this.made = null;
  }

  /** What is compared of each label: made once, before the first search if there is time. */
  get entries(): Entry[] {
    this.made ??= this.labels.map((label) => {
      const name = fold(label.name);
      const about = fold(label.description);
      const aboutWords = [...new Set(about.split(" "))];
      return { label, name, nameWords: name.split(" "), about, aboutWords };
    });
    return this.made;
  }

  /** Return the labels that all words of a query speak of, best first. */
  find(query: string): Label[] {
    const whole = fold(query);
    if (!whole) return this.entries.slice(0, MOST).map((entry) => entry.label);
    const words = whole.split(" ");
    const found: { entry: Entry; score: number }[] = [];
    for (const entry of this.entries) {
      let score = entry.name === whole ? 200 : entry.name.startsWith(whole) ? 100 : 0;
      for (const word of words) {
        const part = likeness(word, entry);
        if (!part) {
          score = 0;
          break;
        }
        score += part;
      }
      if (score) found.push({ entry, score });
    }
    found.sort(
      (a, b) =>
        b.score - a.score ||
        a.entry.name.length - b.entry.name.length ||
        (a.entry.name < b.entry.name ? -1 : 1),
    );
    return found.slice(0, MOST).map(({ entry }) => entry.label);
  }
}

/** Return how well a word fits a label, 0 for not at all: the name counts more than what is said of it. */
function likeness(word: string, entry: Entry): number {
  if (entry.nameWords.some((other) => other.startsWith(word))) return 50;
  if (entry.name.includes(word)) return 40;
  const slips = word.length >= 7 ? 2 : word.length >= 4 ? 1 : 0;
  const near = nearest(word, entry.nameWords, slips);
  if (near <= slips && slips) return 34 - 4 * near;
  if (entry.aboutWords.some((other) => other.startsWith(word))) return 20;
  if (entry.about.includes(word)) return 15;
  if (word.length >= 3 && inOrder(word, entry.name)) return 10;
  const told = nearest(word, entry.aboutWords, slips);
  return told <= slips && slips ? 8 - told : 0;
}

/** Return the fewest slips that turn a word into the beginning of one of the others. */
function nearest(word: string, others: string[], most: number): number {
  let best = most + 1;
  if (!most) return best;
  for (const other of others) {
    // The first letter is hardly ever a slip, and asking for it makes this fast.
    if (other[0] === word[0]) best = Math.min(best, slipsTo(word, other, best));
  }
  return best;
}

/** Count letters that were left out, added, changed or swapped; more than `most` is not told apart. */
function slipsTo(word: string, other: string, most: number): number {
  const width = Math.min(other.length, word.length + most);
  let before: number[] = [];
  let last = Array.from({ length: width + 1 }, (_, j) => j);
  for (let i = 1; i <= word.length; i++) {
    const row = [i];
    for (let j = 1; j <= width; j++) {
      const same = word[i - 1] === other[j - 1];
      let cost = Math.min(last[j - 1]! + (same ? 0 : 1), last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && word[i - 1] === other[j - 2] && word[i - 2] === other[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    if (Math.min(...row) > most) return most + 1;
    before = last;
    last = row;
  }
  return Math.min(...last);
}

function inOrder(word: string, text: string): boolean {
  let place = 0;
  for (const letter of word) {
    place = text.indexOf(letter, place) + 1;
    if (!place) return false;
  }
  return true;
}
