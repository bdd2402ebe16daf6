"""When, and from which thread, widgets may be touched."""
