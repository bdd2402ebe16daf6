"""The only reader and writer of files.

Headers and arrays are read with `astropy.io.fits` alone, a few milliseconds where a data model of
jwst takes seconds. Arrays come in native byte order, in the file's own type and bit for bit as
``stdatamodels`` would give them.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.fitsfile import DAMAGED, array, cards, open_fits, primary_header, sentence
from lrs_explorer.model.orientation import dispersion_axis, dispersion_first
from lrs_explorer.model.products import COLUMN_UNITS, SpectralImage, Spectrum
from lrs_explorer.model.recognition import SPECTRA, Product, recognise

__all__ = [
    "read_header",
    "read_image",
    "read_json",
    "read_spectrum",
    "replacing",
    "write_text",
]

OLD_NAMES = {"FLUX_ERROR": "ERROR", "BKGD_ERROR": "BERROR"}
"""Columns that had another name in products from before jwst 1.2."""

PathLike = str | os.PathLike[str]


def read_json(path: PathLike) -> Any:
    """Read a JSON file.

    Raises
    ------
    LRSExplorerError
        The file cannot be read or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LRSExplorerError(sentence(path, error)) from None
    except UnicodeDecodeError:
        raise LRSExplorerError(f"{path} is not a JSON file (not UTF-8 text).") from None
    except json.JSONDecodeError as error:
        raise LRSExplorerError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise LRSExplorerError(f"{path} is not valid JSON: nested too deeply.") from None


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path with the final name, and move it into place on success.

    The temporary path lies in a folder of its own beside the final one, so that the move is atomic
    and writers that record the file's name record the final one.

    Raises
    ------
    LRSExplorerError
        The file exists and may not be overwritten, or nothing can be written there.
    """
    if path.is_dir():
        raise LRSExplorerError(f"{path} is a folder; give a file name in it.")
    if path.exists() and not overwrite:
        raise LRSExplorerError(f"{path} exists; choose another name or allow overwriting.")
    try:
        with tempfile.TemporaryDirectory(prefix=".lrs-explorer-", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            os.replace(temporary, path)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise LRSExplorerError(
            f"{path} could not be written: {reason}; choose another folder or make room."
        ) from None


def write_text(path: PathLike, text: str, overwrite: bool = False) -> Path:
    """Write a text file in one move and return its path.

    Raises
    ------
    LRSExplorerError
        The file exists and ``overwrite`` is False, or it cannot be written; what was there before
        is then still there.
    """
    path = Path(path)
    with replacing(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def read_header(path: PathLike) -> dict[str, Any]:
    """Return the cards of the primary header, reading no more of the file than that.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is not FITS or ends within the header.
    """
    return primary_header(Path(path))


def read_image(path: PathLike) -> SpectralImage:
    """Read a two-dimensional slit product with wavelengths (s2d, cal or crf).

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
            wavelength = dispersion_first(_wavelengths_from_wcs(hdus, stored.shape, path), axis)
        variances = {
            name: plane(name.upper()) for name in ("var_poisson", "var_rnoise", "var_flat")
        }
        dq = plane("DQ")
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
        **{name: np.zeros_like(data) if v is None else v for name, v in variances.items()},
    )


def _pixels(data: NDArray[Any] | None, product: Product) -> NDArray[Any]:
    """Return the image of a product, or say why there is none to show."""
    name = product.path.name
    if data is None or data.size == 0:
        raise LRSExplorerError(f"{name} holds no pixels (empty SCI extension).")
    if product.mode == "slitless" and data.ndim == 3:
        raise LRSExplorerError(
            f"{name} is a slitless time series of {data.shape[0]} integrations; this version "
            "cannot show time series yet."
        )
    if data.ndim != 2 or min(data.shape) < 2:
        raise LRSExplorerError(
            f"{name} does not hold a two-dimensional image: SCI has shape {data.shape}."
        )
    if not np.isfinite(data).any():
        raise LRSExplorerError(f"{name} holds no usable pixel: all of SCI is NaN.")
    return data


