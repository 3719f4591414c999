"""What a run says of itself: the label set, explanations, the self-test."""
