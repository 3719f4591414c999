"""Which languages and scripts the texts of a table are in."""
