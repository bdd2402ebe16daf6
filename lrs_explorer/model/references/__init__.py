"""Which CRDS is asked, and which reference files it gives."""
