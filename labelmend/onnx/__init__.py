"""Classifiers and encoders as ONNX, and the check that they predict the same."""
