"""Classifiers of soft targets: a share from 0 to 1 for each of some targets, of texts or pairs."""
