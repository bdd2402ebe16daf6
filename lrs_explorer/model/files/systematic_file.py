"""The systematic error of a spectrum in its file: how much it changes with what was chosen.

FITS: the extension SYSTEMATIC, row for row as EXTRACT1D: wavelength, the band (LOW, HIGH), the
systematic error (ERROR), the part of it that each choice causes alone, in a column with its name,
and what they cause TOGETHER; the squares of these add up to that of the error. Columns
…_WITH_OTHERS hold what each choice causes alone or together with others. Cards tell what was varied
(CHOICEn, VALUESn), how many variants there are (NVARIANT), which could not be extracted (NFAILED,
FAILn), and what else must be known (NOTEn). SYSTEMATIC_BINS: the same for the mean flux in bins of
a micron.

ECSV: further columns SYSTEMATIC_…, and the rest in the table's ``meta``.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.data.systematic import QUANTILES, TOGETHER, Systematic, SystematicBin
from lrs_explorer.model.files.fitsfile import DAMAGED, printable

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["EXTENSION", "add_columns", "read_systematic", "systematic_tables"]

EXTENSION: Final = "SYSTEMATIC"
BINS: Final = "SYSTEMATIC_BINS"

UNREAD: Final = "the systematic error (extension SYSTEMATIC) cannot be read, and is left out."


def systematic_tables(spectrum: Spectrum) -> list[fits.BinTableHDU]:
    """Return the extensions that hold a spectrum's systematic error; none where it has none."""
    found = spectrum.systematic
    if found is None:
        return []
    rows = {name: spectrum.in_rows(values) for name, values in _columns(found).items()}
    table = _table(EXTENSION, {"WAVELENGTH": spectrum.columns["WAVELENGTH"], **rows}, found.unit)
    header = table.header
    header["NVARIANT"] = (found.variants, "variants of the spectrum")
    header["NFAILED"] = (found.number_failed, "variants that could not be extracted")
    header["LOWPCT"] = (100 * QUANTILES[0], "percentile of the variants in LOW")
    header["HIGHPCT"] = (100 * QUANTILES[1], "percentile of the variants in HIGH")
    for number, (name, values) in enumerate(found.values.items(), start=1):
        header[f"CHOICE{number}"] = (name, "what was varied")
        header[f"VALUES{number}"] = printable(", ".join(values))
    for number, (why, count) in enumerate(found.failed.items(), start=1):
        header[f"FAIL{number}"] = printable(f"{count}: {why}")
    for number, note in enumerate(found.notes, start=1):
        header[f"NOTE{number}"] = printable(note)
    return [table, _table(BINS, _bin_columns(found.bins), found.unit)]


def _columns(found: Systematic) -> dict[str, FloatArray]:
    """Return the columns of the error, by name, each in the unit of the flux."""
    return {
        "LOW": found.low,
        "HIGH": found.high,
        "ERROR": found.error,
        **{name.upper(): values for name, values in found.parts.items()},
        TOGETHER.upper(): found.together,
        **{_with(name): values for name, values in found.with_others.items()},
    }


def _with(name: str) -> str:
    return f"{name.upper()}_WITH_OTHERS"


def _bin_columns(bins: tuple[SystematicBin, ...]) -> dict[str, FloatArray]:
    names = tuple(bins[0].parts) if bins else ()
    return {
        "WAVELENGTH_LOW": np.array([one.lower for one in bins]),
        "WAVELENGTH_HIGH": np.array([one.upper for one in bins]),
        "MEAN_FLUX": np.array([one.flux for one in bins]),
        "ERROR": np.array([one.error for one in bins]),
        **{name.upper(): np.array([one.parts[name] for one in bins]) for name in names},
        TOGETHER.upper(): np.array([one.together for one in bins]),
        **{_with(name): np.array([one.with_others[name] for one in bins]) for name in names},
    }


