"""What a run writes: whose files it may replace, and how several of them appear together."""
