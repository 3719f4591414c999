"""The sources of evidence, a file each."""
