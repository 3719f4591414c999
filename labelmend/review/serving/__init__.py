"""The page over HTTP: who is let in, what may be sent, and what comes back."""
