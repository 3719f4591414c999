"""Local and served LLMs: loading, ballots, voters, and the store of what they said."""
