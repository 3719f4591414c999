"""Fine-tuning: an encoder that learns with its classifier, and the loop that trains it."""
