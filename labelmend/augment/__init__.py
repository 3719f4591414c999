"""New texts for rare labels: drafts by an LLM, and a judge that lets few of them in."""
