"""One module a command: files in, files out."""
