"""Settings of the label model: how evidence becomes a posterior, and a posterior a decision."""

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Many, Section, Share, at_least

_SOME = 1e-6
"""Least value of what divides: as good as 0, and no 0."""

_MOST_SIMILAR = 127
"""A label's place among the similar ones is kept in 8 bits."""


@dataclass(frozen=True, config=CHECKED)
class ChannelConfig(Section):
    """How the noise channel, P(given label | true label), is learned; chosen by hand."""

    anchors: Share = 0.5
    """Share of each label's texts, the most decisive ones, that the channel is learned from. More
    of them mend more of some tables and break more labels of others."""

    similar_labels: Annotated[int, at_least(1, "labels", most=_MOST_SIMILAR)] = 10
    """Labels that errors of a label are taken to fall on more often, and half of the others at
    most: if all were similar, errors that scatter could not be told from errors among
    neighbours."""

    prior_right: Annotated[float, at_least(_SOME, "labels")] = 9.0
    """Right labels that the keep rate starts with, before any data."""

    prior_wrong: Annotated[float, at_least(_SOME, "labels")] = 1.0
    """Wrong labels that it starts with."""

    share_penalty: Annotated[float, at_least(0)] = 0.1
    """Precision of the normal prior on the logits of the shares of errors that go to similar labels
    and to out-of-scope."""

    prior_inverse_temperature: Annotated[float, at_least(_SOME)] = 10.0
    """Median of the log-normal prior (sd 1) on how much more a label is confused with those most
    similar to it, by a unit of cosine similarity."""

    pair_strengths: Many[Annotated[float, at_least(_SOME, "labels")]] = (1000.0, 200.0, 50.0, 15.0)
    """Strengths that are tried of the prior on each label's errors, beside errors that know no
    pairs: the one that predicts the anchors' labels best is taken."""

    label_strengths: Many[Annotated[float, at_least(_SOME, "labels")]] = (100.0, 20.0)
    """Strengths that are tried of the prior on each label's keep rate, beside one rate for all."""

    min_gain: Annotated[float, at_least(0, "nats")] = 2.0
    """By this much a more flexible channel must predict better to be taken."""


@dataclass(frozen=True, config=CHECKED)
class FusionConfig(Section):
    """How evidence becomes a posterior."""

    method: Literal["noisy-channel", "majority"] = "noisy-channel"
    """`noisy-channel` is ours; `majority` reproduces the reference pipeline."""

    rounds: Annotated[int, at_least(1, "rounds")] = 4
    """Times at most that supervised evidence learns from the posterior's labels. Chosen on the
    seeds 100 to 104 of benchmarks/correction.py."""

    converged: Annotated[float, at_least(0)] = 0.001
    """Mean change of a text's posterior below which no further round is worth its time. Chosen by
    hand."""

    first_passes: Annotated[int, at_least(1, "passes")] = 3
    """Times that channel and weights are learned in turn in the first round. Chosen by hand."""

    later_passes: Annotated[int, at_least(1, "passes")] = 2
    """The same in later rounds. Chosen by hand."""

    min_membership: Share = 0.02
    """Posterior mass below this carries no label into the next round. Chosen by hand."""

    reinforcement: Annotated[float, at_least(0, most=1)] = 0.15
    """By this much, times the squared share of errors that go to similar labels, evidence of later
    rounds counts less than its likelihood asks for: it has learned from labels that the text's own
    given label helped to settle. Chosen on the seeds 100 to 104 of benchmarks/correction.py."""

    learn_from: Annotated[int, at_least(1, "texts")] = 10_000
    """Texts, drawn at random, that the weights are learned from at most. Chosen by hand: a handful
    of numbers needs no more."""

    prior_weight: Annotated[float, at_least(0)] = 0.5
    """Weight of evidence of unit spread before any data. Chosen by hand."""

    weight_penalty: Annotated[float, at_least(0)] = 1.0
    """Precision of the normal prior on the weight of evidence of unit spread. Chosen by hand."""

    routed_weight_penalty: Annotated[float, at_least(0)] = 10.0
    """The same precision for escalated sources, which are heard on few rows. Chosen by hand."""

    routed_first_weight: Annotated[float, at_least(0)] = 0.12
    """Where the search for that weight begins. Chosen by hand."""

    min_routed_say: Annotated[float, at_least(0, "nats")] = 0.05
    """By this much the reranker, or another source that is no voter and hears some rows only, must
    move a log-score, as the audit weighs it, to be asked about doubtful rows. Chosen by hand."""

    max_iterations: Annotated[int, at_least(1, "iterations")] = 200
    """Iterations at most of the optimiser that learns the weights."""

    max_oos_bias: Annotated[float, at_least(0, "nats")] = 8.0
    """The leaning towards out-of-scope, or away from it, at most. Chosen by hand."""

    source_errors: Share = 0.0012
    """Share of well-labelled texts on which even decisive evidence is wrong, or a person would call
    the label doubtful. Chosen on the seeds 100 to 104 of benchmarks/correction.py."""

    unseen_source_errors: Annotated[float, at_least(0, "texts")] = 0.5
    """Source errors that are added to those among the anchors, however few these are: ten anchors
    can't tell that one text in a thousand misleads. The default is Jeffreys' prior."""

    max_source_errors: Share = 0.95
    """Share of contradictions that are taken for source errors at most: a table too small or too
    clean to show any noise still has some. Chosen by hand."""

    oos_threshold: Share = 0.0
    """A best reranker probability below this means out-of-scope; for `majority` only."""

    channel: ChannelConfig = ChannelConfig()


