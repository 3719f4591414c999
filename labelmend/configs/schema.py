"""The configuration as frozen dataclasses. The values live in the YAML profiles beside this file.

No field has a default: `embedded.yaml` is complete, and every other profile extends one that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class DataConfig:
    """How rows are read.

    Attributes:
        max_text_chars: longer texts are cut to this for the models; the table keeps them whole.
        oos_labels: names (case-folded) that mean "fits no label", if no `--oos-label` is given.
    """

    max_text_chars: int
    oos_labels: tuple[str, ...]


@dataclass(frozen=True)
class EncoderConfig:
    """One sentence encoder.

    Attributes:
        backend: the library that runs it.
        model: a name in models.yaml, or a local folder.
        batch_size: texts a forward pass; `onnx` reads them singly whatever this says.
        max_tokens: longer texts are cut.
        query_prefix: put before each row's text, such as an e5 model's "query: ".
        cache: keep embeddings on disk for later runs, under hashes of the texts.
        cache_gib: of disk at most; the models not used for longest go first.
    """

    backend: Literal["sentence-transformers", "onnx"]
    model: str
    batch_size: int
    max_tokens: int
    query_prefix: str
    cache: bool
    cache_gib: float


@dataclass(frozen=True)
class SourceConfig:
    """A source of evidence that is switched on.

    Attributes:
        weight: of its ranking in the reciprocal rank fusion that picks the candidates.
        speaks: whether its scores are evidence, too.
        options: its own settings.
    """

    weight: float
    speaks: bool
    options: Mapping[str, Any]


@dataclass(frozen=True)
class RetrievalConfig:
    """Candidate labels.

    Attributes:
        candidates: labels kept a row, the given one and oos among them.
        neighbours: nearest texts that are looked at.
        tail_samples: labels drawn at random to stand for all that are no candidates.
        rank_constant: of reciprocal rank fusion.
        block_rows: rows worked on at a time.
    """

    candidates: int
    neighbours: int
    tail_samples: int
    rank_constant: float
    block_rows: int


@dataclass(frozen=True)
class RerankerConfig:
    """The cross-encoder.

    Attributes:
        backend: the library that runs it; `none` goes without.
        model: a name in models.yaml, or a local folder.
        candidates: labels a routed row whose descriptions it reads.
        batch_size: pairs a forward pass.
        max_tokens: longer pairs are cut.
        max_rows: at most so many rows are reranked besides the audit, the most doubtful first; -1
            for all.
    """

    backend: Literal["onnx", "flag", "cross-encoder", "none"]
    model: str
    candidates: int
    batch_size: int
    max_tokens: int
    max_rows: int


@dataclass(frozen=True)
class DescribeConfig:
    """How labels are described.

    Attributes:
        model: the GGUF that writes descriptions, a name in models.yaml or a path; empty for none.
        examples: texts nearest the prototype that the prompt shows.
        exemplars: texts kept with each label, for retrieval.
        max_tokens: of a description.
        context_tokens: of the model.
        threads: of the processor that work on it; 0 for all cores that this process may use.
        gpu_layers: layers put on the GPU; -1 for all.
    """

    model: str
    examples: int
    exemplars: int
    max_tokens: int
    context_tokens: int
    threads: int
    gpu_layers: int


@dataclass(frozen=True)
class ServerConfig:
    """An OpenAI-compatible server that runs a voter's model.

    Attributes:
        url: its base, such as http://localhost:8000/v1.
        api_key_env: the environment variable that holds its API key; empty for none.
        requests: asked at a time.
        per_minute: requests a minute at most; 0 for no limit.
        timeout_s: seconds until an answer is given up.
        retries: of a request that failed by the server's fault; without an answer in time there
            is one at most.
        chat: ask choice ballots in the model's chat template.
        top_logprobs: likeliest replies that are told with their log-probabilities; many servers
            tell 20 at most.
        start: put before a prompt that is no chat, such as a begin token that the server needs.
    """

    url: str
    api_key_env: str
    requests: int
    per_minute: int
    timeout_s: float
    retries: int
    chat: bool
    top_logprobs: int
    start: str


@dataclass(frozen=True)
class VoterConfig:
    """One LLM.

    Attributes:
        model: a GGUF, a name in models.yaml or a path; with a server, the name it has there.
        ballot: `channel` scores the text given the label; `choice` picks a letter.
        candidates: labels on a ballot.
        exemplars: texts shown with each label.
        permutations: orders in which a choice ballot shows its candidates (position bias).
        context_tokens: of the KV cache.
        batch_tokens: decoded at a time; few at a time would change the votes.
        threads: of the processor that work on it; 0 for all cores that this process may use.
        gpu_layers: layers put on the GPU; -1 for all.
        server: where the model runs; null for this process.
    """

    model: str
    ballot: Literal["channel", "choice"]
    candidates: int
    exemplars: int
    permutations: int
    context_tokens: int
    batch_tokens: int
    threads: int
    gpu_layers: int
    server: ServerConfig | None


@dataclass(frozen=True)
class RoutingConfig:
    """Which rows reach the reranker and the voters.

    Attributes:
        settled: rows whose best posterior is at least this need no vote.
        audit_rows: rows drawn at random whatever their posterior: the reranker's weights come from
            them, and on them voters are held to chance.
        llm_rows: at most so many rows reach the voters besides the audit; -1 for all, whatever
            `llm_share` says.
        llm_share: of all rows, that reach the voters at most, the audit with them.
        llm_minutes: that all voters together take at most; 0 for no limit.
        cut_below: a ballot's list ends where all that would follow have together less than this
            share of its probability, by the evidence; 0 for never.
    """

    settled: float
    audit_rows: int
    llm_rows: int
    llm_share: float
    llm_minutes: float
    cut_below: float


@dataclass(frozen=True)
class FusionConfig:
    """How evidence becomes a posterior.

    Attributes:
        method: `noisy-channel` is ours; `majority` reproduces the reference pipeline.
        rounds: times at most that supervised evidence learns from the posterior's labels.
        weight_penalty: precision of the normal prior on the weight of evidence of unit spread.
        routed_weight_penalty: the same for the reranker, which was heard on few rows.
        max_iterations: of the optimiser.
        oos_threshold: `majority` only: a best reranker probability below this means oos.
    """

    method: Literal["noisy-channel", "majority"]
    rounds: int
    weight_penalty: float
    routed_weight_penalty: float
    max_iterations: int
    oos_threshold: float


@dataclass(frozen=True)
class DecisionConfig:
    """The harm budget.

    Attributes:
        max_harm: share of the good labels that may be broken.
        max_row_harm: a row whose given label is more probable than this is not changed.
        min_confidence: a label is written only with at least this posterior.
        review_below: unchanged rows whose given label is less probable than this go to review.
    """

    max_harm: float
    max_row_harm: float
    min_confidence: float
    review_below: float


@dataclass(frozen=True)
class LinearConfig:
    """A linear classifier.

    Attributes:
        inverse_regularization: scikit-learn's C.
        max_iterations: of the solver.
    """

    inverse_regularization: float
    max_iterations: int


@dataclass(frozen=True)
class LightgbmConfig:
    """Gradient-boosted trees; LightGBM's own names stand in brackets.

    Attributes:
        components: discriminant axes that the trees read.
        rounds: trees a label.
        learning_rate: of each tree.
        leaves: of a tree (num_leaves).
        feature_share: axes that a tree may read (feature_fraction).
        row_share: rows that a tree may read (bagging_fraction).
        least_rows: in a leaf (min_data_in_leaf).
        penalty: on the leaves' scores (lambda_l2).
    """

    components: int
    rounds: int
    learning_rate: float
    leaves: int
    feature_share: float
    row_share: float
    least_rows: int
    penalty: float


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters (Hu et al. 2021); the encoder's own weights stay as they are.

    Attributes:
        rank: of each adapter.
        alpha: adapters count alpha / rank.
        dropout: of what adapters read.
        learning_rate: of the adapters.
    """

    rank: int
    alpha: float
    dropout: float
    learning_rate: float


