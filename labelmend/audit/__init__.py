"""Audits: which rows a person looks at, and what their answers prove of the whole table."""
