"""A voter whose model is held by other processes, such as those of a cluster."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labelmend.configs.schema import VoterConfig
from labelmend.errors import ModelError, ModelMissingError
from labelmend.llm.types import Ballot, Vote
from labelmend.llm.voters import LlamaVoter
from labelmend.parallel import Executor, blocks_of, usable_cores
from labelmend.weights.locate import LocatedModel, locate


class WorkersVoter:
    """A GGUF model that answers ballots in the processes of an executor, which load it once each.

    Its key is that of the same model in this process: a vote depends on the ballot alone.
    """

    together = 8
    """Ballots that a process has at a time. Those that follow each other share labels, whose
    prefixes each process decodes for itself; and those under way are lost with this process. Chosen
    by hand."""

    def __init__(self, config: VoterConfig, model: LocatedModel, executor: Executor) -> None:
        """Prepare to ask; the model is loaded where the first ballots come.

        Args:
            config: its settings; each process has as many threads as cores, or fewer.
            model: as it was found here.
            executor: has the processes.
        """
        same = LlamaVoter(config, model)
        self.name, self.key = same.name, same.key
        self.tokens = 0
        self._executor = executor
        self._work = _Holding(config, model)

    @property
    def answered(self) -> Mapping[str, int]:
        """Nothing: there are no servers."""
        return {}

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order.

        Raises:
            ModelError: a process lacks the model, or can't load it.
            ClusterError: the cluster can't carry it.
        """
        every = range(len(ballots))
        groups = (every[part] for part in blocks_of(len(ballots), self.together))
        return [vote for _, votes in self.stream(groups, ballots) for vote in votes]

    def stream(
        self, groups: Iterator[Sequence[int]], ballots: Sequence[Ballot]
    ) -> Iterator[tuple[Sequence[int], list[Vote]]]:
        """Yield votes in the order of the groups; see `Streaming`.

        Raises:
            ModelError: a process lacks the model, or can't load it.
            ClusterError: the cluster can't carry it.
        """
        under_way: deque[Sequence[int]] = deque()

        def blocks() -> Iterator[list[Ballot]]:
            for group in groups:
                under_way.append(group)
                yield [ballots[place] for place in group]

        for said in self._executor.map_loaded(self._work, blocks()):
            assert said is not None
            votes, tokens = said
            self.tokens += tokens
            yield under_way.popleft(), votes

    def close(self) -> None:
        """Do nothing: the executor frees the model when other work comes."""


class _Holding:
    """Loads the model at the first ballots, and keeps it.

    Args:
        config: of the voter.
        model: as it was found by whoever sends the ballots.
    """

    def __init__(self, config: VoterConfig, model: LocatedModel) -> None:
        own = model.source == "your file"
        self._name = os.fspath(model.path.absolute()) if own else config.model
        self._config, self._model = config, model
        self._voter: LlamaVoter | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model behind: a copy in another process loads its own."""
        return {**self.__dict__, "_voter": None}

    def __call__(self, ballots: Sequence[Ballot]) -> tuple[list[Vote], int]:
        """Return a vote a ballot, and the tokens that the model has read for them."""
        if self._voter is None:
            threads = min(self._config.threads, usable_cores())
            self._voter = LlamaVoter(replace(self._config, threads=threads), self._found())
        before = self._voter.tokens
        votes = self._voter.vote(ballots)
        return votes, self._voter.tokens - before

    def _found(self) -> LocatedModel:
        """Return the same model as it is here.

        Raises:
            ModelMissingError: it is not here.
            ModelError: there is another one under its name.
        """
        own = self._model.source == "your file"
        if own and not Path(self._name).is_file():
            raise ModelMissingError(
                f"{self._name} is not here; an LLM that votes has to be at the same path on each "
                "node: copy it there"
            )
        found = locate(self._name)
        if found.digest != self._model.digest:
            raise ModelError(
                f"{self._name} is another file here than where the run was started (sha256 "
                f"{found.digest[:12]}, not {self._model.digest[:12]}); copy that one"
            )
        return found
