"""Settings of the LLMs: who writes, who votes, and on which rows."""

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Many, Section, Share, at_least

MOST_OPTIONS = 26
"""Labels that a choice ballot has letters for."""

_LEAST_BATCH = 256
"""Tokens that llama.cpp reads at a time: with few, its attention adds up in another way."""

_MOST_THREADS = 512
"""With more, llama.cpp ends the process."""

_LONGEST_TIMEOUT = 86_400
"""Seconds; a socket can't wait for ever."""

Threads = Annotated[int, at_least(0, "threads", most=_MOST_THREADS)]
Layers = Annotated[int, at_least(-1, "layers")]


@dataclass(frozen=True, config=CHECKED)
class DescribeConfig(Section):
    """How labels are described."""

    model: str = ""
    """The GGUF that writes descriptions, a name in models.yaml or a path; empty for none."""

    examples: Annotated[int, at_least(1, "texts")] = 6
    """Texts nearest the prototype that the prompt shows."""

    exemplars: Annotated[int, at_least(0, "texts")] = 4
    """Texts kept with each label, for retrieval."""

    max_tokens: Annotated[int, at_least(1, "tokens")] = 64
    """Longest description."""

    context_tokens: Annotated[int, at_least(1, "tokens")] = 2048
    """Room in the model's KV cache."""

    threads: Threads = 0
    """Threads that work on it; 0 for all cores that this process may use."""

    gpu_layers: Layers = 0
    """Layers of the model that are put on the GPU; -1 for all."""


@dataclass(frozen=True, config=CHECKED)
class ServerConfig(Section):
    """An OpenAI-compatible server that runs a voter's model, or several that run the same one."""

    url: str
    """Base URL, such as http://localhost:8000/v1."""

    more_urls: Many[str] = ()
    """Base URLs of further servers that run the same model: all of them share the ballots, and each
    has the settings below for itself."""

    api_key_env: str = ""
    """The environment variable that holds its API key; empty for none."""

    requests: Annotated[int, at_least(1, "requests")] = 8
    """Requests under way at a time."""

    per_minute: Annotated[int, at_least(0, "requests")] = 0
    """Requests a minute at most; 0 for no limit."""

    timeout_s: Annotated[float, at_least(0.1, "seconds", most=_LONGEST_TIMEOUT)] = 60.0
    """Time after which an answer is given up."""

    retries: Annotated[int, at_least(0)] = 4
    """New tries of a request that failed by the server's fault; without an answer in time there is
    one at most. With several servers, of a ballot."""

    max_pause_s: Annotated[float, at_least(0, "seconds", most=_LONGEST_TIMEOUT)] = 300.0
    """Time that the server may ask to be left alone; for longer, the run ends. Chosen by hand."""

    hopeless_after: Annotated[int, at_least(1, "ballots")] = 8
    """Ballots that fail one after the other by the server's fault before the run ends. Chosen by
    hand."""

    max_text_chars: Annotated[int, at_least(1, "characters")] = 800
    """Characters of a text that a ballot shows at most, about as many as a voter in this process
    reads: a server's tokens aren't known. Chosen by hand."""

    chat: bool = True
    """Ask choice ballots in the model's chat template."""

    top_logprobs: Annotated[int, at_least(1, "replies")] = 20
    """Likeliest replies that are told with their log-probabilities; many servers tell 20 at
    most."""

    start: str = ""
    """Text put before a prompt that is no chat, such as a begin token that the server needs."""


@dataclass(frozen=True, config=CHECKED)
class VoterConfig(Section):
    """One LLM."""

    model: str
    """A GGUF, a name in models.yaml or a path; with a server, the name it has there."""

    ballot: Literal["channel", "choice"]
    """`channel` scores the text given the label; `choice` picks a letter."""

    candidates: Annotated[int, at_least(2, "labels")] = 4
    """Labels on a ballot."""

    exemplars: Annotated[int, at_least(0, "texts")] = 8
    """Texts shown with each label. Eight are worth 3 to 5 points more than four, by
    benchmarks/prefixes.py on the seed 100."""

    several: bool = True
    """Ask it where a row may have several labels, too."""

    max_text_tokens: Annotated[int, at_least(1, "tokens")] = 192
    """Tokens of a text that a ballot shows at most: a longer text has shown its label by then.
    Chosen by hand; with a server, `max_text_chars` stands for it."""

    permutations: Annotated[int, at_least(1, "orders")] = 1
    """Orders in which a choice ballot shows its candidates, against position bias."""

    context_tokens: Annotated[int, at_least(1, "tokens")] = 4096
    """Room in the KV cache."""

    batch_tokens: Annotated[int, at_least(_LEAST_BATCH, "tokens")] = 512
    """Tokens decoded at a time; few at a time would change the votes."""

    threads: Threads = 0
    """Threads that work on it; 0 for all cores that this process may use."""

    gpu_layers: Layers = 0
    """Layers of the model that are put on the GPU; -1 for all."""

    server: ServerConfig | None = None
    """Where the model runs; null for this process."""

    def __post_init__(self) -> None:
        if self.ballot == "choice" and self.candidates > MOST_OPTIONS:
            raise ValueError(
                f"candidates is {self.candidates}: a choice ballot has a letter for "
                f"{MOST_OPTIONS} at most"
            )


@dataclass(frozen=True, config=CHECKED)
class RoutingConfig(Section):
    """Which rows reach the reranker and the voters."""

    settled: Annotated[float, at_least(0)] = 0.99
    """Rows whose best posterior is at least this need no vote; above 1, all rows need one. Chosen
    by hand."""

    audit_rows: Annotated[int, at_least(0, "rows")] = 100
    """Rows drawn at random whatever their posterior: the reranker's weights come from them, and on
    them voters are held to chance."""

    llm_rows: Annotated[int, at_least(-1, "rows")] = 200
    """Rows besides the audit that reach the voters at most; -1 for all, whatever `llm_share` is."""

    llm_share: Share = 0.15
    """Share of all rows that reach the voters at most, the audit with them."""

    llm_minutes: Annotated[float, at_least(0, "minutes")] = 0.0
    """Time that all voters together take at most; 0 for no limit."""

    cut_below: Share = 0.01
    """A ballot's list ends where all that would follow have together less than this share of its
    probability, by the evidence; 0 for never. Chosen by hand."""
