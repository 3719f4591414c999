"""Tables with several labels a row: for each text and each label, whether it holds."""
