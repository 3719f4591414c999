"""Tables in and out, and seeded label noise for evaluation."""
