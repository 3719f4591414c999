"""The files of a run: where they lie, what they say, and reading them back."""
