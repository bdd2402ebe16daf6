"""Spectra on disk: x1d products, read and written, and ECSV tables."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from lrs_explorer._version import __version__
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import COLUMN_UNITS, Spectrum, column_units, covariance_of
from lrs_explorer.model.files.disk import PathLike, check_free, replacing
from lrs_explorer.model.files.fitsfile import (
    DAMAGED,
    STRUCTURE,
    cards,
    damaged,
    open_fits,
    printable,
)
from lrs_explorer.model.files.recognition import recognise
from lrs_explorer.model.files.systematic_file import (
    EXTENSION,
    add_columns,
    read_systematic,
    systematic_tables,
)

__all__ = ["check_spectrum_path", "read_spectrum", "write_spectrum"]

OTHER_NAMES: Final = {"FLUX_ERROR": ("ERROR", "UNCERTAINTY"), "BKGD_ERROR": ("BERROR",)}
"""Columns with another name: ERROR before jwst 1.2 and in c1d, UNCERTAINTY by specutils."""

TABLE_CARDS: Final = (
    "SLTNAME", "SRCTYPE", "EXTRXSTR", "EXTRXSTP", "EXTRYSTR", "EXTRYSTP", "SLIT_RA", "SLIT_DEC",
    "SPORDER", "DISPAXIS", "DETECTOR", "PA_APER",
)  # fmt: skip
"""Cards that an x1d product keeps in its EXTRACT1D extension (stdatamodels ``specmeta``)."""

KEYWORD: Final = re.compile(r"[A-Z0-9_-]{1,8}")


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
        tables = _spectra_in(hdus)
        if not tables:
            raise LRSExplorerError(
                f"{path.name} holds no spectrum (no table with wavelength and flux); open an x1d "
                "file."
            )
        header |= {k: v for k, v in cards(tables[0].header).items() if k not in header}
        columns, unit = read_table(tables[0], header, path)
        inputs = _number_of_inputs(tables[0])
        if product.kind == "x1dints" or columns["FLUX"].ndim > 1:
            raise LRSExplorerError(
                f"{path.name} is a time series of spectra (x1dints); open it with open_observation "
                "and take its delivered_series()."
            )
        notes = []
        if len(tables) > 1:
            notes.append(f"{path.name} holds {len(tables)} spectra; the first is shown.")
        if not np.isfinite(columns["FLUX"]).any():
            notes.append(f"{path.name} holds no finite flux.")
        if product.kind == "c1d":
            notes.append(f"mean of {inputs} spectra (combine_1d): of no single image")
        spectrum = Spectrum(
            columns={name: columns[name] for name in COLUMN_UNITS},
            origin="delivered",
            unit=unit,
            header=header,
            notes=tuple(notes),
            path=path,
            kind=product.kind if product.kind in ("c1d", "live") else "x1d",
            correlation=_correlation(hdus),
        )
        spectrum = read_systematic(hdus, spectrum)
    if spectrum.extraction_type != "optimal":
        return spectrum
    return dataclasses.replace(spectrum, notes=(*spectrum.notes, WEIGHTED))


COVARIANCE: Final = "COVARIANCE"
"""Extension with the covariance of the flux."""

WEIGHTED: Final = "extracted with the weights of a PSF (optimal): it has no aperture"


def _spectra_in(hdus: fits.HDUList) -> list[fits.BinTableHDU]:
    """Return the tables with spectra: those of the pipeline, else any with the right columns."""
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
    own = [hdu for hdu in tables if hdu.name in ("EXTRACT1D", "COMBINE1D")]
    return own or [
        hdu
        for hdu in tables
        if hdu.name != EXTENSION
        and {"WAVELENGTH", "FLUX"} <= {name.upper() for name in hdu.columns.names}
    ]


def _number_of_inputs(table: fits.BinTableHDU) -> str:
    """Return of how many spectra a c1d table is the mean, "several" where it does not tell."""
    if "N_INPUT" not in table.columns.names:
        return "several"
    return f"{np.nanmax(table.data['N_INPUT'], initial=0):.0f}"


def read_table(
    table: fits.BinTableHDU, header: Mapping[str, Any], path: Path
) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the 18 x1d columns of a table by their present names, and the unit of the flux.

    Units are those of `column_units`; others are converted. What cannot be is NaN, but for
    wavelength, flux and its error.

    Raises
    ------
    LRSExplorerError
        One of these is missing, or has a unit that is none of a spectrum.
    """
    columns = table_columns(table, path)
    named = {name.upper(): name for name in table.columns.names}
    told = {}
    for name in COLUMN_UNITS:
        stored = next((n for n in (name, *OTHER_NAMES.get(name, ())) if n in named), None)
        unit = table.columns[named[stored]].unit if stored else None
        told[name] = str(unit or "").replace(" ", "")
    photom = str(header.get("S_PHOTOM") or "COMPLETE").strip().upper()
    flux = told["FLUX"] or ("Jy" if photom == "COMPLETE" else "DN/s")
    # Jy/sr: written from here, of images that do not tell the area of a pixel.
    usual = column_units(flux if flux in ("DN/s", "Jy/sr") else "Jy")
    for name, wanted in usual.items():  # wavelengths come first
        if wanted and told[name] not in ("", wanted.replace(" ", "")):
            columns[name] = _converted(columns, name, told[name], wanted, path)
    return columns, usual["FLUX"]


