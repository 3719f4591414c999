"""Voters whose ballots are shared: by servers that run one model, or by processes that hold it."""
