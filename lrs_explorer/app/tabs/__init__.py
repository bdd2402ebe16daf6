"""A tab of the explorer each: its panel, its model, and what leads from one to the other."""
