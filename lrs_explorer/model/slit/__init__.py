"""The slit and the source in it: its place, target acquisition, and what each position means."""
