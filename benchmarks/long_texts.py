"""Long texts: what reading them in windows is worth, and how windows are best combined.

    python benchmarks/long_texts.py [--mails 72] [--seed 0] [--encoders 0,1]

A mail is a message of a sentence or two to a town's tool library, and what mail programs and
offices put around it. Where the message stands is the case: at the end, at the begin, in the
middle; or the mail is long because its writer is (`talk`: what is asked in several ways, strewn
among small talk). Every text is embedded in windows by each encoder of the default profile, and the
windows are combined in several ways. A way is scored by how many mails five nearest neighbours get
right, and how many a logistic regression on the other quarters does. The table goes into
benchmarks/RESULTS.md, between the markers of `long_texts`.
"""

import argparse
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from results_file import write_section
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from labelmend.arrays import unit_rows
from labelmend.configs.load import load_config
from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.windows import Windows
from labelmend.types import Floats, Ints
from labelmend.weights.locate import locate

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

CASES = ("end", "begin", "middle", "talk")

MATTERS = {
    "borrow": (
        "i would like to borrow {}",
        "can i take {} home for the weekend",
        "is {} free to lend on monday",
        "please put {} aside for me",
    ),
    "return": (
        "can i bring {} back tomorrow",
        "where do i hand in {}",
        "i want to give {} back earlier",
        "who takes {} when you are closed",
    ),
    "broken": (
        "{} stopped working after an hour",
        "a part of {} has come off",
        "{} makes smoke and smells burnt",
        "the switch of {} is broken",
    ),
    "fee": (
        "why was i charged twice for {}",
        "how much does {} cost a day",
        "the bill for {} is too high",
        "do i have to pay a deposit for {}",
    ),
    "course": (
        "is there a course on how to use {}",
        "who can show me how {} works",
        "i need a lesson before i touch {}",
        "do you teach beginners to handle {}",
    ),
    "membership": (
        "how do i become a member to use {}",
        "my card was refused when i asked for {}",
        "i want to cancel my membership, {} was all i needed",
        "can my partner use my card for {}",
    ),
}
"""What mails are about, and how that is said of a tool."""

TOOLS = (
    "the drill",
    "a sander",
    "the big ladder",
    "your circular saw",
    "a hedge trimmer",
    "the tile cutter",
    "a pressure washer",
    "the cement mixer",
    "a nail gun",
    "the router",
    "a chainsaw",
    "the paint sprayer",
    "your lathe",
    "a heat gun",
    "the generator",
)

CHAT = (
    "i hope you had a good week in spite of the rain.",
    "my neighbour told me about your place.",
    "we moved here in spring and still unpack boxes.",
    "the children send their greetings.",
    "it has been a long time since we met at the fair.",
    "thank you for the coffee last time.",
    "the garden looks dreadful this year.",
    "my brother in law always knows better.",
    "we painted the kitchen yellow and it turned out green.",
    "the dog is fine again.",
    "i write this on the train, so forgive my spelling.",
    "the weather has been odd.",
)

NOTICES = (
    "This message is meant for the person named above only. If it reached you by mistake, tell the "
    "sender and delete it.",
    "The tool library is part of the town's works department, and its rules are those of the town.",
    "Consider the environment before you print this mail. Paper is made of trees.",
    "Opinions in this mail are those of its writer and not those of the town council.",
    "Our office moves in October. From then on you find us behind the fire station, second floor.",
    "Scanned for viruses on the way out. No guarantee is given that none was missed.",
    "Registered with the district court, number 4417. Tax number 27 815 0813. Chair: the mayor.",
    "Follow the town on all channels, and subscribe to the monthly letter with news and events.",
)


def mails(case: str, count: int, seed: int) -> tuple[list[str], list[int]]:
    """Make up mails.

    Args:
        case: one of `CASES`.
        count: how many; matters take turns.
        seed: of all choices.

    Returns:
        the mails, all different, and the place of each one's matter in `MATTERS`.
    """
    rng = random.Random(f"{case} {seed}")
    names = list(MATTERS)
    texts: dict[str, int] = {}
    while len(texts) < count:
        matter = len(texts) % len(names)
        texts.setdefault(_mail(case, names[matter], rng), matter)
    return list(texts), list(texts.values())


