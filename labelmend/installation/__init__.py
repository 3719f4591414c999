"""What there is on this machine: packages, processor, folders. Nothing heavy is imported."""
