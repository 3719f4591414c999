"""Settings of `labelmend augment`: who writes, how much, and what the judge looks at."""

from typing import Annotated

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.asking import Layers, ServerConfig, Threads
from labelmend.configs.schema.base import CHECKED, Section, Share, at_least


@dataclass(frozen=True, config=CHECKED)
class ChecksConfig(Section):
    """What the judge looks at; benchmarks/augment.py shows what each is worth."""

    rules: bool = True
    """No refusal, no answer to the prompt, no piece of it, and no longer than real texts are."""

    copies: bool = True
    """Neither equal to a row or another new text, nor nearer to it than `most_similar`."""

    language: bool = True
    """In the script and the language of the table."""

    label: bool = True
    """As near to its label's texts, and as surely of it, as real ones are; its parents left out."""

    neighbour: bool = True
    """No other label explains it better."""

    diversity: bool = True
    """It brings new words, or lies further from its label's texts than these from each other."""

    questions: bool = True
    """An LLM that can tell says twice that it is right: a message, and of this label."""


@dataclass(frozen=True, config=CHECKED)
class AugmentConfig(Section):
    """Texts for rare labels; values were chosen by hand, but for those that say otherwise."""

    min_rows: Annotated[int, at_least(1, "texts")] = 30
    """Distinct texts that each label is to have."""

    model: str = ""
    """The GGUF that writes, a name in models.yaml or a path; with a server, the name it has there;
    empty for `describe.model`."""

    server: ServerConfig | None = None
    """Where the model runs; null for this process."""

    chat: bool = False
    """Ask a model of this process for texts in its chat template; without it, it goes on with a
    list of examples, which all models can. A server is asked as `server.chat` says."""

    rewordings: Share = 0.5
    """Share of the questions that ask for rewordings of a real row; the others show the card."""

    lines: Annotated[int, at_least(1, "texts", most=20)] = 3
    """Texts that a question asks for."""

    examples: Annotated[int, at_least(0, "texts")] = 2
    """Real texts that a question on a card shows at most: what is made from many texts can't be
    trained on where one of them is tested."""

    drafts_per_text: Annotated[float, at_least(1, "drafts")] = 6.0
    """Drafts at most for each text that a label needs; with fewer that pass, it stays short."""

    temperature: Annotated[float, at_least(0, most=5)] = 0.9
    """How freely words are drawn; with 0, the likeliest is taken."""

    top_p: Annotated[float, at_least(0.01, most=1)] = 0.95
    """Share of the probability, the likeliest words first, that words are drawn from."""

    max_tokens: Annotated[int, at_least(1, "tokens")] = 120
    """Longest reply."""

    context_tokens: Annotated[int, at_least(1, "tokens")] = 2048
    """Room in the model's KV cache."""

    threads: Threads = 0
    """Threads that work on it; 0 for all cores that this process may use."""

    gpu_layers: Layers = 0
    """Layers of the model that are put on the GPU; -1 for all."""

    hopeless_after: Annotated[int, at_least(1, "questions")] = 8
    """Questions that all end in refusals, or in nothing that is a text, before the run ends."""

    judge_encoder: str = ""
    """The encoder of the profile that judges; empty for its first one. The classifiers by which
    `compare-baseline --augmented` measures don't read it."""

    judge_model: str = ""
    """Who is asked twice about each draft that passes all else: empty for the writer, where it is a
    chat model of a billion weights or more or on a server, and `none` for nobody."""

    most_similar: Annotated[float, at_least(0, most=1)] = 0.95
    """Cosine above which two texts are near copies."""

    unusual: Share = 0.1
    """Share of the real texts that lie far from their label's others, or are hardly more of it than
    of another one: so far out, no draft is let in."""

    new_words: Share = 0.3
    """Least share of a draft's words and pairs of words that its label's texts don't have yet."""

    checks: ChecksConfig = ChecksConfig()
