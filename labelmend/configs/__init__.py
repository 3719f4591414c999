"""Profiles: what runs, with which models and settings."""
