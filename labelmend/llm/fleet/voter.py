"""A voter whose model runs on several servers, which share its ballots."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from labelmend.configs.schema import ServerConfig, VoterConfig
from labelmend.llm.api_client import each_server
from labelmend.llm.fleet.dispatch import Fleet
from labelmend.llm.server import Hope, ServerVoter
from labelmend.llm.types import Ballot, Vote
from labelmend.parallel import blocks_of


class FleetVoter:
    """A model on several servers that answers ballots; each server is asked as one alone is.

    A ballot is asked of one server, with all its questions: log-probabilities of two servers differ
    in their last bits.
    """

    def __init__(self, config: VoterConfig, server: ServerConfig, name: str) -> None:
        """Prepare to ask; the servers are asked nothing before the first ballot.

        Args:
            config: the ballot, and the model's name on the servers.
            server: where they are, and the settings of each.
            name: the voter's name.

        Raises:
            ConfigError: the settings can't be used.
        """
        # What fails is asked elsewhere at once: the fleet tries again.
        own = [replace(one, retries=0) for one in each_server(server)]
        self._servers = [ServerVoter(config, one, name) for one in own]
        self._fleet: Fleet[Ballot, Vote] = Fleet(self._servers, server)
        where = ", ".join(one.url for one in own)
        self._hope = Hope(where, server.hopeless_after)
        self.name = name
        self.key = self._servers[0].key
        self.together = self._servers[0].together

    @property
    def tokens(self) -> int:
        """How many tokens the servers say that they read."""
        return sum(server.tokens for server in self._servers)

    @property
    def answered(self) -> Mapping[str, int]:
        """Ballots that each server has answered so far, by its address."""
        return Counter(self._fleet.answered)

    def close(self) -> None:
        """Close all connections."""
        for server in self._servers:
            server.close()

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order.

        Raises:
            ModelError: no server answers, or one can't be used; or so it was found in an earlier
                call, whose votes were still returned.
        """
        every = range(len(ballots))
        groups = (every[part] for part in blocks_of(len(ballots), self.together))
        found = [Vote(None)] * len(ballots)
        for places, votes in self.stream(groups, ballots):
            for place, vote in zip(places, votes, strict=True):
                found[place] = vote
        return found

    def stream(
        self, groups: Iterator[Sequence[int]], ballots: Sequence[Ballot]
    ) -> Iterator[tuple[Sequence[int], list[Vote]]]:
        """Yield votes as they come; see `Streaming`.

        Raises:
            ModelError: no server answers any more, or one can't be used, or ballot after ballot
                fails; the votes before were yielded.
        """
        if self._hope.end is not None:
            raise self._hope.end
        asked = ([(place, ballots[place]) for place in group] for group in groups)
        for said in self._fleet.carry(asked):
            yield [place for place, _ in said], [self._hope.heard(answer) for _, answer in said]
            if self._hope.end is not None:
                raise self._hope.end
