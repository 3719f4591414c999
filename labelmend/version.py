"""The version, by itself so that anything may read it."""

__version__ = "0.1.0"
