"""The main job: describe, suspect, vote, fuse, decide."""
