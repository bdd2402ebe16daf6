"""Arrays and what belongs to them: units, flags, orientation, errors, the instrument's numbers."""
