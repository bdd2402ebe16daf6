"""Files on disk: what they are, what is in them, and what belongs together."""