@dataclass(frozen=True)
class FinetuneConfig:
    """A sentence encoder that learns with its classifier.

    Attributes:
        encoder: a name of models.yaml, or the path of a folder with torch weights.
        method: `full` trains all weights, `lora` adapters.
        lora: the adapters.
        max_tokens: longer texts are cut to this.
        epochs: at most; training stops early once held-out texts get worse.
        batch_size: texts a step.
        learning_rate: of `full`.
        warmup: share of the steps in which the learning rate rises; it falls afterwards.
        weight_decay: AdamW's.
        held_out: share of the texts that is not trained on, but stops training and calibrates.
        evaluations: an epoch; after each of them a training that was killed can resume.
        patience: evaluations in a row without a better one that end training.
        balance: 0, rows count as they are, to 1, every label counts the same (in the loss, texts
            count by the rows of their label to the power of -balance).
    """

    encoder: str
    method: Literal["full", "lora"]
    lora: LoraConfig
    max_tokens: int
    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    held_out: float
    evaluations: int
    patience: int
    balance: float


@dataclass(frozen=True)
class ClassifyConfig:
    """The classifier that is trained on a mended table.

    Attributes:
        kind: of the classifier, if no `--kind` is given.
        folds: of the held-out predictions that calibrate it, grouped by text.
        components: principal components of the embeddings that it reads.
        logreg: multinomial logistic regression.
        linear_svm: one linear support vector machine a label, squared hinge loss.
        lightgbm: gradient-boosted trees.
        finetune: a linear classifier whose encoder learns too.
        neighbours: nearest in-scope texts whose mean similarity tells what is out of scope.
        reference_texts: in-scope texts kept for that at most; more are sampled.
        max_in_scope_loss: share of in-scope texts that may be lost to out-of-scope, if no other
            operating point is given.
        batch_rows: texts predicted at a time.
    """

    kind: Literal["logreg", "linear-svm", "lightgbm", "finetune"]
    folds: int
    components: int
    logreg: LinearConfig
    linear_svm: LinearConfig
    lightgbm: LightgbmConfig
    finetune: FinetuneConfig
    neighbours: int
    reference_texts: int
    max_in_scope_loss: float
    batch_rows: int


