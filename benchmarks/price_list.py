"""What tables of a million rows and more cost: the price list of docs/scale.md.

    python benchmarks/price_list.py [--rows 1000000,10000000,100000000] [--labels 1000]
        [--machines 10] [--cores 16] [--core-hour 0.04] [--gpu-hour 2.0]
        [--gpu-tokens 8000] [--voted 0.15] [--most-memory 1024] [--no-write]

Nothing is run: seconds of processor time come from labelmend/engines/growth.json, those of the
encoders and of a voter on processors from benchmarks/RESULTS.md (the sections `encoders` and
`voters`). Prices, tokens a second of a GPU and the share of texts that are put to the voter are
assumptions: change them. Writes its part of docs/scale.md.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from results_file import write_section

from labelmend.configs.load import load_config
from labelmend.engines.growth import Growth, Part, fitted_growth
from labelmend.relabel.forecast import ENCODED, Forecast, ways_of

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "scale.md"
RESULTS = HERE / "RESULTS.md"

WIDTH = 384 + 512
"""Numbers of a text's vector by the encoders of the default profile."""

MEASURED_MODEL, MEASURED_BILLIONS = "Qwen2.5-Coder-1.5B-Instruct Q4_K_M", 1.54
"""The largest voter of the section `voters`, and its parameters by its model card."""

VOTER_BILLIONS = 7.62
"""Parameters of Qwen2.5-7B by its model card: time on processors grows with them."""

_HOUR = 3600.0
_GIB = 2**30


@dataclass(frozen=True)
class Measured:
    """What RESULTS.md says.

    Attributes:
        encoded: seconds of processor time of a text, by the encoders of the default profile.
        ballot: the same of a ballot by the largest voter that was measured.
        tokens: of such a ballot.
    """

    encoded: float
    ballot: float
    tokens: float


def measured(results: str) -> Measured:
    """Read the figures.

    Args:
        results: the text of RESULTS.md.

    Raises:
        ValueError: a section has another form than this script knows.
    """
    encoders, voters = _section(results, "encoders"), _section(results, "voters")
    ballot = (
        rf"\| {re.escape(MEASURED_MODEL)} \| choice \|(?:[^|]*\|){{6}} (\d+) \|[^|]*\| ([\d.]+) \|"
    )
    found = re.search(ballot, voters)
    if found is None:
        raise ValueError(f"RESULTS.md has no choice ballots of {MEASURED_MODEL}")
    cores = _number(r"(\d+) cores", voters)
    texts = _number(r"\| as labelmend computes them \|(?:[^|]*\|){2} (\d+) \|", encoders)
    return Measured(1 / texts, float(found[2]) * cores, float(found[1]))


def _section(results: str, name: str) -> str:
    found = re.search(rf"<!-- {name}:start -->.*?<!-- {name}:end -->", results, re.DOTALL)
    if found is None:
        raise ValueError(f"RESULTS.md has no section {name}")
    return found[0]


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"RESULTS.md has nothing like {pattern}")
    return float(found[1])


@dataclass(frozen=True)
class Asked:
    """What is reckoned with.

    Attributes:
        labels: of the label set.
        machines: that run at once.
        cores: of each.
        core_hour: price.
        gpu_hour: price.
        gpu_tokens: of a 7B model that a GPU reads a second.
        voted: share of texts that are put to the voter.
        most_memory: GiB of the largest machine.
    """

    labels: int
    machines: int
    cores: int
    core_hour: float
    gpu_hour: float
    gpu_tokens: float
    voted: float
    most_memory: float


@dataclass(frozen=True)
class Price:
    """Of one table.

    Attributes:
        rows: of it.
        core_hours: of work.
        hours: by the clock, on so many machines.
        alone: of these, what one process does while the others wait.
        money: for these machines.
        gpu_hours: of a 7B voter on GPUs.
        gpu_money: for it.
        voter_core_hours: of the same voter on processors.
        voter_money: for it.
        driver_gib: memory of the process that is started.
        node_gib: of each other machine.
        disk_gib: that is written, all embeddings among it.
    """

    rows: int
    core_hours: float
    hours: float
    alone: float
    money: float
    gpu_hours: float
    gpu_money: float
    voter_core_hours: float
    voter_money: float
    driver_gib: float
    node_gib: float
    disk_gib: float


