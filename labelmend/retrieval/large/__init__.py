"""What tables need that are larger than memory."""
