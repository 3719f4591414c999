"""Fine-tunes a sentence encoder on a table's texts and label descriptions."""