@dataclass(frozen=True, config=CHECKED)
class SelfTrainingConfig(Section):
    """How texts are labelled from label cards, where few of them or none were given a label.

    The weights were chosen on CLINC150 with the encoders of the profile `embedded`.
    """

    few_rows: Annotated[float, at_least(0, "texts")] = 10.0
    """Labelled texts a label, on average, below which they are too few to learn from alone, where
    most texts have no label. Chosen by hand."""

    rounds: Annotated[int, at_least(1, "rounds")] = 12
    """Rounds at most in which prototypes and labels are learned in turn."""

    settled: Annotated[float, at_least(0)] = 0.002
    """Mean change of a text's probabilities, all labels together, at which the rounds end."""

    first_nats: Annotated[float, at_least(0, "nats")] = 22.5
    """What one unit of cosine to a card says before there are prototypes."""

    card_nats: Annotated[float, at_least(0, "nats")] = 7.5
    """The same beside prototypes."""

    text_nats: Annotated[float, at_least(0, "nats")] = 20.0
    """What one unit of cosine to a prototype says."""

    card_texts: Annotated[float, at_least(0, "texts")] = 8.0
    """Texts that a card counts as in its label's prototype."""

    balance: Annotated[float, at_least(0, most=1)] = 0.9
    """Part of the way to labels of even shares, where nothing speaks against these."""

    attraction: Annotated[float, at_least(0, "nats")] = 0.06
    """Of labels that are equally frequent, by how much cards make their shares uneven: the entropy
    that is lacking to even ones. More than that is taken for uneven labels."""


@dataclass(frozen=True, config=CHECKED)
class VotesConfig(Section):
    """How LLM votes are made and weighed; its values were chosen by hand."""

    surest_texts: Annotated[int, at_least(1, "texts")] = 40
    """Texts of a label, the surest, that the exemplars of its ballots are spread over."""

    unbiased_texts: Annotated[float, at_least(_SOME, "texts")] = 10.0
    """Texts without a liking for the label that each label starts with, when a voter's likings are
    taken out of its votes: what few texts say counts little."""

    undecided_texts: Annotated[float, at_least(0, "texts")] = 10.0
    """Texts that may carry any label of their ballot, which each voter starts with when it is
    weighed: on a few texts a voter is right by chance."""

    max_weight: Annotated[float, at_least(0)] = 1.0
    """Weight of a voter's log-probabilities at most; at 1 they count as they are."""


@dataclass(frozen=True, config=CHECKED)
class DecisionConfig(Section):
    """The harm budget."""

    max_harm: Share = 0.005
    """Share of the good labels that may be broken."""

    max_row_harm: Share = 0.5
    """A row whose given label is more probable than this is not changed. Chosen on the noise seeds
    100 and 101."""

    spend: Share = 0.8
    """Part of the budget that is spent: the posterior can be a little surer than the truth bears
    out. A budget of 1 is none, and spent whole. Chosen on the seeds 100 to 104 of
    benchmarks/correction.py."""

    min_lead: Annotated[float, at_least(0)] = 1.25
    """Times that a new label has to be as probable as the next one: a text that fits two labels,
    neither of them the given one, is a question for a person. Chosen by hand."""

    min_confidence: Share = 0.5
    """A label is written only with at least this posterior."""

    fill_all: bool = False
    """Give rows without a label the most probable one even where they are for review."""

    review_below: Share = 0.5
    """Unchanged rows whose given label is less probable than this go to review."""


