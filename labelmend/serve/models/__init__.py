"""Models that are served: how they are opened, what they say, and how another takes their place."""
