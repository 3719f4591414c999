"""Is a classifier better for the mended labels? Trainings, metrics, tests, peers."""
