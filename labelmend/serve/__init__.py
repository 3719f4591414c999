"""Models behind HTTP: what arrives together is predicted together, and nothing is let through."""
