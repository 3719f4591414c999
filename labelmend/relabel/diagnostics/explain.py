"""Explanations: what speaks for and against a row's labels, in nats that add up.

For two candidates k and l of a text, the posterior q before source errors (see `posterior_of`) has

    log q(k) - log q(l)  =  n(k) - n(l),   n(k) = sum_s n_s(k) + b * [k = oos] + h(k)

where n_s is the source's weight times its centred score (0 where it is silent), b the leaning
towards out-of-scope, and h the log-likelihood of the text's given labels under the noise channel.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from labelmend.arrays import main_labels
from labelmend.parallel import LOCAL, blocks_of
from labelmend.relabel.diagnostics.explanation import (
    CandidateNats,
    Explanation,
    HeldOut,
    NearText,
)
from labelmend.relabel.evidence.annotators import VOTE_COLUMN
from labelmend.relabel.labelmodel.fusion import contribution
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.relabel.result import Relabelling
from labelmend.relabel.self_training import PROTOTYPE
from labelmend.types import NO_LABEL, Doubles, Ints
from labelmend.voice.speak import meant, note, tell

_CANDIDATES = 5
"""Labels shown of a row, besides the given one."""

_NEIGHBOURS = 5
"""Near texts shown of a row."""

_COLUMN_CANDIDATES = 3
"""Labels shown in the mended table's column."""

_PROBABLE = 0.5
"""A label that is at least so probable is one that something speaks for."""

_GIVEN, _BIAS = meant("the given label"), meant("the share of out-of-scope texts")
"""What speaks beside the sources."""

_GIVEN_ONE = {
    # whether it was kept, and whether something beside the nearest texts speaks for it
    (True, False): meant(
        "{carry} of the {near} nearest texts carry {label}; its probability is {quality:words}."
    ),
    (True, True): meant(
        "{carry} of the {near} nearest texts carry {label}; its probability is {quality:words}, "
        "mainly by {spoke:name}."
    ),
    (False, False): meant(
        "{carry} of the {near} nearest texts carry {label}; its probability is only "
        "{quality:words}."
    ),
    (False, True): meant(
        "{carry} of the {near} nearest texts carry {label}; its probability is only "
        "{quality:words}, mainly by {spoke:name}."
    ),
}
"""Reasons of rows whose most probable label is the given one, or that keep it."""

_FROM_SCRATCH = {
    # whether it was labelled, and as above
    (True, False): meant(
        "No label was given: {carry} of the {near} nearest texts carry {label}; its probability "
        "is {best:words}."
    ),
    (True, True): meant(
        "No label was given: {carry} of the {near} nearest texts carry {label}; its probability "
        "is {best:words}, mainly by {spoke:name}."
    ),
    (False, False): meant(
        "No label was given, none is sure: {carry} of the {near} nearest texts carry {label}; its "
        "probability is {best:words}."
    ),
    (False, True): meant(
        "No label was given, none is sure: {carry} of the {near} nearest texts carry {label}; its "
        "probability is {best:words}, mainly by {spoke:name}."
    ),
}
"""Reasons of rows that came without a label."""

_ANOTHER = {
    # whether it was changed, and as above
    (True, False): meant(
        "{carry} of the {near} nearest texts carry {label}, {others} carry {given}; their "
        "probabilities are {best:words} and {quality:words}."
    ),
    (True, True): meant(
        "{carry} of the {near} nearest texts carry {label}, {others} carry {given}; their "
        "probabilities are {best:words} and {quality:words}, mainly by {spoke:name}."
    ),
    (False, False): meant(
        "Not sure enough to change: {carry} of the {near} nearest texts carry {label}, {others} "
        "carry {given}; their probabilities are {best:words} and {quality:words}."
    ),
    (False, True): meant(
        "Not sure enough to change: {carry} of the {near} nearest texts carry {label}, {others} "
        "carry {given}; their probabilities are {best:words} and {quality:words}, mainly by "
        "{spoke:name}."
    ),
}
"""Reasons of rows for which another label than the given one is proposed."""

_BLOCK = 4096
"""Rows explained at a time: memory depends on it, and no outcome."""


def explain(result: Relabelling, row: int) -> Explanation:
    """Explain one row.

    Args:
        result: the relabelling.
        row: its index, from 0.
    """
    return next(RowReader(result).explanations(np.array([row])))


def oos_nats(result: Relabelling, texts: Ints | None = None) -> Doubles:
    """Return the leaning towards out-of-scope, float64 [u, c], 0 for other candidates."""
    posterior, oos = result.posterior, result.dataset.oos
    candidates = posterior.candidates if texts is None else posterior.candidates[texts]
    return np.where(candidates == (NO_LABEL if oos is None else oos), posterior.oos_bias, 0.0)


