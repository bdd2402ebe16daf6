"""What the user chose, and when each part of it acts."""
