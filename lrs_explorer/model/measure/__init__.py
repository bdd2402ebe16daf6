"""What pixels and spectra tell: trace, scatter, nods, bad pixels, errors, wavelengths."""
