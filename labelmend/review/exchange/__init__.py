"""Rows of a review in other people's tools, and their answers back: one module a tool."""