def _mail(case: str, matter: str, rng: random.Random) -> str:
    tool = rng.choice(TOOLS)
    sentences = [sentence.format(tool) for sentence in MATTERS[matter]]
    rng.shuffle(sentences)
    message = ". ".join([rng.choice(CHAT), *sentences[: rng.choice((1, 2))]])
    around = [rng.choice(NOTICES) for _ in range(rng.randint(20, 30))]
    if case == "talk":
        said = [*sentences, *rng.choices(CHAT, k=rng.randint(60, 90))]
        rng.shuffle(said)
        return " ".join(said)
    at = {"end": len(around), "begin": 0, "middle": rng.randint(8, 12)}[case]
    return " ".join([*around[:at], message, *around[at:]])


WAYS: Mapping[str, Callable[[Floats], Floats]] = {
    "cut": lambda windows: windows[0],
    "mean": lambda windows: windows.mean(axis=0),
    "first and last": lambda windows: windows[[0, -1]].mean(axis=0),
    "largest": lambda windows: windows[np.abs(windows).argmax(axis=0), np.arange(windows.shape[1])],
    "unlike the others": lambda windows: _unlike(windows) @ windows,
}
"""How the vectors of a text's windows [w, d] become one, [d]: `cut` is what there was before, and
`largest` takes each number from the window where it is largest."""

_SHARPNESS = 10.0
"""Of the weights in `unlike the others`."""


def _unlike(windows: Floats) -> Floats:
    """Return float32 [w], more for windows that are less like the others of the text."""
    alike = ((windows @ windows.T).sum(axis=1) - 1) / max(len(windows) - 1, 1)
    return np.asarray(np.exp(-_SHARPNESS * alike), dtype=np.float32)


def windows_of(texts: list[str], config: EncoderConfig) -> list[Floats]:
    """Return the vectors of each text's windows, float32 [w, d]."""
    folder = locate(config.model).path
    windows = Windows(folder, config)
    encoder = load_encoder(replace(config, max_windows=1), folder)
    parts = [[text, *windows.further(text, config.query_prefix)] for text in texts]
    vectors = encoder.encode([part for one in parts for part in one])
    return np.split(vectors, np.cumsum([len(one) for one in parts])[:-1])


def scores(vectors: Floats, labels: Ints) -> tuple[float, float]:
    """Return the share right by five nearest neighbours, and by logistic regression.

    Args:
        vectors: [n, d], as the space of a run has them: centred, at unit length.
        labels: int64 [n].
    """
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    near = labels[np.argsort(-similar, axis=1)[:, :5]]
    votes = np.stack([(near == label).sum(axis=1) for label in range(labels.max() + 1)], axis=1)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    model = LogisticRegression(C=10.0, max_iter=200)
    learned = cross_val_score(model, vectors, labels, cv=folds).mean()
    return float((votes.argmax(axis=1) == labels).mean()), float(learned)


def centred(vectors: Floats) -> Floats:
    """Take away as much of the mean as `TextSpace` does."""
    units = unit_rows(vectors)
    return unit_rows(units - units.sum(axis=0) / (len(units) + 100))


def main() -> None:
    """Measure all cases, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=72)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", default="0,1", help="of the default profile, by number")
    asked = parser.parse_args()
    encoders = [load_config("embedded", []).encoders[int(i)] for i in asked.encoders.split(",")]
    names = ", ".join(encoder.model for encoder in encoders)
    lines = [
        "## Long texts",
        "",
        f"{asked.mails} made-up mails a case (seed {asked.seed}), {len(MATTERS)} matters; right by "
        f"five nearest neighbours / by logistic regression, by chance {1 / len(MATTERS):.2f}; "
        f"{names}. "
        "`python benchmarks/long_texts.py`",
        "",
        f"| case | windows | {' | '.join(WAYS)} |",
        f"|---|---{'|---' * len(WAYS)}|",
    ]
    for case in CASES:
        texts, matters = mails(case, asked.mails, asked.seed)
        read = [windows_of(texts, encoder) for encoder in encoders]
        cells = []
        for combine in WAYS.values():
            spaces = [centred(np.stack([combine(w) for w in one])) for one in read]
            space = np.concatenate(spaces, axis=1) / np.sqrt(len(spaces))
            near, learned = scores(space, np.array(matters))
            cells.append(f"{near:.2f} / {learned:.2f}")
        mean = np.mean([len(w) for w in read[0]])
        lines.append(f"| {case} | {mean:.1f} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    write_section(RESULTS, "long_texts", "\n".join(lines))


if __name__ == "__main__":
    main()
