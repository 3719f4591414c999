"""Settings of what is trained: classifiers on a mended table, and the encoder that is tuned."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Section, Share, at_least


@dataclass(frozen=True, config=CHECKED)
class LinearConfig(Section):
    """A linear classifier, in scikit-learn's words; its values were chosen by hand."""

    FORMER: ClassVar = {"inverse_regularization": "C", "max_iterations": "max_iter"}

    C: Annotated[float, at_least(1e-6)] = 10.0
    """Inverse strength of the regularization."""

    max_iter: Annotated[int, at_least(1, "iterations")] = 30
    """Iterations of the solver at most; it stops early as a rule, which regularizes too."""


@dataclass(frozen=True, config=CHECKED)
class LightgbmConfig(Section):
    """Gradient-boosted trees, in LightGBM's words, and the axes that they read; chosen by hand."""

    FORMER: ClassVar = {
        "rounds": "num_iterations",
        "leaves": "num_leaves",
        "feature_share": "feature_fraction",
        "row_share": "bagging_fraction",
        "least_rows": "min_data_in_leaf",
        "penalty": "lambda_l2",
    }

    components: Annotated[int, at_least(1, "axes")] = 100
    """Discriminant axes that the trees read."""

    num_iterations: Annotated[int, at_least(1, "trees")] = 40
    """Trees for each label."""

    learning_rate: Annotated[float, at_least(1e-6)] = 0.2
    """Share of a tree's scores that counts."""

    num_leaves: Annotated[int, at_least(2, "leaves")] = 8
    """Leaves of a tree at most."""

    feature_fraction: Share = 0.3
    """Share of the axes that a tree may read."""

    bagging_fraction: Share = 0.5
    """Share of the rows that a tree may read."""

    min_data_in_leaf: Annotated[int, at_least(1, "rows")] = 10
    """Rows in a leaf at least; a small table has smaller leaves."""

    lambda_l2: Annotated[float, at_least(0)] = 5.0
    """Penalty on the leaves' scores."""

    max_bin: Annotated[int, at_least(2, "bins")] = 63
    """Bins of each axis; LightGBM's own 255 take longer."""

    leaves_of_small_tables: Annotated[int, at_least(1)] = 20
    """A leaf needs no more rows than the table's divided by this."""

    shrinkage: Share = 0.1
    """Share that the covariance within labels is drawn towards a multiple of the identity, where
    the axes are learned."""


@dataclass(frozen=True, config=CHECKED)
class LoraConfig(Section):
    """Low-rank adapters (Hu et al. 2021) on weights that stay as they are; chosen by hand."""

    rank: Annotated[int, at_least(1)] = 16
    """Rank of each adapter."""

    alpha: Annotated[float, at_least(0)] = 32.0
    """Weight of the adapters: they count alpha / rank."""

    dropout: Share = 0.05
    """Share of what adapters read that is left out in training."""

    learning_rate: Annotated[float, at_least(0)] = 1e-3
    """Learning rate of the adapters."""


@dataclass(frozen=True, config=CHECKED)
class FinetuneConfig(Section):
    """A sentence encoder that learns with its classifier; its values were chosen by hand."""

    encoder: str = "all-MiniLM-L6-v2"
    """A name in models.yaml, or the path of a folder with torch weights."""

    method: Literal["full", "lora"] = "full"
    """`full` trains all weights, `lora` adapters."""

    lora: LoraConfig = LoraConfig()

    max_tokens: Annotated[int, at_least(8, "tokens")] = 128
    """Longer texts are cut to this."""

    epochs: Annotated[int, at_least(1, "epochs")] = 6
    """Times at most that each text is learned from; training stops once held-out texts get
    worse."""

    batch_size: Annotated[int, at_least(1, "texts")] = 32
    """Texts in one step."""

    learning_rate: Annotated[float, at_least(0)] = 1e-4
    """Learning rate of the method `full`."""

    warmup: Share = 0.1
    """Share of the steps in which the learning rate rises; it falls afterwards."""

    weight_decay: Annotated[float, at_least(0)] = 0.01
    """Weight decay of AdamW."""

    held_out: Annotated[float, Field(ge=0.01, le=1, json_schema_extra={"unit": "share"})] = 0.2
    """Share of the texts that is not trained on, but stops training and calibrates."""

    evaluations: Annotated[int, at_least(1, "evaluations")] = 1
    """Evaluations in an epoch; after each of them a training that was killed can resume."""

    patience: Annotated[int, at_least(1, "evaluations")] = 2
    """Evaluations in a row without a better one that end training."""

    balance: Share = 0.0
    """From 0, rows count as they are, to 1, every label counts the same: in the loss, texts count
    by the rows of their label to the power of -balance."""


