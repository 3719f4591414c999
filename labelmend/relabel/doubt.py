"""What a run can't know without people: the interval of its noise rate, and where it is blind."""

from collections.abc import Sequence
from dataclasses import replace

from labelmend.configs.schema import Config
from labelmend.relabel.labelmodel.decisions import given_probability
from labelmend.relabel.labelmodel.rounds import decisive_texts
from labelmend.relabel.noise_interval import (
    NoiseInterval,
    hear,
    noise_interval,
    weakness_in_words,
)
from labelmend.relabel.run_models import RunModels
from labelmend.relabel.run_state import Run, State, found
from labelmend.retrieval.coverage import read_coverage
from labelmend.retrieval.encoders.windows import Windows, notes_on_cut, share_longer
from labelmend.voice.speak import note


def with_interval(run: Run, state: State) -> State:
    """Add the interval of the noise rate, where nothing settles the rate.

    People's answers do, once there are enough to learn from. A majority vote and labels that teach
    nothing leave nothing to tell.
    """
    trusted = state.trust is None or state.trust.trusted
    settled = state.answered is not None and state.answered.correction is not None
    if settled or not trusted or run.config.fusion.method == "majority":
        return replace(state, interval=None)
    if not state.fit.observed.any():
        return replace(state, interval=None)
    fit, start = state.fit, found(state.start)
    given, text_of = run.dataset.given, found(state.unique).of_row
    share = run.config.fusion.channel.anchors
    anchors = fit.observed & decisive_texts(
        fit.log_prior, start.candidates, len(run.dataset.labels), share
    )
    heard = hear(given, text_of, start.candidates.labels, fit.log_prior, anchors)
    quality = given_probability(given, text_of, fit.posterior)
    return replace(state, interval=noise_interval(heard, quality, run.config.doubt))


def notes_on_evidence(run: Run, state: State) -> tuple[str, ...]:
    """Return one sentence where the evidence is weak, and one on what its encoders can't read."""
    interval: NoiseInterval | None = state.interval
    if interval is None or not interval.weak:
        return ()
    texts = found(state.unique).texts[: run.config.doubt.encoded_texts]
    # Where the caller brought the space of the texts, there are no models.
    read = [
        read_coverage(model.path, Windows(model.path, config).capacity, texts)
        for config, model in zip(run.config.encoders, run.models.encoders, strict=False)
    ]
    blind = [
        coverage.in_words(model.name)
        for coverage, model in zip(read, run.models.encoders, strict=True)
        if coverage is not None and coverage.lacking
    ]
    return (weakness_in_words(interval), *blind)


_WORTH_A_NOTE = 0.01
"""Share of texts that a reranker or voter cuts from which on it is told. Chosen by hand."""


def notes_on_length(config: Config, models: RunModels, texts: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on each model that does not read some texts to their end.

    Encoders read long texts in windows, and all texts are counted. What rerankers and voters read
    is the begin: theirs is the share of some texts, a voter's by the first encoder's tokens.

    Args:
        config: of the run.
        models: that it uses.
        texts: distinct ones of the table.
    """
    if not models.encoders:  # vectors are the caller's own
        return ()
    notes = [*notes_on_cut(config.encoders, models.encoders, texts)]
    some = texts[: config.doubt.encoded_texts]
    cuts = []
    if models.reranker is not None:
        most = config.reranker.max_tokens
        share = share_longer(models.reranker.path, most, some)
        name = f"reranker {models.reranker.name}"
        cuts.append((name, share, f"{most} tokens", "reranker.max_tokens"))
    for i, (voter, model) in enumerate(models.voters):
        most, unit, setting = voter.max_text_tokens, "tokens", "max_text_tokens"
        if voter.server is None:
            share = share_longer(models.encoders[0].path, most, some)
        else:
            most, unit, setting = voter.server.max_text_chars, "characters", "server.max_text_chars"
            share = sum(len(text) > most for text in some) / max(len(some), 1)
        cuts.append((f"voter {model.name}", share, f"{most} {unit}", f"voters.{i}.{setting}"))
    notes += [
        note(
            "{name} reads the begin of {share:.0%} of the texts, up to {most}; {setting} sets how "
            "many",
            name=name,
            share=share,
            most=most,
            setting=setting,
        )
        for name, share, most, setting in cuts
        if share >= _WORTH_A_NOTE
    ]
    return tuple(notes)
