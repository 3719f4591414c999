"""Who is asked about the doubtful texts, and what their word weighs."""
