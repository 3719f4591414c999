"""Pictures of where the errors are, a map and a matrix, and the rows that a person picks there."""
