"""Which files belong together, what was done to them, what can be redone with them."""
