"""Slitless time series: images of all integrations, light curves, outliers, motion, and runs."""
