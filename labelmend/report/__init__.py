"""The report: what was changed, whether it was right, and whether the classifier got better."""
