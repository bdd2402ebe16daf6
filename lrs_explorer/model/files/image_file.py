"""Reading images and spectra, writing spectra.

Headers and arrays are read with `astropy.io.fits` alone, a few milliseconds where a data model of
jwst takes seconds. Arrays come in native byte order, in the file's own type and bit for bit as
``stdatamodels`` would give them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.orientation import dispersion_axis, dispersion_first
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.disk import PathLike, read_json, write_text
from lrs_explorer.model.files.fitsfile import array, cards, open_fits, primary_header
from lrs_explorer.model.files.recognition import SPECTRA, ProductFile, recognise
from lrs_explorer.model.files.spectrum_file import (
    check_spectrum_path,
    read_spectrum,
    write_spectrum,
)
from lrs_explorer.model.files.wcs import wcs_wavelengths

__all__ = [
    "check_spectrum_path",
    "read_header",
    "read_image",
    "read_json",
    "read_spectrum",
    "write_spectrum",
    "write_text",
]


def read_header(path: PathLike) -> dict[str, Any]:
    """Return the cards of the primary header, reading no more of the file than that.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is not FITS or ends within the header.
    """
    return primary_header(Path(path))


def hdrtab_members(path: PathLike) -> list[str]:
    """Return the file names in a level 3 product's table of members (HDRTAB), [] without one.

    Raises
    ------
    LRSExplorerError
        The file cannot be read.
    """
    with open_fits(Path(path)) as hdus:
        table = next((hdu for hdu in hdus if hdu.name == "HDRTAB"), None)
        if table is None or table.data is None or "FILENAME" not in table.data.names:
            return []
        return [str(name).strip() for name in table.data["FILENAME"] if str(name).strip()]


def read_image(path: PathLike) -> SpectralImage:
    """Read a two-dimensional product with wavelengths (s2d, cal or crf).

    Variances that the file does not hold are zero, as they are to the pipeline. Wavelengths that
    it does not hold are computed from its WCS, as jwst's ``get_wavelengths`` does.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is no MIRI LRS image, or lacks pixels or wavelengths.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        product = recognise(path, header)
        if product.kind in SPECTRA:
            raise LRSExplorerError(f"{path.name} is a spectrum ({product.kind}), not an image.")
        if "SCI" not in hdus:
            raise LRSExplorerError(
                f"{path.name} has no SCI extension; it is incomplete: download it again."
            )
        header |= {k: v for k, v in cards(hdus["SCI"].header).items() if k not in header}
        stored = _pixels(array(hdus, "SCI", path), product)
        axis = dispersion_axis(header, path.name)
        data = dispersion_first(stored, axis)

        def plane(name: str) -> NDArray[Any] | None:
            values = array(hdus, name, path)
            if values is None or values.size == 0:
                return None
            if values.shape != stored.shape:
                raise LRSExplorerError(
                    f"{path.name} is damaged: its {name} extension has shape {values.shape}, its "
                    f"image {stored.shape}; download it again."
                )
            return dispersion_first(values, axis)

        wavelength = plane("WAVELENGTH")
        if wavelength is None or not np.any(np.nan_to_num(wavelength)):
            computed = wcs_wavelengths(hdus, stored.shape, path)
            if computed is None:
                raise LRSExplorerError(
                    f"{path.name} has no wavelengths: neither a WAVELENGTH extension nor a WCS; "
                    "run assign_wcs (calwebb_spec2) on it or open its s2d."
                )
            wavelength = dispersion_first(computed, axis)
        variances = {
            name: plane(name.upper()) for name in ("var_poisson", "var_rnoise", "var_flat")
        }
        dq = plane("DQ")
        err = plane("ERR")
    area = header.get("PIXAR_SR")
    return SpectralImage(
        data=data,
        wavelength=wavelength,
        dq=None if dq is None else dq.astype(np.uint32, copy=False),
        unit=str(header.get("BUNIT", "MJy/sr" if header.get("S_PHOTOM") == "COMPLETE" else "DN/s")),
        pixel_area_sr=float(area) if isinstance(area, (int, float)) else None,
        kind=product.kind,
        path=path,
        header=header,
        err=err,
        **{name: np.zeros_like(data) if v is None else v for name, v in variances.items()},
    )


def _pixels(data: NDArray[Any] | None, product: ProductFile) -> NDArray[Any]:
    """Return the image of a product, or say why there is none to show."""
    name = product.path.name
    if data is None or data.size == 0:
        raise LRSExplorerError(f"{name} holds no pixels (empty SCI extension).")
    if data.ndim == 3 and product.kind in ("calints", "crfints", "rateints"):
        raise LRSExplorerError(
            f"{name} is a time series of {data.shape[0]} integrations; open it with "
            "open_observation and take its series()."
        )
    if data.ndim != 2 or min(data.shape) < 2:
        raise LRSExplorerError(
            f"{name} does not hold a two-dimensional image: SCI has shape {data.shape}."
        )
    if not np.isfinite(data).any():
        raise LRSExplorerError(f"{name} holds no usable pixel: all of SCI is NaN.")
    return data
