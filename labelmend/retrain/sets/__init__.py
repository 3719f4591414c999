"""Champion and challenger where a text may have several labels."""
