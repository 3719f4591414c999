"""What is logged of a training or a comparison on an experiment server."""
