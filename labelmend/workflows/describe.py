"""Files in, files out: what `labelmend describe` does."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labelmend.configs.schema import Config
from labelmend.data.labels_file import labels_yaml, read_labels_file
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest, load_table
from labelmend.data.task import require_task
from labelmend.data.write import atomic_files
from labelmend.engines.choose import HERE, Engine
from labelmend.llm.store import Store, check_store, forget
from labelmend.protocols import Progress
from labelmend.relabel.label_cards import Described
from labelmend.relabel.pipeline import DESCRIBE, EMBED
from labelmend.relabel.run_models import locate_models, notes_on_gpu, require_packages
from labelmend.relabel.run_state import Run, carry_out
from labelmend.retrieval.space import open_space
from labelmend.runs.layout import OutputPaths, cards_output


def describe_file(
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    use_llm: bool = True,
    labels_file: Path | None = None,
    fresh: bool = False,
    others: Sequence[Given] = (),
    engine: Engine = HERE,
) -> Described:
    """Write an editable YAML with one card a label; the LLM's replies are kept beside it.

    Nothing that was given is written to, `others` are what else the user named; `engine` carries
    the work.

    Returns:
        the cards, and notes on how they were written.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    engine.check()
    require_packages(config, use_llm=use_llm)
    settled = settle(request.path, output, labels_file)
    written = read_labels_file(labels_file) if labels_file else {}
    loaded = load_table(request, config.data, written)
    require_task(loaded.dataset, {"single"}, "describe")
    inputs = (*given(request.path), *given(labels_file), *given_models(config), *others)
    paths, with_store = OutputPaths.beside(output), use_llm or fresh
    claim(inputs, (cards_output(output), *(paths.store_files if with_store else ())))
    if with_store:
        check_store(paths.store)
    models = locate_models(config, use_llm=use_llm)
    space = open_space(config.encoders, models.encoders)
    with engine.opened(config.cluster) as executor:
        if fresh:
            forget(paths.store)
        with Store(paths.store if models.describer else None) as store:
            run = Run(loaded.dataset, config, models, space, store, written)
            run = replace(run, progress=progress, executor=executor)
            state = carry_out(run, (EMBED,))
            space.release()
            described = carry_out(run, (DESCRIBE,), state).described
    assert described is not None
    with atomic_files([output]) as (temporary,):
        temporary.write_text(labels_yaml(described.cards), "utf-8")
    on_gpu = notes_on_gpu(config, replace(models, voters=()))
    read = f"read {loaded.columns.in_words}"
    return replace(described, notes=(*settled, read, *on_gpu, *described.notes))