def _converted(
    columns: Mapping[str, NDArray[Any]], name: str, unit: str, wanted: str, path: Path
) -> NDArray[Any]:
    """Return a column in another unit."""
    from astropy import units as u

    power = 2 if "VAR" in name else 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)
            one, other = (u.Unit(text) ** (1 / power) for text in (unit, wanted))
            density = u.spectral_density(columns["WAVELENGTH"] * u.um)
            factor = one.to(other, np.ones(columns[name].shape), density)
    except (ValueError, TypeError):  # UnitConversionError is a TypeError
        if name not in ("WAVELENGTH", "FLUX", "FLUX_ERROR"):
            return np.full(columns[name].shape, np.nan)
        raise LRSExplorerError(
            f"{path.name} has {name} in {unit}, which cannot be converted to {wanted}; write it in "
            "units of an x1d product."
        ) from None
    return np.asarray(columns[name] * factor**power)


def table_columns(table: fits.BinTableHDU, path: Path) -> dict[str, NDArray[Any]]:
    """Return the 18 x1d columns of a table, by their present names, as they are stored."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            rows = table.data
            found = {name.upper(): np.asarray(rows[name]) for name in rows.names}
    except DAMAGED:
        raise damaged(path) from None
    absent = {"WAVELENGTH", "FLUX"} - set(found)
    if absent:
        raise LRSExplorerError(
            f"{path.name} is no x1d table: it has no column {' or '.join(sorted(absent))}."
        )
    if found["WAVELENGTH"].size == 0:
        raise LRSExplorerError(f"{path.name} holds an empty spectrum (no rows).")
    columns = {}
    for name in COLUMN_UNITS:
        stored = next((n for n in (name, *OTHER_NAMES.get(name, ())) if n in found), None)
        values = None if stored is None else found[stored]
        if values is None:
            shape = found["FLUX"].shape
            values = np.zeros(shape, np.uint32) if name == "DQ" else np.full(shape, np.nan)
        columns[name] = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    return columns


def write_spectrum(
    spectrum: Spectrum,
    path: PathLike,
    overwrite: bool = False,
    without_references: bool = False,
) -> Path:
    """Write a spectrum as an x1d product (``.fits``) or a table with units (``.ecsv``).

    The x1d file is what ``extract_1d`` would write, rows in the pipeline's order, so that JWST
    tools open it. Cards LRSX… tell that it comes from here: version, origin, source file, recipe
    (JSON). Of ``spectrum.header``, FITS keywords that an x1d product has go to their place;
    everything else becomes provenance: "recipe" the card LRSXRCP, other entries HISTORY. Errors by
    bootstrap come with the extension COVARIANCE, row for row as EXTRACT1D (ECSV: the correlation
    of neighbours, ``noise_correlation``). A
    systematic error (``spectrum.systematic``) gets extensions of its own, or further columns; see
    `lrs_explorer.model.files.systematic_file`.

    Parameters
    ----------
    spectrum : Spectrum
    path : path
        The ending chooses the format.
    overwrite : bool, optional
        Replace an existing file.
    without_references : bool, optional
        Write it also where reference files could not be had that would have changed it.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    LRSExplorerError
        The ending is neither, the file exists and ``overwrite`` is False, reference files are
        missing, or it cannot be written; what was there before is then still there.
    """
    path = Path(path)
    check_spectrum_path(path, overwrite)
    check_complete(spectrum.missing, path, without_references)
    with replacing(path, overwrite) as temporary:
        if path.suffix.lower() == ".fits":
            _write_x1d(spectrum, temporary)
        else:
            table = spectrum.table
            table.meta = {k: v if _is_plain(v) else _json(v) for k, v in spectrum.header.items()}
            table.meta |= _provenance(spectrum) | {"notes": list(spectrum.notes)}
            if spectrum.correlation:
                table.meta["noise_correlation"] = list(spectrum.correlation)
            add_columns(table, spectrum)
            table.write(temporary, format="ascii.ecsv")
    return path


def check_spectrum_path(path: PathLike, overwrite: bool = False) -> None:
    """Tell before the work what `write_spectrum` would refuse after it.

    Raises
    ------
    LRSExplorerError
        The ending is neither ``.fits`` nor ``.ecsv``, or it exists and ``overwrite`` is False.
    """
    path = Path(path)
    if path.suffix.lower() not in (".fits", ".ecsv"):
        raise LRSExplorerError(f"{path.name} must end in .fits (x1d) or .ecsv (table).")
    check_free(path, overwrite)


WHAT_FOR: Final = {
    "extract1d": "the aperture",
    "apcorr": "the aperture correction",
    "psf": "optimal extraction",
}
"""What reference files are for, by type."""


def check_complete(missing: Mapping[str, str], path: Path, without_references: bool) -> None:
    """Check that a spectrum lacks nothing, or that it is wanted as it is.

    Raises
    ------
    LRSExplorerError
        Reference files could not be had, and it was not asked for without them.
    """
    if not missing or without_references:
        return
    what = " and ".join(f"{WHAT_FOR[kind]} ({kind})" for kind in missing)
    why = "; ".join(dict.fromkeys(text.strip().rstrip(".") for text in missing.values()))
    raise LRSExplorerError(
        f"{path.name} was not written: reference files for {what} could not be had ({why}). Try "
        "again, which goes on where it stopped, or have it written without them "
        "(--without-references, without_references=True)."
    )


def _is_plain(value: Any) -> bool:
    """Tell whether a value can stand in a FITS card."""
    return isinstance(value, (str, bool, int)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _provenance(spectrum: Spectrum) -> dict[str, Any]:
    """Return cards that tell where a spectrum comes from."""
    try:
        pipeline = version("jwst")
    except PackageNotFoundError:
        pipeline = "not installed"
    source = spectrum.path or spectrum.header.get("source") or spectrum.header.get("FILENAME", "")
    recipe = spectrum.header.get("recipe", "")
    own = {key: value for key, value in spectrum.header.items() if key.startswith("LRSX")}
    return own | {
        "LRSXVER": __version__,
        "LRSXORIG": spectrum.origin,
        "LRSXSRC": Path(str(source)).name,
        "LRSXJWST": pipeline,
        "LRSXRCP": recipe if isinstance(recipe, str) else json.dumps(recipe, sort_keys=True),
    }


def _history(spectrum: Spectrum) -> list[str]:
    """Return what is known of a spectrum but has no card of its own."""
    lines = [f"LRS Explorer {__version__}: {spectrum.origin} extraction"]
    for key, value in spectrum.header.items():
        if not KEYWORD.fullmatch(key) and key not in ("recipe", "source"):
            lines.append(f"{key}: {value if _is_plain(value) else _json(value)}")
    lines += [f"note: {note}" for note in spectrum.notes]
    if spectrum.systematic is not None:
        lines.append(spectrum.systematic.sentence)
    return [printable(line) for line in lines]


def _json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True)


def _write_x1d(spectrum: Spectrum, path: Path) -> None:
    """Write an x1d file through the data model, which adds what JWST tools look for."""
    from stdatamodels.jwst.datamodels import MultiSpecModel

    types = [(name, "u4" if name == "DQ" else "f8") for name in COLUMN_UNITS]
    rows = np.empty(len(spectrum.columns["WAVELENGTH"]), dtype=types)
    for name in COLUMN_UNITS:
        rows[name] = spectrum.columns[name]
    # Without EXTVER the data model does not see the table.
    table = fits.BinTableHDU(rows, name="EXTRACT1D", ver=1)
    for name, unit in column_units(spectrum.unit).items():
        if unit:
            table.columns[name].unit = unit
    known = {
        key: value
        for key, value in spectrum.header.items()
        if KEYWORD.fullmatch(key) and not STRUCTURE.fullmatch(key) and _is_plain(value)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cards that a data model knows by another type
        primary = fits.PrimaryHDU()
        for key, value in known.items():
            (table if key in TABLE_CARDS else primary).header[key] = value
        with MultiSpecModel(fits.HDUList([primary, table])) as model:
            # What the schema does not know is of the image (WCS, photometry), not of a spectrum.
            model.extra_fits = {}
            model.save(path)
        with fits.open(path, mode="update") as hdus:
            for key, text in _provenance(spectrum).items():
                hdus[0].header[key] = text
            for line in _history(spectrum):
                hdus[0].header.add_history(line)
            len(hdus)  # reads what is there, else new extensions would come before it
            hdus.extend([*_covariance(spectrum), *systematic_tables(spectrum)])


def _covariance(spectrum: Spectrum) -> list[fits.ImageHDU]:
    """Return the extension that holds the covariance of the flux, where it is known."""
    if spectrum.covariance is None:
        return []
    matrix = covariance_of(spectrum.columns["FLUX_ERROR"], spectrum.correlation)
    image = fits.ImageHDU(matrix.astype(np.float32), name=COVARIANCE)
    image.header["BUNIT"] = f"{spectrum.unit}2"
    for lag, value in enumerate(spectrum.correlation, start=1):
        image.header[f"RHO{lag}"] = (value, f"correlation of the noise {lag} elements apart")
    return [image]


def _correlation(hdus: fits.HDUList) -> tuple[float, ...]:
    """Return the correlation of the noise that a file tells, empty where it tells none."""
    if COVARIANCE not in hdus:
        return ()
    header = hdus[COVARIANCE].header
    told = [header.get(f"RHO{lag}") for lag in range(1, 10)]
    return tuple(float(value) for value in told if isinstance(value, (int, float)))