def price(rows: int, asked: Asked, told: Measured, growth: Growth) -> Price:
    """Reckon one table, all of whose texts are distinct.

    Raises:
        ValueError: nobody measured the way that a stage takes for such a table.
    """
    config = load_config("embedded")
    ways = ways_of(config)
    stages = list(growth.stages)
    used = {ways.of(name.partition(",")[0], rows, asked.labels) for name in stages}
    if missing := used - set(stages):
        raise ValueError(f"no run of {', '.join(sorted(missing))} was measured; run scale.py")
    core_seconds = clock = serial = 0.0
    for name in sorted(used):
        stage = growth.stages[name]
        seconds = stage.seconds.at(rows, asked.labels)
        tasks = 1.0 if stage.tasks is None else stage.tasks.at(rows, asked.labels)
        core_seconds += seconds
        serial += seconds * (1 - stage.divides)
        shared = stage.divides / max(min(asked.machines * asked.cores, tasks), 1.0)
        clock += seconds * (1 - stage.divides + shared)
    encoding = rows * told.encoded
    alone = Part(encoding / asked.cores, 1.0, rows / ENCODED, whole_machines=True)
    hours = (clock + alone.on(asked.machines, asked.cores)) / _HOUR
    ballots = rows * asked.voted
    gpu_hours = ballots * told.tokens / asked.gpu_tokens / _HOUR
    on_cores = ballots * told.ballot * VOTER_BILLIONS / MEASURED_BILLIONS / _HOUR
    whole = Forecast(rows, rows, rows, asked.labels, WIDTH, growth)
    endless = tuple(replace(encoder, cache_gib=1e9) for encoder in config.encoders)
    return Price(
        rows=rows,
        core_hours=(core_seconds + encoding) / _HOUR,
        hours=hours,
        alone=serial / _HOUR,
        money=hours * asked.machines * asked.cores * asked.core_hour,
        gpu_hours=gpu_hours,
        gpu_money=gpu_hours * asked.gpu_hour,
        voter_core_hours=on_cores,
        voter_money=on_cores * asked.core_hour,
        driver_gib=whole.memory(0) / _GIB,
        node_gib=whole.clusters((), (asked.machines,), asked.cores, 0)[0].node_bytes / _GIB,
        disk_gib=whole.disk(0, replace(config, encoders=endless)) / _GIB,
    )


def report(
    prices: Sequence[Price], asked: Asked, told: Measured, growth: Growth, command: str
) -> str:
    """Return the part of docs/scale.md."""
    source = growth.fitted
    told_of = [
        f"`{command}`: {asked.labels:,} labels, {asked.machines} machines of {asked.cores} cores, "
        f"{asked.core_hour:g} a core hour, {asked.gpu_hour:g} a GPU hour.",
        f"The growth was fitted up to {growth.rows:,} rows and {growth.labels:,} labels "
        f"({source['machine']}, commit {source['commit']}, {source['date']}): what is beyond is "
        "drawn out.",
        f"It tells the seconds of its own runs to a factor of {growth.off_by:g}.",
    ]
    if growth.drawn_out_by:
        factor = f"{growth.drawn_out_by:g}"
        told_of.append(f"Fitted without its largest runs, it told theirs to a factor of {factor}.")
    lines = [
        " ".join(told_of),
        "",
        "| rows | core hours of work | by the clock | of it in one process | price "
        "| 7B voter: GPU hours | price | 7B voter: core hours | price |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.rows:,} | {each.core_hours:,.0f} | {_hours(each.hours)} | {_hours(each.alone)} "
        f"| {each.money:,.0f} "
        f"| {each.gpu_hours:,.0f} | {each.gpu_money:,.0f} "
        f"| {each.voter_core_hours:,.0f} | {each.voter_money:,.0f} |"
        for each in prices
    ]
    lines += [
        "",
        f"| rows | memory where you start it | on each other machine | disk "
        f"| fits in {asked.most_memory:,.0f} GiB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.rows:,} | {each.driver_gib:,.0f} GiB | {each.node_gib:,.0f} GiB "
        f"| {each.disk_gib:,.0f} GiB | {'yes' if each.driver_gib <= asked.most_memory else 'no'} |"
        for each in prices
    ]
    assumed = [
        f"- Encoding takes {told.encoded * 1000:.1f} ms of processor a text: measured.",
        f"- The voter is asked of {asked.voted:.0%} of the texts (`routing.llm_share`, with "
        f"`routing.llm_rows=-1`), one choice ballot of {told.tokens:.0f} tokens each.",
        f"- A GPU reads {asked.gpu_tokens:,.0f} tokens a second: assumed, nobody measured it here.",
        f"- On processors a ballot takes {told.ballot:.1f} s, measured with {MEASURED_MODEL}, "
        f"times {VOTER_BILLIONS / MEASURED_BILLIONS:.1f}, as a 7B model is larger: reckoned, not "
        "measured.",
    ]
    return "\n".join([*lines, "", *assumed])


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def asked_from(words: Sequence[str]) -> tuple[argparse.Namespace, Asked]:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="1000000,10000000,100000000")
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--machines", type=int, default=10)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--core-hour", type=float, default=0.04)
    parser.add_argument("--gpu-hour", type=float, default=2.0)
    parser.add_argument("--gpu-tokens", type=float, default=8000.0)
    parser.add_argument("--voted", type=float, default=0.15)
    parser.add_argument("--most-memory", type=float, default=1024.0)
    parser.add_argument("--no-write", action="store_true", help="leave docs/scale.md as it is")
    found = parser.parse_args(words)
    names = Asked.__dataclass_fields__
    return found, Asked(**{name: getattr(found, name) for name in names})


def price_list(words: Sequence[str]) -> str:
    """Return the part of docs/scale.md for a command line."""
    found, asked = asked_from(words)
    growth, told = fitted_growth(), measured(RESULTS.read_text("utf-8"))
    prices = [price(int(rows), asked, told, growth) for rows in found.rows.split(",")]
    typed = [word for word in words if word != "--no-write"]
    command = shlex.join(["python", "benchmarks/price_list.py", *typed])
    return report(prices, asked, told, growth, command)


def write_prices(words: Sequence[str] = ()) -> None:
    """Write the part of docs/scale.md."""
    write_section(PAGE, "prices", price_list(words))


def main() -> None:
    words = sys.argv[1:]
    print(price_list(words))
    if not asked_from(words)[0].no_write:
        write_prices(words)


if __name__ == "__main__":
    main()
