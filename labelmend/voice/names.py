"""Names that files keep and people read: they are told again as sentences are."""

from labelmend.voice.speak import meant

SOURCES = (
    meant("neighbour"),
    meant("classifier"),
    meant("lexical"),
    meant("prototype"),
    meant("description"),
    meant("card"),
    meant("self-training"),
    meant("reranker"),
    meant("reranker_oos"),
    meant("oos"),
    meant("channel"),
    meant("out-of-scope bias"),
)
"""Sources of evidence, and what speaks beside them; those of voters are the names of models."""

VERDICTS = (
    meant("better"),
    meant("worse"),
    meant("no difference shown"),
)
"""On classifiers, in comparison.json."""

CONDITIONS = (meant("as given"), meant("mended"), meant("gold"), meant("augmented"))
"""Labels that classifiers are trained on."""

ROLES = (
    *(meant("before"), meant("after"), meant("test")),
    *(meant("encoder"), meant("encoder{number:d}"), meant("describer"), meant("voter {model}")),
)
"""Of tables and models; `gold` is one too, and so are some sources of evidence."""

STAGES = (
    *(meant("embed"), meant("neighbours"), meant("describe"), meant("describe labels")),
    *(meant("index"), meant("candidates"), meant("learnability"), meant("rounds")),
    *(meant("rounds: channel"), meant("rounds: prototypes"), meant("rounds: weights")),
    *(meant("candidates: {source:name}"), meant("rounds: {source:name}")),
    *(meant("escalate"), meant("escalate: {source:name}"), meant("vote {model}")),
    *(meant("decide"), meant("answers"), meant("self-test"), meant("embed texts")),
)
"""Of a run, whose times are told."""

OUT_OF_SCOPE = (meant("oos texts"), meant("left-out labels"), meant("equal weights"))
"""What the weights of the signs of out-of-scope were learned from."""

ROWS = (meant("row {row:d}"), meant("rows {rows}"), meant("rows {rows} and {more:d} more"))
"""Which rows a note is about: see `labelmend.errors.row_list`."""

DECISIONS = (meant("keep"), meant("change"), meant("review"), meant("label"), meant("answered"))
"""As tables have them."""
