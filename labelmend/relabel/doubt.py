"""What a run can't know without people: the interval of its noise rate, and where it is blind."""

from dataclasses import replace

from labelmend.relabel.labelmodel.decisions import given_probability
from labelmend.relabel.labelmodel.rounds import decisive_texts
from labelmend.relabel.noise_interval import (
    NoiseInterval,
    hear,
    noise_interval,
    weakness_in_words,
)
from labelmend.relabel.run_state import Run, State, found
from labelmend.retrieval.coverage import read_coverage


def with_interval(run: Run, state: State) -> State:
    """Add the interval of the noise rate, where nothing settles the rate.

    People's answers do, once there are enough to learn from. A majority vote and labels that teach
    nothing leave nothing to tell.
    """
    trusted = state.trust is None or state.trust.trusted
    settled = state.answered is not None and state.answered.correction is not None
    if settled or not trusted or run.config.fusion.method == "majority":
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
    read = [
        read_coverage(model.path, config.max_tokens, texts)
        for config, model in zip(run.config.encoders, run.models.encoders, strict=True)
    ]
    blind = [
        coverage.in_words(model.name)
        for coverage, model in zip(read, run.models.encoders, strict=True)
        if coverage is not None and coverage.lacking
    ]
    return (weakness_in_words(interval), *blind)
