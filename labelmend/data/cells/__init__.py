"""Cells with labels: what they hold, however it is written."""
