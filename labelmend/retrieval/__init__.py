"""Candidate labels for a row: BM25, descriptions, prototypes, neighbours, and the reranker."""
