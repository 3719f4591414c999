"""Several servers that run one model, and share what is to be asked."""
