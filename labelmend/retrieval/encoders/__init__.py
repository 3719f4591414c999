"""What encoders are wrapped in: the windows of long texts, the file of known vectors."""
