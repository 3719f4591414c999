"""What is mounted beside predictions where a log is kept: feedback, and what has drifted."""
