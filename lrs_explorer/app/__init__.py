"""What is on the screen, and what the user does to it."""
