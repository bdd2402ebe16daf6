"""Detector pixels behind an image: where they went, which are bad, which stand out."""
