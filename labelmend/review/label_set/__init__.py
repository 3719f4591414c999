"""Work on the label set: what is confused with what, and edits that the next run applies."""
