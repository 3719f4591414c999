"""labelmend mends the labels of noisy text-classification data with local models."""

__version__ = "0.1.0"