def _table(name: str, columns: Mapping[str, FloatArray], unit: str) -> fits.BinTableHDU:
    made = [
        fits.Column(one, "D", unit="um" if one.startswith("WAVELENGTH") else unit, array=values)
        for one, values in columns.items()
    ]
    return fits.BinTableHDU.from_columns(made, name=name)


def read_systematic(hdus: fits.HDUList, spectrum: Spectrum) -> Spectrum:
    """Return a spectrum with the systematic error that its file holds, if it holds one.

    A note tells where that cannot be read, or does not belong to these rows.
    """
    if EXTENSION not in hdus:
        return spectrum
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return replace(spectrum, systematic=_read(hdus, spectrum))
    except DAMAGED:
        return replace(spectrum, notes=(*spectrum.notes, UNREAD))


def _read(hdus: fits.HDUList, spectrum: Spectrum) -> Systematic:
    table = hdus[EXTENSION]
    header, rows = table.header, table.data
    units = {str(table.columns[name].unit).replace(" ", "") for name in ("LOW", "HIGH", "ERROR")}
    same = np.array_equal(rows["WAVELENGTH"], spectrum.columns["WAVELENGTH"], equal_nan=True)
    if units != {spectrum.unit.replace(" ", "")} or not same:
        raise ValueError("it is of another spectrum")

    def column(name: str) -> FloatArray:
        return spectrum.ascending(np.asarray(rows[name], float))

    names, values = _cards(header, "CHOICE"), _cards(header, "VALUES")
    failures = [text.partition(": ") for text in _cards(header, "FAIL")]
    return Systematic(
        wavelength=spectrum.wavelength,
        flux=np.asarray(spectrum.flux, float),
        low=column("LOW"),
        high=column("HIGH"),
        error=column("ERROR"),
        parts={name: column(name.upper()) for name in names},
        with_others={name: column(_with(name)) for name in names},
        together=column(TOGETHER.upper()),
        unit=spectrum.unit,
        values={n: tuple(of.split(", ")) for n, of in zip(names, values, strict=True)},
        variants=int(header["NVARIANT"]),
        failed={why: int(count) for count, _, why in failures},
        bins=_read_bins(hdus, names),
        notes=tuple(_cards(header, "NOTE")),
    )


def _cards(header: fits.Header, name: str) -> list[str]:
    """Return the values of the cards of this name with a number behind it, from 1."""
    numbers = itertools.takewhile(lambda n: f"{name}{n}" in header, itertools.count(1))
    return [str(header[f"{name}{n}"]) for n in numbers]


def _read_bins(hdus: fits.HDUList, names: Sequence[str]) -> tuple[SystematicBin, ...]:
    if BINS not in hdus:
        return ()
    rows = hdus[BINS].data
    return tuple(
        SystematicBin(
            float(row["WAVELENGTH_LOW"]),
            float(row["WAVELENGTH_HIGH"]),
            float(row["MEAN_FLUX"]),
            float(row["ERROR"]),
            {name: float(row[name.upper()]) for name in names},
            {name: float(row[_with(name)]) for name in names},
            float(row[TOGETHER.upper()]),
        )
        for row in rows
    )


def add_columns(table: Table, spectrum: Spectrum) -> None:
    """Add a spectrum's systematic error to its table, in place; nothing where it has none."""
    found = spectrum.systematic
    if found is None:
        return
    for name, values in _columns(found).items():
        table[f"{EXTENSION}_{name}"] = spectrum.in_rows(values)
        table[f"{EXTENSION}_{name}"].unit = found.unit
    bins = {
        name: [None if math.isnan(value) else float(value) for value in values]
        for name, values in _bin_columns(found.bins).items()
    }
    table.meta["systematic"] = {
        "variants": found.variants,
        "values": {name: list(values) for name, values in found.values.items()},
        "failed": dict(found.failed),
        "notes": list(found.notes),
        "bins": bins,
        "sentence": found.sentence,
    }
