"""Views and controls: plain values in, domain values out."""