@dataclass(frozen=True, config=CHECKED)
class DoubtConfig(Section):
    """How far evidence is trusted where nobody has answered, and the interval of the noise rate.

    Trust hangs on the share of the contradictions at the anchors (see fusion.channel.anchors) that
    are the evidence's own errors, by its own doubt there.
    """

    weak_from: Annotated[float, at_least(_SOME, "share", most=1)] = 0.1
    """Share of the contradictions at the anchors that are the evidence's own errors, at which it is
    half trusted. Three times what is met where noise does not depend on difficulty (at most 0.033
    on the seeds 100 and 101 of benchmarks/correction.py); the tables of benchmarks/real_noise.py,
    all above 0.2, had been seen as well, so they are no test of it."""

    sharpness: Annotated[float, at_least(1)] = 4.0
    """How suddenly trust ends there: with this power of that share. Chosen by hand: trust is as
    good as whole at a third of that share, and as good as gone at three times it."""

    margin: Annotated[float, at_least(1)] = 1.25
    """Weak evidence is taken to err more often than it says by this. Compared with 1 and 1.5
    by the truth of the tables of benchmarks/real_noise.py, which are no test of it."""

    own_doubt: Annotated[float, at_least(1)] = 6.0
    """A text on which weak evidence is very sure is exempt: its label counts as right at most with
    this many times the evidence's doubt of the text, divided by the anchors' contradictions.
    Compared with 1 to 10 by the truth of the tables of benchmarks/real_noise.py, which are no test
    of it."""

    most: Share = 0.5
    """A label that decisive evidence contradicts is taken to be right at most this often: in a tie
    of the two nobody knows."""

    standard_errors: Annotated[float, at_least(0, "standard errors")] = 2.0
    """By so many the interval of the noise rate is wider than its two extremes: the anchors are a
    sample."""

    encoded_texts: Annotated[int, at_least(1, "texts")] = 2000
    """Texts at most in which words are looked for that the encoder doesn't know, where the evidence
    is weak."""


@dataclass(frozen=True, config=CHECKED)
class DiagnosticsConfig(Section):
    """When a run speaks up about its labels, the label set or itself; chosen by hand."""

    tested_from: Annotated[int, at_least(2, "texts")] = 50
    """Labelled texts from which on the labels are put to the test; fewer can't fail it for
    certain."""

    neighbour_sharpness: Annotated[float, at_least(0, "nats")] = 20.0
    """A neighbour counts more by this for one unit of cosine similarity."""

    min_errors: Annotated[float, at_least(0, "standard errors")] = 3.0
    """The neighbours' agreement has to stand above chance by this for labels to be trusted."""

    min_agreement: Share = 0.01
    """Agreement above chance, 1 for perfect, below which labels are not worth learning from,
    however certain it is."""

    min_rows: Annotated[int, at_least(1, "rows")] = 5
    """Rows of a label below which it is not called mostly wrong."""

    merge_rows: Annotated[int, at_least(2, "rows")] = 15
    """Rows of each of two labels below which nothing is said of merging them: of ten rows each,
    close but different labels can look mixed by chance."""

    merge_inside: Share = 0.4
    """Share of a label's neighbours that must lie in the pair, for two labels to be one."""

    merge_below: Annotated[float, at_least(-1, most=1)] = 0.45
    """Assortativity of a pair of labels, at its upper bound, below which they may be one."""

    merge_below_median: Annotated[float, at_least(0)] = 0.5
    """The same, as a share of the median pair's: noise makes all pairs look alike."""

    split_share: Annotated[float, at_least(0, "share", most=0.5)] = 0.25
    """Share of a label's texts in the smaller part at least, for the label to be two."""

    split_rows: Annotated[int, at_least(1, "texts")] = 10
    """Texts in the smaller part at least."""

    split_degree: Annotated[float, at_least(0, "neighbours")] = 10.0
    """Neighbours that a label's texts must have among each other on average: sparser graphs fall
    apart by chance."""

    split_cut: Annotated[float, at_least(0)] = 0.12
    """Edges between the parts at most, as a share of what chance would put there."""

    self_test_rate: Annotated[float, at_least(_SOME, "share", most=1)] = 0.01
    """Rate of the errors that the self-test draws where the data seem to have none."""


@dataclass(frozen=True, config=CHECKED)
class CorrectionConfig(Section):
    """What is learned from people's answers; its values were chosen by hand.

    The widths of the priors come in sets: the first of each list belong together, and so on. Each
    set predicts the answers out of fold, and they are mixed as their predictions deserve.
    """

    min_answers: Annotated[int, at_least(2, "texts")] = 20
    """Answered texts below which the others learn nothing from them: there is too little to tell
    what was learned from chance."""

    folds: Annotated[int, at_least(2, "folds", most=100)] = 5
    """Parts into which the answers are cut; each is predicted from the others."""

    label_spreads: Many[Annotated[float, at_least(0, "nats")]] = (0.3, 0.5, 1.0, 1.0)
    """Prior spreads of a label's leaning."""

    pair_spreads: Many[Annotated[float, at_least(0, "nats")]] = (0.0, 0.5, 1.0, 1.5)
    """Prior spreads of the leaning of a given label towards another one."""

    text_spreads: Many[Annotated[float, at_least(0, "nats")]] = (0.0, 1.0, 3.0, 6.0)
    """Prior spreads of what the place of a text in the embedding space says of a label."""

    source_spread: Annotated[float, at_least(0, "nats")] = 0.3
    """Prior spread of the weight of a source's scores, beside what the fusion makes of them."""

    def __post_init__(self) -> None:
        """Check that the lists are of one length."""
        lengths = {len(self.label_spreads), len(self.pair_spreads), len(self.text_spreads)}
        if len(lengths) > 1 or not self.text_spreads:
            raise ValueError(
                "text_spreads: label_spreads, pair_spreads and text_spreads belong together: give "
                "each as many values, one at least"
            )
