"""Edits of a label set: renamed, merged, split and described labels, and what follows from them."""
