"""What only the pipeline's own classes can tell: the header's source position, and PSF profiles.

Both need the WCS, so the data model is opened here, once, when first asked for.
"""

from __future__ import annotations

import warnings
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.live.kernel import jwst_module

__all__ = ["HeaderSource", "SourceFinder"]

FloatArray = NDArray[np.floating[Any]]

UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
)
"""What opening a data model and evaluating its WCS raise when either is incomplete."""


@dataclass(frozen=True, eq=False)
class HeaderSource:
    """Where the source is by the header's pointing and the WCS.

    Parameters
    ----------
    row : int
        Dispersion element in the middle of the spectrum.
    location : float
        Cross-dispersion position there, pixels, 0-indexed.
    trace : ndarray, shape (n_wave,), pixels; NaN outside the WCS's bounding box
    """

    row: int
    location: float
    trace: FloatArray


class SourceFinder:
    """Asks the data model of an image, lazily.

    Parameters
    ----------
    image : SpectralImage
    """

    def __init__(self, image: SpectralImage) -> None:
        self._image = image
        self._profiles: dict[Any, tuple[list[FloatArray], int, int]] = {}

    @cached_property
    def _model(self) -> Any:
        """The image's data model, closed when the finder is gone; None where there is none."""
        if self._image.path is None:
            return None
        from stdatamodels.jwst import datamodels

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = datamodels.open(self._image.path)
                if model.meta.wcs is None:
                    model.close()
                    return None
        except UNREADABLE:
            return None
        weakref.finalize(self, model.close)
        return model

    @cached_property
    def header_source(self) -> HeaderSource | None:
        """The source by the header (``jwst.extract_1d.source_location``); None = cannot tell."""
        if self._model is None:
            return None
        locate = jwst_module("source_location").location_from_wcs
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                row, _, location, trace = locate(self._model, None)
        except UNREADABLE:
            return None
        if location is None:
            return None
        return HeaderSource(int(row), float(location), trace)

    def psf_profiles(
        self,
        psf: Path,
        trace: FloatArray | None,
        data: FloatArray,
        var_rnoise: FloatArray,
        optimize: bool,
    ) -> tuple[list[FloatArray], int, int]:
        """Return spatial profiles of a point source by ``jwst.extract_1d.psf_profile``.

        The last profiles are kept: they do not depend on the background.

        Parameters
        ----------
        psf : Path
            PSF reference file.
        trace : ndarray, shape (n_wave,), pixels, or None
            None = the middle of the slit.
        data, var_rnoise : ndarray, shape (n_wave, n_cross)
            NaN where the pipeline ignores a pixel.
        optimize : bool
            Move the profile to where it fits the data best.

        Returns
        -------
        profiles : list of ndarray, shape (n_wave, n_cross)
            Of the source, and of the negative nod where there is one.
        lower, upper : int
            Limits of the profiles, pixels.
        """
        key = (psf, None if trace is None else trace.tobytes(), optimize)
        if key not in self._profiles:
            if self._model is None:
                raise LRSExplorerError(
                    "an optimal extraction needs the WCS of the image, and there is none; "
                    "choose a box extraction."
                )
            from jwst.extract_1d.psf_profile import psf_profile

            model = self._model
            model.data, model.var_rnoise = data, var_rnoise
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    found = psf_profile(
                        model,
                        trace,
                        self._image.wavelength,
                        str(psf),
                        optimize_shifts=optimize,
                        model_nod_pair=True,
                    )
            except UNREADABLE as error:
                raise LRSExplorerError(
                    f"the PSF reference file {psf} cannot be used for this image ({error}); "
                    "choose a box extraction."
                ) from None
            self._profiles = {key: found}
        return self._profiles[key]
