"""The WCS that the pipeline stored in a product, without opening a data model."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.fitsfile import DAMAGED, array

__all__ = ["stored_wcs", "wcs_wavelengths"]


@contextmanager
def stored_wcs(hdus: fits.HDUList, path: Path) -> Iterator[Any]:
    """Read the gwcs object from the ASDF extension of a product.

    Its lookup tables are read when they are first used, so evaluate it inside the ``with`` block.

    Parameters
    ----------
    hdus : HDUList
        The open file.
    path : Path
        Its name, for messages.

    Yields
    ------
    gwcs.WCS or None
        Pixels (x, y), 0-indexed, to right ascension, declination (degrees) and wavelength (micron).
        None where the product has none.

    Raises
    ------
    LRSExplorerError
        There is one, but it cannot be read or evaluated.
    """
    metadata = array(hdus, "ASDF", path) if "ASDF" in hdus else None
    if metadata is None:
        yield None
        return
    import asdf

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # What is wrong with a WCS shows when it is built; schemas would take most of the time.
            with asdf.config_context() as config:
                config.validate_on_read = False
                tree = asdf.open(io.BytesIO(metadata.tobytes()))
            with tree:
                yield tree.tree.get("meta", {}).get("wcs")
    except DAMAGED as error:
        raise LRSExplorerError(
            f"{path.name} is damaged: its WCS cannot be read ({error})."
        ) from None


def wcs_wavelengths(
    hdus: fits.HDUList, shape: tuple[int, ...], path: Path
) -> NDArray[np.floating[Any]] | None:
    """Compute the wavelengths (micron) of all pixels, as jwst's ``get_wavelengths`` does.

    Parameters
    ----------
    hdus : HDUList
        The open file.
    shape : (int, int)
        Of the image.
    path : Path
        Its name, for messages.

    Returns
    -------
    ndarray, shape ``shape``, or None
        None where the product has no WCS.

    Raises
    ------
    LRSExplorerError
        The WCS cannot be read, or gives no wavelength.
    """
    with stored_wcs(hdus, path) as wcs:
        if wcs is None:
            return None
        rows, columns = np.indices(shape, dtype=np.float64)
        wavelength = np.asarray(wcs(columns, rows)[2], dtype=np.float64)
    if not np.isfinite(wavelength).any():
        raise LRSExplorerError(f"{path.name} has no wavelengths: its WCS gives NaN everywhere.")
    return wavelength
