"""Labels from nothing: what `labelmend label` makes of descriptions, and of a few labelled rows.

    python benchmarks/from_scratch.py [--sets clinc,news,...] [--rows 0,1,3,5]

Sets: CLINC150's training rows in scope with GPT-4o's descriptions (of ../shared); the same with
label shares drawn from a power law, the largest label 50 times the smallest (two seeds); the news
and the questions of ../shared/data/real, by their true labels and cards written by hand below; the
Russian demo with the profile `multilingual`; the demo. No LLM. Of the labelled rows, drawn by seed
0, none is scored.

Beside it: the nearest card (mean cosine of name, description and both), and the classifier that was
trained on true labels, each row out of fold (ten folds, logistic regression on the same vectors):
what these vectors can give at all. With no labelled rows, 100 rows of an audit are answered by the
true label, and the confidence of the others is held against their accuracy (ten bins of equal
size). The table goes into benchmarks/RESULTS.md, between the markers of `from_scratch`.
"""

import argparse
import csv
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import yaml
from results_file import write_section
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict

from labelmend.configs.load import load_config
from labelmend.data.labels_file import read_labels_file
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.relabel.corpus import card_views
from labelmend.relabel.result import Relabelling
from labelmend.retrieval.space import open_space
from labelmend.types import LabelCard
from labelmend.version import __version__
from labelmend.weights.locate import locate
from labelmend.workflows.answers import ImportRequest, import_answers
from labelmend.workflows.audit import audit_file
from labelmend.workflows.label import label_file

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"

NEWS = {
    "World": "Politics, war, elections and disasters in the countries of the world.",
    "Sports": "Games, matches, teams, players and championships.",
    "Business": "Companies, markets, shares, prices, trade and the economy.",
    "Science and technology": "Computers, software, the internet, space, research and inventions.",
}
QUESTIONS = {
    "ABBREVIATION": "Asks what an abbreviation stands for, or how something is abbreviated.",
    "DESCRIPTION": "Asks for a definition, a description, a manner or a reason: what is, how, why.",
    "ENTITY": "Asks for a thing: an animal, colour, food, product, sport, language, word or event.",
    "HUMAN": "Asks who: a person, a group of people, a company, or a title.",
    "LOCATION": "Asks where: a city, country, mountain, state or other place.",
    "NUMERIC": "Asks for a number: a count, date, distance, amount of money, age, speed or time.",
}

ANSWERS = 100
BINS = 10
FOLDS = 10
RATIO = 50
"""Of the largest label's rows to the smallest one's, in the power law."""


@dataclass(frozen=True)
class Set:
    """A table whose truth is known.

    Attributes:
        name: in the results.
        texts: one a row.
        truth: one a row.
        cards: description by label, or description and exemplars.
        profile: that labels it.
    """

    name: str
    texts: tuple[str, ...]
    truth: tuple[str, ...]
    cards: Mapping[str, object]
    profile: str = "embedded"


def read(path: Traversable, label: str = "label") -> list[tuple[str, str]]:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [(row["text"], row[label]) for row in csv.DictReader(lines)]


def sets(names: Sequence[str]) -> Iterator[Set]:
    """Yield the sets that are asked for."""
    for name in names:
        if name.startswith("clinc"):
            rows = [pair for pair in read(SHARED / "clinc150" / "train.csv") if pair[1] != "oos"]
            told = (SHARED / "sirius" / "label_descriptions.yaml").read_text("utf-8")
            labels = {label for _, label in rows}
            cards = {k: v for k, v in yaml.safe_load(told).items() if k in labels}
            seeds: Sequence[int | None] = (0, 1) if name == "clinc-power" else (None,)
            for seed in seeds:
                part = rows if seed is None else uneven(rows, seed)
                called = "CLINC150" if seed is None else f"CLINC150, power law {seed}"
                yield _set(called, part, cards)
        elif name == "news":
            rows = read(SHARED / "real" / "agnews_human_majority.csv", "true_label")
            yield _set("news", rows, NEWS)
        elif name == "trec":
            rows = read(SHARED / "real" / "trec_rules.csv", "true_label")
            yield _set("TREC", rows, QUESTIONS)
        else:
            demo = resources.files("labelmend.data.demo")
            folder = demo / "ru" if name == "russian" else demo
            rows = [pair for pair in read(folder / "train_gold.csv") if pair[1] != "oos"]
            cards = yaml.safe_load((folder / "labels.yaml").read_text("utf-8"))
            profile = "multilingual" if name == "russian" else "embedded"
            called = "Russian demo" if name == "russian" else "demo"
            yield _set(called, rows, cards, profile)


def _set(
    name: str,
    rows: Sequence[tuple[str, str]],
    cards: Mapping[str, object],
    profile: str = "embedded",
) -> Set:
    texts, truth = tuple(text for text, _ in rows), tuple(label for _, label in rows)
    return Set(name, texts, truth, cards, profile)


