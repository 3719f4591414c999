"""What LLMs' votes add where a text may have several labels.

    python benchmarks/multilabel_votes.py --voter channel:SmolLM2-135M-Instruct
        --voter choice:MODEL.gguf [--seeds 0] [--noise uniform] [--rows 100] [--no-write]

NLU++ with the noise of multilabel.py, mended without votes and with those of each voter. Beside
what comes out stands how well the votes tell labels that hold from others (area under the curve),
on all labels of the ballots and on those of which the other evidence is in doubt, 10 to 90 % likely
to hold. A vote that knows only what is clear anyway is worth nothing. Written into
benchmarks/RESULTS.md between the markers of `multilabel_votes`; `../shared/models/fetch.py` gets
models. Seed 10 was looked at while the weighing was chosen.
"""

import argparse
import platform
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from correction import package_versions
from multilabel import MAX_HARM, RESULTS, Measured, Table, corrupted, measured, nlu
from results_file import write_section
from sklearn.metrics import roc_auc_score

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.sets.label_sets import LabelSets
from labelmend.llm.store import Store
from labelmend.relabel.assignments.mend import Voters, mend_assignments
from labelmend.relabel.assignments.types import MendedSets, Votes
from labelmend.relabel.run_models import locate_models, with_voters
from labelmend.types import Bools, Doubles

IN_DOUBT = (0.1, 0.9)
NOBODY = "nobody"


@dataclass(frozen=True)
class Told:
    """What one voter told on one noisy table.

    Attributes:
        scores: of the mended table.
        texts: that it was asked about.
        every: area under the curve of its scores, of all labels on ballots.
        doubt: the same of those in doubt.
        evidence: the same by the other evidence, in place of the scores.
        weight: it got.
        seconds: a text.
    """

    scores: Measured
    texts: int = 0
    every: float = np.nan
    doubt: float = np.nan
    evidence: float = np.nan
    weight: float = 0.0
    seconds: float = 0.0


def mended(table: Table, given: Bools, config: Config, store: Store) -> MendedSets:
    """Mend with the voters of a configuration, whatever their ballot."""
    ids = tuple(str(row + 1) for row in range(len(given)))
    sets = LabelSets(ids, table.texts, given, table.labels)
    voters = Voters(locate_models(config, use_llm=bool(config.voters)), store)
    return mend_assignments(sets, config, voters=voters)


def told(table: Table, given: Bools, before: MendedSets, found: MendedSets) -> Told:
    """Score what came out, and the votes themselves."""
    wrong = np.where(given, 1 - found.holds, found.holds)
    scores = measured(table, given, wrong, found.mended, time.process_time())
    if not found.votes:
        return Told(scores)
    (votes,) = found.votes
    rows = np.unique(found.of_row, return_index=True)[1]
    text, place = np.nonzero(~np.isnan(votes.scores))
    label = votes.labels[text, place]
    truth, likely = table.truth[rows[text], label], before.holds[rows[text], label]
    said = centred(votes)[text, place]
    doubt = (likely > IN_DOUBT[0]) & (likely < IN_DOUBT[1])
    return Told(
        scores,
        len(np.unique(text)),
        roc_auc_score(truth, said),
        roc_auc_score(truth[doubt], said[doubt]),
        roc_auc_score(truth[doubt], likely[doubt]),
        votes.weight,
        votes.report.spent / max(votes.report.asked, 1),
    )


def centred(votes: Votes) -> Doubles:
    """Return scores less their mean on each ballot."""
    heard = ~np.isnan(votes.scores)
    known = np.where(heard, votes.scores, 0.0)
    mean = known.sum(axis=1) / np.maximum(heard.sum(axis=1), 1)
    return np.asarray(votes.scores - mean[:, None], dtype=np.float64)


def report(command: str, found: dict[tuple[str, int, str], Told]) -> str:
    """Return the section."""
    lines = [
        "# LLM votes where a text may have several labels",
        "",
        f"`{command}`",
        f"NLU++. Machine: {platform.machine()}, 2 cores, no GPU. {package_versions()}.",
        "",
        "Per cent. Area under the curve: how well a voter's scores tell labels that hold from "
        "others, 50 if not at all; in doubt are those that the other evidence calls 10 to 90 % "
        f"likely. The budget is {MAX_HARM:.1%} of each kind of harm.",
        "",
        "| noise | seed | voter | texts | area, all | area, in doubt | other evidence, in doubt "
        "| weight | average precision | micro-F1 as given | mended | broken | false | s a text |",
        f"|{'---|' * 14}",
    ]
    for (kind, seed, voter), one in found.items():
        areas = " | ".join(
            "" if np.isnan(area) else f"{100 * area:.1f}"
            for area in (one.every, one.doubt, one.evidence)
        )
        s = one.scores
        lines.append(
            f"| {kind} | {seed} | {voter} | {one.texts or ''} | {areas} | {one.weight:.3f} | "
            + " | ".join(
                f"{100 * part:.2f}"
                for part in (s.average_precision, s.given, s.mended, s.broken, s.false)
            )
            + f" | {one.seconds:.1f} |"
        )
    return "\n".join(lines)


def measure(
    kinds: Sequence[str], seeds: Sequence[int], voters: Sequence[str], rows: int, work: Path | None
) -> dict[tuple[str, int, str], Told]:
    """Mend each noisy table without votes, and with those of each voter."""
    table = nlu()
    changes = [f"decision.max_harm={MAX_HARM}", f"routing.llm_rows={rows}", "routing.llm_share=1"]
    config = replace(load_config("embedded", changes), voters=())
    found = {}
    for kind in kinds:
        for seed in seeds:
            given = corrupted(table.truth, kind, seed)
            with Store(None) as nothing:
                before = mended(table, given, config, nothing)
            found[kind, seed, NOBODY] = told(table, given, before, before)
            for spec in voters:
                ballot, _, model = spec.partition(":")
                name = f"{Path(model).stem}, {ballot}"
                with Store(
                    None if work is None else work / f"{kind}-{seed}-{name}.sqlite"
                ) as store:
                    after = mended(table, given, with_voters(config, [spec]), store)
                found[kind, seed, name] = told(table, given, before, after)
                print(kind, seed, name, found[kind, seed, name], flush=True)
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voter", action="append", required=True, help="BALLOT:GGUF")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--noise", default="uniform")
    parser.add_argument("--rows", type=int, default=100, help="in doubt, besides the audit")
    parser.add_argument("--work", type=Path, help="votes are kept there")
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    asked = parser.parse_args()
    kinds, seeds = asked.noise.split(","), [int(seed) for seed in asked.seeds.split(",")]
    found = measure(kinds, seeds, asked.voter, asked.rows, asked.work)
    words = ["--noise", asked.noise, "--seeds", asked.seeds, "--rows", str(asked.rows)]
    for spec in asked.voter:
        ballot, _, model = spec.partition(":")
        words += ["--voter", f"{ballot}:{Path(model).name}"]
    text = report(shlex.join(["python", "benchmarks/multilabel_votes.py", *words]), found)
    print(text)
    if not asked.no_write:
        write_section(RESULTS, "multilabel_votes", text)


if __name__ == "__main__":
    main()