@dataclass(frozen=True, config=CHECKED)
class StaticConfig(Section):
    """Static vectors that imitate encoders; chosen on the demo and CLINC150's validation rows."""

    dimensions: Annotated[int, at_least(2, "numbers")] = 256
    """Length of a vector."""

    words: Annotated[int, at_least(1000, "tokens")] = 30_000
    """Words of the table, and pieces of words, that have a vector at most."""

    encoder_words: Annotated[int, at_least(0, "tokens")] = 20_000
    """Further words that have one at most: they stand in no row, but in the encoders'
    vocabularies. The first training encodes them, which takes a minute; later ones find them in
    the cache."""

    pairs: Annotated[int, at_least(0, "pairs")] = 100_000
    """Pairs of neighbouring tokens that have a vector at most, the most frequent."""

    alpha: Annotated[float, at_least(1e-6)] = 0.3
    """Strength of the ridge, in scikit-learn's words: how much vectors keep to what the encoders
    say of a token by itself."""

    label_pull: Annotated[float, at_least(0)] = 1.0
    """Weight of the mean place of a label's texts beside a text's own place, where texts are to
    lie."""

    max_iter: Annotated[int, at_least(1, "iterations")] = 15
    """Iterations of the solver; it stops early, which regularizes too."""

    reference_texts: Annotated[int, at_least(1, "texts")] = 8000
    """In-scope texts kept to tell what is out of scope, at most: fewer than for other kinds, for
    comparing with them is what a prediction takes longest for."""


@dataclass(frozen=True, config=CHECKED)
class ClassifyConfig(Section):
    """The classifier that is trained on a mended table."""

    kind: str = "logreg"
    """Kind of the classifier, if no `--kind` is given."""

    folds: Annotated[int, at_least(2, "folds", most=100)] = 5
    """Folds of the held-out predictions that calibrate it, grouped by text."""

    components: Annotated[int, at_least(1, "components")] = 256
    """Principal components of the embeddings that it reads. Chosen by hand."""

    logreg: LinearConfig = LinearConfig()
    """Multinomial logistic regression."""

    linear_svm: LinearConfig = LinearConfig(C=1.0, max_iter=60)
    """One linear support vector machine a label, squared hinge loss."""

    lightgbm: LightgbmConfig = LightgbmConfig()

    finetune: FinetuneConfig = FinetuneConfig()

    static: StaticConfig = StaticConfig()

    oos_trust: Annotated[float, at_least(1e-6)] = 0.15
    """How soon the weights of the signs of out-of-scope leave equal weights: C of scikit-learn is
    this times the share of out-of-scope texts. Chosen by hand."""

    neighbours: Annotated[int, at_least(1, "texts")] = 3
    """Nearest in-scope texts whose mean similarity tells what is out of scope. Chosen by hand."""

    reference_texts: Annotated[int, at_least(1, "texts")] = 50_000
    """In-scope texts kept for that at most; of more, a sample is."""

    max_in_scope_loss: Share = 0.015
    """Share of the in-scope texts that may be lost to out-of-scope, if no other operating point is
    given."""

    batch_rows: Annotated[int, at_least(1, "texts")] = 1024
    """Texts predicted at a time: memory depends on it, and no outcome."""


@dataclass(frozen=True, config=CHECKED)
class TuneConfig(Section):
    """How a sentence encoder is fine-tuned; its values were chosen by hand."""

    encoder: str = ""
    """A name in models.yaml, or the path of a folder with torch weights: what is tuned where torch
    can run none of the profile's encoders; none if empty. `--embedder` names another."""

    loss: Literal["ranking", "pairwise"] = "ranking"
    """`ranking` sets the right label against all others of a step at once
    (MultipleNegativesRankingLoss), `pairwise` against each of them by itself."""

    epochs: Annotated[int, at_least(1, "epochs")] = 2
    """Times that each text is learned from."""

    batch_texts: Annotated[int, at_least(2, "texts")] = 64
    """Texts in one step."""

    layers: Annotated[int, at_least(1, "layers")] = 2
    """Layers of the encoder that are tuned, from the last one; token embeddings never are."""

    learning_rate: Annotated[float, at_least(0)] = 4e-4
    """Learning rate of AdamW, at its highest."""

    warmup: Share = 0.1
    """Share of the steps in which the learning rate rises; then it falls to 0."""

    weight_decay: Annotated[float, at_least(0)] = 0.01
    """Weight decay of AdamW; the default is that of torch."""

    max_grad_norm: Annotated[float, at_least(1e-6)] = 1.0
    """Length that a step's gradient is cut to; the default is that of transformers."""

    scale: Annotated[float, at_least(0)] = 20.0
    """Factor of the cosines in the loss."""

    negatives: Annotated[int, at_least(0, "labels")] = 3
    """Nearest wrong labels that a text is set against, beside those of the step."""

    partner_weight: Annotated[float, at_least(0)] = 0.5
    """Weight of the loss on pairs of texts that share a label; that on texts and descriptions is
    1."""

    held_out: Share = 0.15
    """Share of each label's texts that is kept for measuring."""

    held_out_confidence: Share = 0.9
    """Probability that the label of a held-out text must have for recall to be measured on it."""

    checkpoint_steps: Annotated[int, at_least(1, "steps")] = 10
    """Steps after which an interrupted tuning can go on."""
