"""Prints plans and outcomes."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.cli.terminal import harmless, open_console
from labelmend.data.dataset import ColumnChoice
from labelmend.llm.types import VoterReport
from labelmend.relabel.diagnostics.label_set import Diagnoses, diagnose
from labelmend.relabel.labelmodel.types import Decision
from labelmend.relabel.noise_interval import interval_in_words
from labelmend.relabel.result import SelfTest
from labelmend.relabel.run_models import RunModels
from labelmend.runs.findings import confused_pairs, estimated_noise
from labelmend.runs.layout import OutputPaths
from labelmend.runs.parts import AnswersRecord
from labelmend.types import Share
from labelmend.voice.speak import meant, number, retell, tell
from labelmend.workflows.demo import Score
from labelmend.workflows.plan import Plan
from labelmend.workflows.relabel import RelabelOutcome

_WORDS: dict[Decision, str] = {
    "keep": meant("kept"),
    "change": meant("changed"),
    "review": meant("for review"),
    "label": meant("labelled from scratch"),
    "answered": meant("settled by people"),
}
_PAIRS = 5
"""Pairs of labels that are shown."""

_LINES = 3
"""Of advice of one kind."""

_EXAMPLE_CHARS = 60
"""Of a text that are shown."""

_KIB = 1024
"""Each unit of size is so many of the one before."""


def size_in_words(size: float) -> str:
    """Return a size in bytes as a person reads it."""
    for sentence in (meant("{size:.0f} B"), meant("{size:.0f} KiB"), meant("{size:.0f} MiB")):
        if size < _KIB:
            return tell(sentence, size=size)
        size /= _KIB
    return tell("{size:.1f} GiB", size=size)


def time_in_words(seconds: float) -> str:
    """Return a duration as a person reads it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return tell("{hours} h {minutes} min", hours=hours, minutes=minutes)
    if minutes:
        return tell("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return tell("{seconds} s", seconds=rest)


def read_in_words(columns: ColumnChoice) -> str:
    """Return a line on what was read of a table."""
    return tell("Read: {columns}.", columns=columns.in_words)


def reach_in_words(voted: int, texts: int) -> str:
    """Return how many of a table's texts will reach the voters."""
    share = voted / texts
    return tell("about {texts:,} texts, {share:.0%} of all", texts=voted, share=share)


def print_plan(plan: Plan, models: RunModels, notes: tuple[str, ...]) -> None:
    """Print what a run would do and cost."""
    console = open_console()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row(tell("read"), Text(harmless(plan.read)))
    rows = tell(
        "{rows:,} ({texts:,} distinct texts)",
        rows=plan.rows,
        texts=plan.texts,
    )
    table.add_row(tell("rows"), rows)
    table.add_row(tell("labels"), number(plan.labels, ","))
    if plan.unlabelled:
        table.add_row(tell("without label"), number(plan.unlabelled, ","))
    if plan.answered:
        texts = tell("{texts:,} texts", texts=plan.answered)
        table.add_row(tell("answered by people"), texts)
    doubtful = tell("about {texts:,} texts, from a sample", texts=plan.doubtful)
    table.add_row(tell("in doubt"), doubtful)
    if models.voters:
        table.add_row(tell("reach the voters"), reach_in_words(plan.voted, plan.texts))
    for role, model in models.all().items():
        words = f"{model.name}, {size_in_words(model.size_bytes)}, {model.source}"
        table.add_row(Text(retell(role)), Text(words))
    sources = (f"{retell(name)} ({retell(phase)})" for name, phase in plan.sources.items())
    table.add_row(tell("evidence"), ", ".join(sources))
    memory = tell(
        "about {size} of {free} free",
        size=size_in_words(plan.memory_bytes),
        free=size_in_words(plan.available_bytes),
    )
    table.add_row(tell("memory"), memory)
    disk = tell(
        "about {size} of {free} free",
        size=size_in_words(plan.disk_bytes),
        free=size_in_words(plan.free_disk_bytes),
    )
    table.add_row(tell("disk"), disk)
    for stage, seconds in plan.seconds.items():
        table.add_row(Text(tell("time: {stage:name}", stage=stage)), time_in_words(seconds))
    for voter, tokens in plan.tokens.items():
        about = tell("about {tokens:,}", tokens=tokens)
        table.add_row(Text(tell("tokens: {voter}", voter=voter)), about)
    whole = time_in_words(sum(plan.seconds.values()))
    table.add_row(tell("time in all"), tell("about {time}", time=whole))
    for cluster in plan.clusters:
        machines = tell(
            "on {machines:,} {machines:one=machine|other=machines}", machines=cluster.machines
        )
        told = tell(
            "about {time}, with {size} of memory on each",
            time=time_in_words(cluster.seconds),
            size=size_in_words(cluster.node_bytes),
        )
        table.add_row(machines, told)
    console.print(table, highlight=False)
    print_notes(console, notes)
    console.print(tell("Nothing was written: this was a dry run."))


def print_summary(outcome: RelabelOutcome, *, verbose: bool) -> None:
    """Print what was done, what was learned, and where the files are."""
    console, result = open_console(), outcome.result
    counts = Counter(result.decisions.actions)
    total = len(result.dataset)
    table = Table(
        title=tell("Rows"), title_justify="left", box=None, show_header=False, pad_edge=False
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for action, words in _WORDS.items():
        if counts[action] or action not in {"label", "answered"}:
            count = counts[action]
            table.add_row(tell(words), number(count, ","), number(count / total, ".1%"))
    console.print(table, highlight=False)
    console.print(Text(harmless(read_in_words(outcome.columns))), soft_wrap=True)
    if result.decisions.expected_good:
        noise = tell(
            "Estimated noise rate {noise:.1%}; good labels broken, expected: {harm:.1f} of "
            "{good:,.0f}",
            noise=estimated_noise(result),
            harm=result.decisions.expected_harm,
            good=result.decisions.expected_good,
        )
        console.print(noise, highlight=False)
    if result.interval is not None:
        line = retell(interval_in_words(result.interval))
        console.print(Text(f"{line}."), soft_wrap=True)
    answers = AnswersRecord.of(result)
    if answers is not None:
        console.print(Text(harmless(f"{answers.in_words}.")), soft_wrap=True)
    test = result.self_test
    if test is not None:
        _print_self_test(console, test)
    pairs = [pair for pair in confused_pairs(result, _PAIRS) if pair.rows >= 1]
    if pairs:
        title = tell("Most confused labels")
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column(tell("seems to be"))
        table.add_column(tell("was given"))
        table.add_column(tell("rows, about"), justify="right")
        for pair in pairs:
            rows = number(pair.rows, ".0f")
            table.add_row(Text(harmless(pair.true)), Text(harmless(pair.given)), rows)
        console.print(table, highlight=False)
    for line in _advice(diagnose(result, outcome.config.diagnostics)):
        console.print(Text(harmless(line)), soft_wrap=True)
    for voter in result.voters:
        console.print(Text(harmless(voter_in_words(voter))), soft_wrap=True)
    if verbose:
        _print_details(console, outcome)
    verdict = test.verdict if test is not None else None
    print_notes(console, tuple(note for note in outcome.notes if note != verdict))
    print_files(console, outcome.paths)


def print_files(console: Console, paths: OutputPaths) -> None:
    """Print where the files of a run are."""
    files = {
        tell("mended table"): paths.table,
        tell("evidence"): paths.evidence,
        tell("run record"): paths.record,
    }
    wide = max(map(len, files)) + 2
    for name, path in files.items():
        console.print(Text(f"{name + ':':<{wide}}{path}"), soft_wrap=True)


def voter_in_words(report: VoterReport) -> str:
    """Return a line on what a voter did and was worth."""
    did = [tell("{texts:,} texts", texts=report.asked)]
    if report.remembered:
        did.append(tell("{texts:,} of them remembered", texts=report.remembered))
    if report.failed:
        reasons = "; ".join(
            f"{retell(reason)}: {number(count, ',')}" for reason, count in report.reasons[:_LINES]
        )
        did.append(tell("{texts:,} failed ({reasons})", texts=report.failed, reasons=reasons))
    if report.unasked:
        did.append(tell("{texts:,} more unasked as the time was up", texts=report.unasked))
    parts = [", ".join(did)]
    if report.agreement is not None:
        worth = tell(
            "agrees with {share:.0%} of {texts:,} texts drawn at random",
            share=report.agreement,
            texts=report.audited,
        )
        if report.worse_than_chance:
            worth += tell(", worse than chance: no weight")
        elif report.information is not None:
            # No minus before what is rounded to nothing.
            worth += tell(", adds {nats:.3f} nats a text", nats=round(report.information, 3) + 0.0)
        parts.append(worth)
    if report.tokens:
        speed = tell(
            "{tokens:,} tokens in {time}, {speed:,.0f} a second",
            tokens=report.tokens,
            time=time_in_words(report.seconds),
            speed=report.tokens_per_second,
        )
        parts.append(speed)
    if any(report.answered.values()):
        shares = ", ".join(f"{url} {number(n, ',')}" for url, n in report.answered.items())
        parts.append(tell("answered by {shares}", shares=shares))
    return f"{report.voter}: {'; '.join(parts)}"


def _advice(said: Diagnoses) -> list[str]:
    """Return what is to be said of the label set, a line each; the whole of it is in run.json."""
    lines = [
        tell(
            "Consider merging {one} and {other}: nothing in their {rows} texts tells them "
            "apart{such_as}.",
            one=m.label_a,
            other=m.label_b,
            rows=m.rows,
            such_as=_such_as(m.examples_a, m.examples_b),
        )
        for m in said.merge[:_LINES]
    ]
    lines += [
        tell(
            "Consider splitting {label}: its texts fall into {larger} and {smaller}{such_as}.",
            label=s.label,
            larger=s.rows[0],
            smaller=s.rows[1],
            such_as=_such_as(s.examples_a, s.examples_b),
        )
        for s in said.split[:_LINES]
    ]
    lines += [
        tell(
            "{label}: only {share:.0%} of its {rows} rows seem right."
            if w.goes_to is None
            else "{label}: only {share:.0%} of its {rows} rows seem right; most others seem to be "
            "{other}.",
            label=w.label,
            share=w.right_share,
            rows=w.rows,
            other=w.goes_to,
        )
        for w in said.mostly_wrong[:_LINES]
    ]
    if said.empty:
        names, more = ", ".join(e.label for e in said.empty[:_LINES]), len(said.empty) - _LINES
        lines.append(
            tell("No row was given {names} and {more} more.", names=names, more=more)
            if more > 0
            else tell("No row was given {names}.", names=names)
        )
    return lines


def _such_as(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Return an example of each side, cut to a line's length."""
    shown = [texts[0][:_EXAMPLE_CHARS] for texts in (one, other) if texts]
    if len(shown) > 1:
        return tell(', such as "{one}" and "{other}"', one=shown[0], other=shown[1])
    return tell(', such as "{one}"', one=shown[0]) if shown else ""


def _print_self_test(console: Console, test: SelfTest) -> None:
    console.print(Text(retell(test.verdict)), soft_wrap=True)
    if not test.runs:
        return
    hard = None if test.hard is None or not test.hard.total else _words(test.hard)
    words = tell(
        "{errors:,} errors were drawn into the mended labels "
        "({rate:.1%}): {fixed} fixed, {found} fixed or found"
        if hard is None
        else "{errors:,} errors were drawn into the mended labels "
        "({rate:.1%}): {fixed} fixed, {found} fixed or found; of those on texts in doubt {hard} "
        "fixed",
        errors=test.recovery.total,
        rate=test.injected_rate,
        fixed=_words(test.recovery),
        found=_words(test.detection),
        hard=hard,
    )
    console.print(Text(words), soft_wrap=True)


def _words(share: Share) -> str:
    return tell(
        "{rate:.1%} ({low:.1%} to {high:.1%})", rate=share.rate, low=share.low, high=share.high
    )


def _print_details(console: Console, outcome: RelabelOutcome) -> None:
    result = outcome.result
    learned, seconds = result.posterior.weights, result.seconds
    weights = ", ".join(f"{retell(name)} {number(w, '.2f')}" for name, w in learned.items())
    stages = ", ".join(
        tell("{stage:name} {seconds:.1f} s", stage=stage, seconds=took)
        for stage, took in seconds.items()
    )
    channel = result.posterior.channel
    words = tell(
        "Channel: keep rate {keep:.4f}, similar share {similar:.2f}, temperature {temperature:.3f}",
        keep=channel.keep_rate,
        similar=channel.similar_share,
        temperature=channel.temperature,
    )
    console.print(words, highlight=False, soft_wrap=True)
    console.print(Text(tell("Weights: {weights}", weights=weights)), soft_wrap=True)
    console.print(Text(tell("Time: {stages}", stages=stages)), soft_wrap=True)


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """Print notes, a line each."""
    for note in notes:
        console.print(Text(tell("Note: {note:name}", note=note)), soft_wrap=True)


def print_score(score: Score) -> None:
    """Print label accuracy before and after."""
    console = open_console()
    words = tell(
        "Label accuracy [bold]{before:.1%} -> {after:.1%}[/]: {fixed} of {wrong} wrong labels "
        "fixed, {broken} of {good} good labels broken ({share:.2%})",
        before=score.right_before / score.rows,
        after=score.right_after / score.rows,
        fixed=score.fixed,
        wrong=score.rows - score.right_before,
        broken=score.broken,
        good=score.right_before,
        share=score.broken / score.right_before,
    )
    console.print(words, highlight=False)