def uneven(rows: Sequence[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """Return rows whose labels' shares follow a power law, the labels in random order."""
    rng = np.random.default_rng(seed)
    labels = sorted({label for _, label in rows})
    most = min(sum(label == each for _, label in rows) for each in labels)
    ranks = np.arange(1, len(labels) + 1)
    counts = np.maximum(np.rint(most * ranks ** -(np.log(RATIO) / np.log(len(labels)))), 1)
    kept: list[int] = []
    for place, count in zip(rng.permutation(len(labels)), counts.astype(int), strict=True):
        own = [i for i, (_, label) in enumerate(rows) if label == labels[place]]
        kept += rng.permutation(own)[:count].tolist()
    return [rows[i] for i in sorted(kept)]


def drawn(truth: Sequence[str], count: int) -> set[int]:
    """Return the rows that keep their label, so many of each."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(truth)).tolist()
    left = dict.fromkeys(truth, count)
    found = set()
    for i in order:
        if left[truth[i]]:
            left[truth[i]] -= 1
            found.add(i)
    return found


def bounds(one: Set) -> tuple[float, float]:
    """Return the accuracy of the nearest card, and of a classifier trained on the truth."""
    config = load_config(one.profile)
    space = open_space(config.encoders, [locate(each.model) for each in config.encoders])
    vectors = space.fit(one.texts, NoProgress())
    with tempfile.TemporaryDirectory() as folder:
        cards = read_labels_file(_labels(one, Path(folder)))
    ordered: list[LabelCard] = [cards[label] for label in sorted(cards)]
    views = card_views(ordered, None, space)[:3]
    names = np.array(sorted(cards))
    nearest = names[(vectors @ np.sum(views, axis=0).T).argmax(axis=1)]
    model = LogisticRegression(C=20, max_iter=200)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    learned = cross_val_predict(model, vectors, np.array(one.truth), cv=folds)
    truth = np.array(one.truth)
    return float((nearest == truth).mean()), float((learned == truth).mean())


def _labels(one: Set, folder: Path) -> Path:
    path = folder / "labels.yaml"
    path.write_text(yaml.safe_dump(dict(one.cards), allow_unicode=True, width=1000), "utf-8")
    return path


def _write(path: Path, one: Set, known: set[int]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label") if known else ("text",))
        for i, text in enumerate(one.texts):
            writer.writerow((text, one.truth[i] if i in known else "") if known else (text,))


def labelled(
    one: Set, known: set[int], folder: Path, answers: Path | None = None
) -> tuple[Relabelling, Path]:
    """Run `labelmend label`."""
    source, output = folder / "texts.csv", folder / "labelled.csv"
    _write(source, one, known)
    done = label_file(
        TableRequest(source),
        output,
        load_config(one.profile),
        NoProgress(),
        labels_file=_labels(one, folder),
        answers_file=answers,
        use_llm=False,
    )
    return done.result, output


def right(one: Set, result: Relabelling) -> np.ndarray:
    """Return bool [n], rows whose label is the true one."""
    labels = result.dataset.labels
    mended = [labels[k] if k >= 0 else None for k in result.decisions.mended.tolist()]
    return np.array([m == t for m, t in zip(mended, one.truth, strict=True)])


def calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Return the mean over bins of equal size of |mean confidence - accuracy|."""
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, BINS)
    return float(np.mean([abs(confidence[p].mean() - is_right[p].mean()) for p in parts if len(p)]))


def answered(one: Set, folder: Path) -> tuple[float, float, float]:
    """Answer an audit truly.

    Returns:
        Accuracy of the other rows before and after, and the calibration error of theirs.
    """
    first, output = labelled(one, set(), folder)
    before = right(one, first)
    sheet, answers = folder / "audit.csv", folder / "answers.jsonl"
    audit_file(TableRequest(output), ANSWERS, sheet, seed=0)
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["answer"] = one.truth[int(row["id"]) - 1]
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    request = ImportRequest(TableRequest(sheet), who=("truth",))
    import_answers(request, answers, load_config(one.profile).data)
    second, _ = labelled(one, set(), folder, answers)
    others = np.array([action != "answered" for action in second.decisions.actions])
    after, confidence = right(one, second), second.decisions.confidence
    error = calibration_error(confidence[others], after[others])
    return float(before[others].mean()), float(after[others].mean()), error


def line_of(one: Set, counts: Sequence[int]) -> str:
    """Run all of a set; return its line of the table."""
    nearest, gold = bounds(one)
    cells = [f"{one.name} | {len(one.texts):,} | {len(set(one.truth))}", _percent(nearest)]
    for count in counts:
        known = drawn(one.truth, count) if count else set()
        with tempfile.TemporaryDirectory() as folder:
            result, _ = labelled(one, known, Path(folder))
        scored = np.array([i not in known for i in range(len(one.texts))])
        cells.append(_percent(right(one, result)[scored].mean()))
        print(f"{one.name}, {count} rows a label: {cells[-1]}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        before, after, error = answered(one, Path(folder))
    cells += [f"{_percent(before)} -> {_percent(after)}", f"{error:.3f}", _percent(gold)]
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def main() -> None:
    known = "clinc,clinc-power,news,trec,russian,demo"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=known)
    parser.add_argument("--rows", default="0,1,3,5", help="labelled rows a label")
    options = parser.parse_args()
    counts = [int(count) for count in options.rows.split(",")]
    lines = [line_of(one, counts) for one in sets(options.sets.split(","))]
    command = shlex.join(["python", "benchmarks/from_scratch.py", *sys.argv[1:]])
    given = " | ".join(f"{count} rows" for count in counts)
    head = (
        f"| set | rows | labels | nearest card | {given} | the others, {ANSWERS} answers | "
        "calibration error | trained on the truth |"
    )
    text = "\n".join(
        [
            "## Labels from nothing",
            "",
            f"`{command}`, labelmend {__version__}, no LLM, seed 0. Labels right, in per cent, by "
            "labelled rows a label, on the rows that have none; the last three columns are "
            "explained in the script.",
            "",
            head,
            f"|{'---|' * head.count(' | ')}---|",
            *lines,
        ]
    )
    print(text)
    if options.sets == known:
        write_section(HERE / "RESULTS.md", "from_scratch", text)


if __name__ == "__main__":
    main()
