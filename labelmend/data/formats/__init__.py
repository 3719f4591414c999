"""Formats of tables: one file a format. `base.py` is the seam, `find.py` finds them."""
