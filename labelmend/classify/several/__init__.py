"""Classifiers of texts that may have several labels: a yes or no for each label."""
