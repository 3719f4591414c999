"""A fast student: static token vectors that imitate the encoders of a profile."""