def channel_in_words(channel: NoiseChannel, *, oos: bool) -> str:
    """Return one sentence on how given labels come about.

    Args:
        channel: the noise channel.
        oos: whether there is an out-of-scope label.
    """
    shares = {"kept": channel.keep_rate, "similar": channel.similar_share, "oos": channel.oos_share}
    words = tell(
        "{kept:.1%} of the given labels are taken to be right; of the wrong ones, {similar:.0%} "
        "fall on similar labels, {oos:.0%} on out-of-scope, the rest on any label."
        if oos
        else "{kept:.1%} of the given labels are taken to be right; of the wrong ones, "
        "{similar:.0%} fall on similar labels, the rest on any label.",
        **shares,
    )
    pairs, single = channel.pair_strength is not None, channel.label_strength is not None
    if pairs and single:
        return f"{words} {tell('Pairs of labels and single labels have rates of their own.')}"
    if pairs:
        return f"{words} {tell('Pairs of labels have rates of their own.')}"
    return f"{words} {tell('Single labels have rates of their own.')}" if single else words


class RowReader:
    """Reads single rows out of a relabelling, and remembers what it was asked for."""

    def __init__(self, result: Relabelling) -> None:
        self._result = result
        self._labels = result.dataset.labels
        main = main_labels(result.unique.given)
        # Where texts were labelled by each other, what they were labelled is what they carry.
        filled = PROTOTYPE in result.posterior.weights
        main = np.where((main == NO_LABEL) & filled, result.posterior.best()[0], main)
        near = result.neighbours
        self._carried = np.where(near >= 0, main[near], NO_LABEL)
        self._near = (near >= 0).sum(axis=1)
        self._most = _most_frequent(self._carried)
        self._reasons: dict[int, str] = {}
        self._given_to: dict[int, tuple[str, ...]] = {}
        self._voters = {report.voter for report in result.voters}

    def forget(self) -> None:
        """Drop the sentences that were asked for, when no more is written of their rows."""
        self._reasons.clear()

    def candidates(self, row: int) -> str:
        """Return the most probable labels with their posterior."""
        text = self._result.unique.of_row[row]
        labels = self._result.posterior.candidates[text]
        probabilities = self._result.posterior.probabilities[text]
        shown = np.lexsort((labels, -probabilities))[:_COLUMN_CANDIDATES]
        return " | ".join(f"{self._labels[labels[c]]} {probabilities[c]:.3f}" for c in shown)

    def votes(self, row: int) -> dict[str, str]:
        """Return each voter's choice, of vote columns too; none where nobody was asked."""
        text = self._result.unique.of_row[row]
        labels = self._result.posterior.candidates[text]
        said = {}
        for source in self._result.evidence:
            column = source.source.startswith(VOTE_COLUMN)
            if not (column or source.source in self._voters) or np.isnan(source.scores[text]).all():
                continue
            best = int(np.nanargmax(source.scores[text]))
            # A column may have named a label that is no candidate: then it gave none of these.
            if not column or source.scores[text, best] > 0:
                said[source.source.removeprefix(VOTE_COLUMN)] = self._labels[labels[best]]
        return said

    def reasons(self, rows: Ints) -> list[str]:
        """Return one sentence a row, by index, that a person can check."""
        due = np.array([row for row in rows.tolist() if row not in self._reasons], dtype=np.int64)
        for part in blocks_of(len(due), _BLOCK):
            self._reasons.update(zip(due[part].tolist(), self._said(due[part]), strict=True))
        return [self._reasons[row] for row in rows.tolist()]

    def _said(self, rows: Ints) -> Iterator[str]:
        """Yield the reasons of a block; what is of numbers is computed for all at once."""
        decisions, given = self._result.decisions, self._result.dataset.given[rows]
        kept = np.array([decisions.actions[row] == "keep" for row in rows.tolist()], dtype=bool)
        about = np.where(kept, given, decisions.proposed[rows])
        carried = self._carried[self._result.unique.of_row[rows]]
        carry = (carried == about[:, None]).sum(axis=1)
        others = (carried == given[:, None]).sum(axis=1).tolist()
        best = self._probabilities(rows, decisions.proposed[rows]).tolist()
        spoke = self._spoke(rows, about, carry)
        for i, row in enumerate(rows.tolist()):
            facts: dict[str, object] = {
                "carry": int(carry[i]),
                "near": int(self._near[self._result.unique.of_row[row]]),
                "label": self._labels[about[i]],
                "spoke": spoke[i],
            }
            yield self._reason(row, facts, best[i], others[i])

    def _reason(self, row: int, facts: dict[str, object], best: float, others: int) -> str:
        decisions = self._result.decisions
        proposed, given = int(decisions.proposed[row]), int(self._result.dataset.given[row])
        name, action = self._labels[proposed], decisions.actions[row]
        if action == "answered":
            mended = int(decisions.mended[row])
            if mended == NO_LABEL:
                return note("A person said: that no label fits.")
            return note("A person said: {label}.", label=self._labels[mended])
        if given == NO_LABEL:
            facts["best"] = _percent(best)
            return note(_FROM_SCRATCH[action == "label", facts["spoke"] != ""], **facts)
        facts["quality"] = _percent(decisions.quality[row])
        if action == "keep" or proposed == given:
            return note(_GIVEN_ONE[action == "keep", facts["spoke"] != ""], **facts)
        facts["best"] = _percent(best)
        facts |= {"others": others, "given": self._labels[given]}
        said = note(_ANOTHER[action == "change", facts["spoke"] != ""], **facts)
        return said + self._annotators(row, name)

    def _probabilities(self, rows: Ints, labels: Ints) -> Doubles:
        """Return float64 [b], how probable a label is of each row."""
        texts, posterior = self._result.unique.of_row[rows], self._result.posterior
        named = posterior.candidates[texts] == labels[:, None]
        probable: Doubles = np.where(named, posterior.probabilities[texts], 0.0).sum(axis=1)
        return probable

    def _spoke(self, rows: Ints, labels: Ints, carry: Ints) -> list[str]:
        """Return what speaks most for probable labels that the nearest texts don't speak for.

        That is the source with the largest contribution against the next most probable label; or
        the given labels, by the noise channel. Nothing where no other label is among more of the
        nearest texts, so that they speak for it themselves.
        """
        spoke = [""] * len(rows)
        for_it = (carry > 0) & (carry == self._most[self._result.unique.of_row[rows]])
        asked = np.flatnonzero(~for_it & (self._probabilities(rows, labels) >= _PROBABLE))
        posterior, texts = self._result.posterior, self._result.unique.of_row[rows[asked]]
        candidates, every = posterior.candidates[texts], np.arange(len(texts))
        is_own = candidates == labels[asked, None]
        others = np.where(is_own, -1.0, posterior.probabilities[texts])
        own, rival = is_own.argmax(axis=1), others.argmax(axis=1)
        nats = {
            source.source: contribution(source, posterior, texts)
            for source in self._result.evidence
            if source.source in posterior.weights
        }
        nats |= {_GIVEN: posterior.channel_nats[texts], _BIAS: oos_nats(self._result, texts)}
        names = sorted(nats)  # of sources that speak alike the first
        ahead = np.array([nats[name][every, own] - nats[name][every, rival] for name in names])
        for i, most in zip(asked.tolist(), ahead.argmax(axis=0).tolist(), strict=True):
            spoke[i] = names[most].removeprefix(VOTE_COLUMN)
        for i in asked[ahead.max(axis=0, initial=-np.inf) <= 0].tolist():
            spoke[i] = ""
        return spoke

    def _annotators(self, row: int, name: str) -> str:
        """Return a sentence on the vote columns, where all that speak name the proposed label."""
        heard = [e for e in self._result.evidence if e.source.startswith(VOTE_COLUMN)]
        columns = {e.source.removeprefix(VOTE_COLUMN) for e in heard}
        said = {who: label for who, label in self.votes(row).items() if who in columns}
        if not said or set(said.values()) != {name}:
            return ""
        return " " + note(
            "{who} {voters:one=says|other=say} {label}.",
            who=" and ".join(sorted(said)),
            voters=len(said),
            label=name,
        )

    def explanations(self, rows: Ints) -> Iterator[Explanation]:
        """Yield the explanation of each of the rows, by index."""
        blocks = (rows[part] for part in blocks_of(len(rows), _BLOCK))
        for found in LOCAL.map_blocks(self._block, blocks):
            yield from found

    def _block(self, rows: Ints) -> Iterator[Explanation]:
        """Yield the explanations of a block; what is of numbers is computed for all at once."""
        result, dataset = self._result, self._result.dataset
        texts = result.unique.of_row[rows]
        heard = [e for e in result.evidence if e.source in result.posterior.weights]
        contributions = [contribution(e, result.posterior, texts) for e in heard]
        bias, likelihood = oos_nats(result, texts), result.posterior.channel_nats[texts]
        columns, counts = self._shown(rows, sum(contributions, bias + likelihood))
        known = counts.ravel().tolist()

        width = columns.shape[1]

        def at(values: np.ndarray) -> Any:
            # One list of a block, not one a row: the collector would walk thousands of them.
            return np.take_along_axis(values, columns, axis=1).ravel().tolist()

        labels = at(result.posterior.candidates[texts])
        posterior = at(result.posterior.probabilities[texts])
        channel, oos_bias, nats = at(likelihood), at(bias), list(map(at, contributions))
        speaks = [at(~np.isnan(e.scores[texts])) for e in heard]
        sources = list(zip([e.source for e in heard], nats, speaks, strict=True))
        for i, (row, reason) in enumerate(zip(rows.tolist(), self.reasons(rows), strict=True)):
            given = int(dataset.given[row])
            yield Explanation(
                row=row + 1,
                id=dataset.ids[row],
                text=dataset.texts[row],
                given=self._labels[given] if given != NO_LABEL else None,
                proposed=self._labels[result.decisions.proposed[row]],
                decision=result.decisions.actions[row],
                reason=reason,
                candidates=tuple(
                    CandidateNats(
                        label=self._labels[labels[j]],
                        posterior=posterior[j],
                        by_source={source: n[j] for source, n, s in sources if s[j]},
                        oos_bias=oos_bias[j],
                        channel=channel[j],
                    )
                    for j in range(i * width, (i + 1) * width)
                    if known[j]
                ),
                votes=self.votes(row),
                neighbours=self._neighbours(int(texts[i])),
                held_out=self._held_out(row),
            )

    def _held_out(self, row: int) -> HeldOut | None:
        held_out = self._result.held_out
        if held_out is None or self._result.decisions.actions[row] != "answered":
            return None
        mended, quality = int(held_out.mended[row]), float(held_out.quality[row])
        return HeldOut(
            None if mended == NO_LABEL else self._labels[mended],
            held_out.actions[row],
            None if math.isnan(quality) else round(quality, 6),
        )

    def _shown(self, rows: Ints, total: Doubles) -> tuple[Ints, np.ndarray]:
        """Return the candidates' columns to show of rows, int64 [b, m], and which of them count.

        The leading ones come by posterior, those that source errors left nothing by total nats, and
        the last is the given one, which counts where it is not among them.
        """
        posterior, texts = self._result.posterior, self._result.unique.of_row[rows]
        candidates = posterior.candidates[texts]
        order = np.lexsort((candidates, -total, -posterior.probabilities[texts]))[:, :_CANDIDATES]
        given = candidates == self._result.dataset.given[rows, None]
        column = given.argmax(axis=1)[:, None]
        missing = given.any(axis=1)[:, None] & (order != column).all(axis=1, keepdims=True)
        known = np.concatenate([np.ones(order.shape, dtype=bool), missing], axis=1)
        return np.concatenate([order, column], axis=1), known

    def _neighbours(self, text: int) -> tuple[NearText, ...]:
        result = self._result
        near = result.neighbours[text, :_NEIGHBOURS].tolist()
        similarities = result.neighbour_scores[text, :_NEIGHBOURS].tolist()
        return tuple(
            NearText(result.unique.texts[i], self._labels_of(i), similarity)
            for i, similarity in zip(near, similarities, strict=True)
            if i >= 0
        )

    def _labels_of(self, text: int) -> tuple[str, ...]:
        """Return the labels that the rows of a text were given, most frequent first."""
        found = self._given_to.get(text)
        if found is None:
            given = self._result.unique.given
            part = slice(given.indptr[text], given.indptr[text + 1])
            pairs = zip(given.data[part].tolist(), given.indices[part].tolist(), strict=True)
            ranked = sorted((-count, label) for count, label in pairs if count > 0)
            found = self._given_to[text] = tuple(self._labels[label] for _, label in ranked)
        return found


def _most_frequent(carried: Ints) -> Ints:
    """Return int64 [u], how often each row's most frequent label stands in it, 0 without any."""
    most = np.zeros(len(carried), dtype=np.int64)
    for rows in blocks_of(len(carried), _BLOCK):
        ordered = np.sort(carried[rows], axis=1)
        run = np.zeros(len(ordered), dtype=np.int64)
        before = np.full(len(ordered), NO_LABEL, dtype=np.int64)
        for label in ordered.T:
            run = np.where(label == NO_LABEL, 0, np.where(label == before, run + 1, 1))
            most[rows] = np.maximum(most[rows], run)
            before = label
    return most


def _percent(probability: float) -> str:
    """Return a probability in per cent; one that is all but 0 or 1 is not rounded to it."""
    if 0 < probability < _ALL_BUT or 1 - _ALL_BUT < probability < 1:
        if probability < _ALL_BUT:
            return note("under {share:.1%}", share=_ALL_BUT)
        return note("over {share:.1%}", share=1 - _ALL_BUT)
    return note("{share:.1%}", share=probability)


_ALL_BUT = 0.001
"""What one digit of a percentage would round to 0 or to 1."""
