"""What has drifted, for people: in words, and as a page."""
