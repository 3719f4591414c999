"""Reports on tables in which a row may have several labels."""
