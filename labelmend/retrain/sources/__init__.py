"""Where new rows come from: folders, files, databases, the log of a served model."""
