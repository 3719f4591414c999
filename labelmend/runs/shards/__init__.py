"""The files of a run on a table in shards: written one by one, taken up again, and read back."""
