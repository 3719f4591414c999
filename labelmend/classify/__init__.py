"""Classifiers on mended labels: training, predicting, and proof that they got better."""
