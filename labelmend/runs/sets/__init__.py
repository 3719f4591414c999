"""What a run leaves of a table with several labels a row."""
