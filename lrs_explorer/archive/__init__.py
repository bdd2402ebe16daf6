"""Observations from MAST, the archive of JWST."""
