"""Tables whose rows have a share, from 0 to 1, for each of some targets."""
