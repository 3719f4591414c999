"""What every page and service of ours has in common over HTTP: its types, tokens and socket."""
