"""What Triton's Python backend runs: copied into the repository, so nothing here imports labelmend.

A module here becomes a model's `model.py`. It needs numpy, tokenizers and onnxruntime at most.
"""
