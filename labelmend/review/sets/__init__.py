"""The page where a row may have several labels: each is switched on and off by a key."""