@dataclass(frozen=True)
class TuneConfig:
    """How a sentence encoder is fine-tuned.

    Attributes:
        loss: `ranking` sets the right label against all others of a step at once
            (MultipleNegativesRankingLoss), `pairwise` against each of them by itself.
        epochs: times that each text is learned from.
        batch_texts: texts a step.
        layers: of the encoder that are tuned, from the last one; token embeddings never are.
        learning_rate: of AdamW, at its highest.
        warmup: share of the steps in which the learning rate rises; then it falls to 0.
        scale: what cosines are multiplied by in the loss.
        negatives: nearest wrong labels that a text is set against, beside those of the step.
        partner_weight: of the loss on pairs of texts that share a label; that on texts and
            descriptions weighs 1.
        held_out: share of each label's texts that is kept for measuring.
        held_out_confidence: recall is measured on held-out texts whose label is so probable.
        checkpoint_steps: steps after which an interrupted tuning can go on.
    """

    loss: Literal["ranking", "pairwise"]
    epochs: int
    batch_texts: int
    layers: int
    learning_rate: float
    warmup: float
    scale: float
    negatives: int
    partner_weight: float
    held_out: float
    held_out_confidence: float
    checkpoint_steps: int


@dataclass(frozen=True)
class Config:
    """One run's whole configuration.

    `encoders` are at least one; their vectors are joined into one space. `voters` may be none.
    """

    profile: str
    seed: int
    data: DataConfig
    encoders: tuple[EncoderConfig, ...]
    retrieval: RetrievalConfig
    evidence: Mapping[str, SourceConfig]
    reranker: RerankerConfig
    describe: DescribeConfig
    voters: tuple[VoterConfig, ...]
    routing: RoutingConfig
    fusion: FusionConfig
    decision: DecisionConfig
    classify: ClassifyConfig
    tune: TuneConfig
