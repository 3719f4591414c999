"""Every command that knows one label a row only says so before any work."""

from dataclasses import replace

import pytest

from labelmend.classify import data as labelled
from labelmend.data import request

LINE = "can't work on several labels a row: give a table with one label a row"


@pytest.fixture
def several(monkeypatch):
    """Tables are read as if their rows had several labels, which no file can say yet."""

    for module in (request, labelled):
        real = module.to_dataset

        def read(*arguments, real=real, **options):
            loaded = real(*arguments, **options)
            return replace(loaded, dataset=replace(loaded.dataset, task="several"))

        monkeypatch.setattr(module, "to_dataset", read)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("relabel", ("--no-llm",)),
        ("relabel", ("--no-llm", "--dry-run")),
        ("describe", ("-o", "labels.yaml", "--no-llm")),
        ("corrupt", ("-o", "noisy.csv", "--noise", "uniform=0.5")),
        ("train-classifier", ("-o", "model")),
        ("compare-baseline", ("--mended-column", "other", "-o", "report")),
        ("tune-embedder", ("-o", "encoder")),
    ],
)
def test_a_command_refuses_a_task_that_it_can_not_do(
    cli, tmp_path, several, monkeypatch, command, options
):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "table.csv"
    source.write_text("text,label,other\nx,a,a\ny,b,b\nz,a,b\n")
    assert cli(command, source, *options).refusal() == f"{command} {LINE}"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
