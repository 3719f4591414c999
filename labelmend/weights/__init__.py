"""Where model files come from, whether they are here, and whether they are the pinned ones."""
