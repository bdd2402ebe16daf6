"""Runs of the pipeline: what must be redone for a recipe, where, and what is kept of it."""
