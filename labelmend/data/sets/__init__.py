"""Tables in which a row may have several labels."""
