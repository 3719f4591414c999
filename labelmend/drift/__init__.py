"""Whether what a model is asked today is still what it was trained on."""
