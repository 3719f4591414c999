"""Names that files keep and people read: they are told again as sentences are."""

from labelmend.voice.speak import meant

SOURCES = (
    meant("neighbour"),
    meant("classifier"),
    meant("lexical"),
    meant("prototype"),
    meant("description"),
    meant("reranker"),
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
