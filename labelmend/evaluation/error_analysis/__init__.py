"""Which kind of error stands behind a label: see `analysis`."""