def _wavelengths_from_wcs(
    hdus: fits.HDUList, shape: tuple[int, ...], path: Path
) -> NDArray[np.floating[Any]]:
    """Compute wavelengths (micron) of all pixels from the gwcs object in the ASDF extension."""
    missing = LRSExplorerError(
        f"{path.name} has no wavelengths: neither a WAVELENGTH extension nor a WCS; "
        "run assign_wcs (calwebb_spec2) on it or open its s2d."
    )
    metadata = array(hdus, "ASDF", path) if "ASDF" in hdus else None
    if metadata is None:
        raise missing
    import asdf

    try:
        with warnings.catch_warnings(), asdf.open(io.BytesIO(metadata.tobytes())) as tree:
            warnings.simplefilter("ignore")
            wcs = tree.tree.get("meta", {}).get("wcs")
            if wcs is None:
                raise missing
            rows, columns = np.indices(shape, dtype=np.float64)
            wavelength = np.asarray(wcs(columns, rows)[2], dtype=np.float64)
    except DAMAGED as error:
        raise LRSExplorerError(
            f"{path.name} has no WAVELENGTH extension and its WCS cannot be read ({error})."
        ) from None
    if not np.isfinite(wavelength).any():
        raise LRSExplorerError(f"{path.name} has no wavelengths: its WCS gives NaN everywhere.")
    return wavelength


def read_spectrum(path: PathLike) -> Spectrum:
    """Read a delivered x1d product, of jwst 1.8 to 3.0 or older.

    Columns that older products do not have are NaN (``DQ``: 0). Of several spectra in one file the
    first is read; a note says so.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is no MIRI LRS spectrum, or is a time series.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        product = recognise(path, header)
        tables = [hdu for hdu in hdus if hdu.name in ("EXTRACT1D", "COMBINE1D")]
        if not tables:
            raise LRSExplorerError(
                f"{path.name} holds no spectrum (no EXTRACT1D extension); open an x1d file."
            )
        header |= {k: v for k, v in cards(tables[0].header).items() if k not in header}
        columns = _columns(tables[0], path)
        unit = str(tables[0].columns["FLUX"].unit or "Jy")
    if product.kind == "x1dints" or columns["FLUX"].ndim > 1:
        raise LRSExplorerError(
            f"{path.name} is a time series of spectra (x1dints); this version cannot show time "
            "series yet."
        )
    notes = []
    if len(tables) > 1:
        notes.append(f"{path.name} holds {len(tables)} spectra; the first is shown.")
    if not np.isfinite(columns["FLUX"]).any():
        notes.append(f"{path.name} holds no finite flux.")
    return Spectrum(
        columns={name: columns[name] for name in COLUMN_UNITS},
        origin="delivered",
        unit=unit,
        header=header,
        notes=tuple(notes),
        path=path,
    )


def _columns(table: fits.BinTableHDU, path: Path) -> dict[str, NDArray[Any]]:
    """Return the 18 x1d columns of a table, by their present names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            rows = table.data
            found = {name.upper(): np.asarray(rows[name]) for name in rows.names}
    except DAMAGED:
        raise LRSExplorerError(f"{path} is truncated or damaged; download it again.") from None
    absent = {"WAVELENGTH", "FLUX"} - set(found)
    if absent:
        raise LRSExplorerError(
            f"{path.name} is no x1d table: it has no column {' or '.join(sorted(absent))}."
        )
    if found["WAVELENGTH"].size == 0:
        raise LRSExplorerError(f"{path.name} holds an empty spectrum (no rows).")
    columns = {}
    for name in COLUMN_UNITS:
        values = found.get(name, found.get(OLD_NAMES.get(name, "")))
        if values is None:
            shape = found["FLUX"].shape
            values = np.zeros(shape, np.uint32) if name == "DQ" else np.full(shape, np.nan)
        columns[name] = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    return columns
