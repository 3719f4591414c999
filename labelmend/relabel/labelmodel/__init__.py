"""Noise channel, fusion, rounds and decisions."""
