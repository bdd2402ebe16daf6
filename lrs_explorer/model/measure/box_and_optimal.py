"""Box and optimal extraction of the same image: where they disagree beyond their errors.

Both see the same noise, so their difference is quieter than either. Where the optimal one has the
least variance that is possible, the variance of the difference is the difference of the variances
(Hausman 1978, Econometrica 46, 1251); whatever scatters more than that raises the errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.nods import SpectrumComparison, compare_spectra

__all__ = ["compare_extractions"]

LEAST: Final = 0.1
"""Of the error of the optimal flux: profiles are not known well enough to share all noise."""


def compare_extractions(box: Spectrum, optimal: Spectrum) -> SpectrumComparison:
    """Compare an optimal extraction with a box extraction, 5.5 to 11.5 micron.

    Parameters
    ----------
    box, optimal : Spectrum
        Of the same image.

    Returns
    -------
    SpectrumComparison
        Optimal over box; ``odd`` are wavelengths at which they disagree, such as those of bad
        pixels, which the fit of a profile leaves out or a box does not.

    Raises
    ------
    LRSExplorerError
        They have too few wavelengths in common.
    """
    quoted = np.interp(box.wavelength, optimal.wavelength, optimal.flux_error)
    difference = np.sqrt(np.abs(box.flux_error**2 - quoted**2) + (LEAST * quoted) ** 2)
    error = np.empty(len(difference))
    error[np.argsort(box.columns["WAVELENGTH"], kind="stable")] = difference
    # All of it in one of the two, so that it counts once.
    first = replace(box, columns={**box.columns, "FLUX_ERROR": error})
    tiny = 1e-3 * optimal.columns["FLUX_ERROR"]
    second = replace(optimal, columns={**optimal.columns, "FLUX_ERROR": tiny})
    return compare_spectra(first, second, ("box extraction", "optimal extraction"))
