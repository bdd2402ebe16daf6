"""One recipe over many observations, here or on a cluster."""
