"""Spectra of time series on disk: x1dints products of jwst 3.0 and of before, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.files.disk import PathLike, check_free, replacing
from lrs_explorer.model.files.fitsfile import array, cards, open_fits
from lrs_explorer.model.files.recognition import recognise
from lrs_explorer.model.files.spectrum_file import check_complete, read_table
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.time import SegmentTimes, gaps, in_time_order, time_axis

__all__ = ["check_series_path", "read_series", "write_series"]


SAME_WAVELENGTH: Final = 0.005
"""Micron by which spectra of one series may differ: the solution is known to 0.01 at best."""


@dataclass(frozen=True, eq=False)
class _Segment:
    """What one file holds."""

    path: Path
    header: dict[str, Any]
    unit: str
    columns: dict[str, NDArray[Any]]
    times: SegmentTimes
    notes: tuple[str, ...] = ()


def read_series(paths: Sequence[Path]) -> TimeSeries:
    """Read x1dints products as one series, in time order.

    jwst 3.0 writes a row for each integration, with vectors in its columns; before 1.19 it wrote an
    EXTRACT1D extension for each. Columns that a file does not have are NaN (DQ: 0).

    Raises
    ------
    LRSExplorerError
        A file cannot be read or holds no spectra, or the files do not go together.
    """
    segments = [_read(path) for path in paths]
    by_name = {segment.path.name: segment for segment in segments}
    told = in_time_order([segment.times for segment in segments])
    ordered = [by_name[times.name] for times in told]
    wavelength = ordered[0].columns["WAVELENGTH"][0]
    for segment in ordered:
        if segment.unit != ordered[0].unit:
            raise LRSExplorerError(
                f"{segment.path.name} is in {segment.unit}, {ordered[0].path.name} in "
                f"{ordered[0].unit}; open files that were calibrated alike."
            )
        if segment.columns["WAVELENGTH"].shape[1] != len(wavelength):
            raise LRSExplorerError(
                f"{segment.path.name} has {segment.columns['WAVELENGTH'].shape[1]} wavelengths, "
                f"{ordered[0].path.name} {len(wavelength)}; open files that were made alike."
            )
        own = segment.columns["WAVELENGTH"]
        apart = np.abs(own - wavelength)[(own > 0) & (wavelength > 0)].max(initial=0.0)
        if apart > SAME_WAVELENGTH:
            raise LRSExplorerError(
                f"the spectra of {segment.path.name} have other wavelengths than the first of "
                f"{ordered[0].path.name} (by up to {apart:.4f} µm), which one series cannot have; "
                "open files that were made alike."
            )
    finite = np.isfinite(wavelength)
    columns = {
        name: np.concatenate([s.columns[name] for s in ordered])[:, finite]
        for name in COLUMN_UNITS
        if name != "WAVELENGTH"
    }
    axis = time_axis(told)
    return TimeSeries(
        columns={"WAVELENGTH": wavelength[finite], **columns},
        time=axis.values,
        time_scale=axis.scale,
        origin="delivered",
        unit=ordered[0].unit,
        header=ordered[0].header,
        notes=(*(n for s in ordered for n in s.notes), *gaps(told), *axis.notes),
        paths=tuple(segment.path for segment in ordered),
    )


def _read(path: Path) -> _Segment:
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        tables = [
            hdu for hdu in hdus if hdu.name == "EXTRACT1D" and isinstance(hdu, fits.BinTableHDU)
        ]
        if not tables:
            raise LRSExplorerError(
                f"{path.name} holds no spectra (no EXTRACT1D table); open an x1dints file."
            )
        header |= {k: v for k, v in cards(tables[0].header).items() if k not in header}
        read = [read_table(table, header, path) for table in tables]
        found, unit = [columns for columns, _ in read], read[0][1]
        vectors = found[0]["FLUX"].ndim == 2
        lengths = {columns["FLUX"].shape[-1] for columns in found}
        if len(lengths) > 1:
            raise LRSExplorerError(
                f"{path.name} has spectra of different lengths ({min(lengths)} to {max(lengths)} "
                "wavelengths), which are not those of one series."
            )
        stack = np.concatenate if vectors else np.stack
        columns = {name: stack([part[name] for part in found]) for name in COLUMN_UNITS}
        product = recognise(path, header)
        rows = _rows(tables, hdus, path, vectors)
    kept = rows.order[_first_of_each(rows, columns, path)]
    columns = {name: values[kept] for name, values in columns.items()}
    count = len(columns["FLUX"])
    table = None if rows.times is None else rows.times[kept]
    numbers = None if rows.numbers is None else rows.numbers[kept]
    notes = []
    if count < len(rows.order):
        twice = len(rows.order) - count
        notes.append(f"{twice} of the spectra in {path.name} are there twice, alike: shown once")
    told, several = header, vectors and len(tables) > 1
    if several or product.combined:  # what its header says of a segment is that of any of them
        told = {k: v for k, v in header.items() if k not in OF_A_SEGMENT}
        total = header.get("NINTS")
        if isinstance(total, int) and count < total:
            notes.append(f"{count} of {total} integrations are in {path.name}")
    ordered = not several or numbers is not None
    times = SegmentTimes(path.name, count, table, told, numbers=numbers, ordered=ordered)
    return _Segment(path, header, unit, columns, times, tuple(notes))


OF_A_SEGMENT: Final = ("EXSEGNUM", "EXSEGTOT", "INTSTART", "INTEND")
"""Cards of one segment, which the header of a level 3 product keeps."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """What a file tells of the spectra in it, in the order in which they are stored.

    Parameters
    ----------
    order : ndarray of int
        Their places, by time or number; as they stand where neither is known.
    times : structured ndarray or None
        As an INT_TIMES table.
    numbers : ndarray of int or None
        Of their integrations, from 1.
    """

    order: NDArray[np.intp]
    times: NDArray[Any] | None
    numbers: NDArray[np.intp] | None


def _rows(
    tables: Sequence[fits.BinTableHDU], hdus: fits.HDUList, path: Path, vectors: bool
) -> _Rows:
    """Read times and numbers of spectra.

    Times that are written beside the spectra belong to them, row by row; else the file's own table
    holds those of the integrations whose numbers are written there, or, where none are, of as many
    spectra as there are.
    """
    names = {"int_mid_MJD_UTC": "MJD-AVG", "int_mid_BJD_TDB": "TDB-MID"}

    def beside(name: str) -> NDArray[Any] | None:
        if vectors:
            present = all(name in table.columns.names for table in tables)
            return np.concatenate([table.data[name] for table in tables]) if present else None
        present = all(isinstance(table.header.get(name), (int, float)) for table in tables)
        return np.array([table.header[name] for table in tables]) if present else None

    count = sum(len(table.data) for table in tables) if vectors else len(tables)
    numbers = beside("INT_NUM")
    numbers = None if numbers is None or (numbers < 1).any() else numbers.astype(np.intp)
    found = {k: values for k, v in names.items() if (values := beside(v)) is not None}
    times = {k: t for k, t in found.items() if np.isfinite(t).all() and (t > 0).all()}
    if times:
        table = np.zeros(count, dtype=[(name, float) for name in times])
        for name, values in times.items():
            table[name] = values
        return _Rows(np.argsort(next(iter(times.values())), kind="stable"), table, numbers)
    stored = array(hdus, "INT_TIMES", path)
    if numbers is None:
        usable = stored is not None and len(stored) == count
        return _Rows(np.arange(count), stored if usable else None, None)
    order = np.argsort(numbers, kind="stable")
    if stored is None or "integration_number" not in (stored.dtype.names or ()):
        return _Rows(order, None, numbers)
    place = {int(number): row for row, number in enumerate(stored["integration_number"])}
    if not set(numbers.tolist()) <= set(place):
        return _Rows(order, None, numbers)
    return _Rows(order, stored[[place[int(number)] for number in numbers]], numbers)


def _first_of_each(
    rows: _Rows, columns: Mapping[str, NDArray[Any]], path: Path
) -> NDArray[np.bool_]:
    """Tell which spectra, in order, are not of the same integration as the one before.

    Raises
    ------
    LRSExplorerError
        Two spectra of one integration differ.
    """
    keys: Any = rows.numbers
    if rows.times is not None:
        keys = rows.times[next(reversed(rows.times.dtype.fields or ()))]
    if keys is None:
        return np.ones(len(rows.order), bool)
    again = np.flatnonzero(np.diff(keys[rows.order]) == 0) + 1
    for one, other in zip(rows.order[again - 1], rows.order[again], strict=True):
        if not np.array_equal(columns["FLUX"][one], columns["FLUX"][other], equal_nan=True):
            which = f"integration {rows.numbers[one]}" if rows.numbers is not None else "a time"
            raise LRSExplorerError(
                f"{path.name} holds {which} twice, with different spectra; combine its segments "
                "anew (calwebb_tso3), each once."
            )
    first = np.ones(len(rows.order), bool)
    first[again] = False
    return first


def write_series(
    spectra: TimeSeries,
    path: PathLike,
    overwrite: bool = False,
    without_references: bool = False,
) -> Path:
    """Write spectra as a table with units (``.ecsv``): a row for each integration.

    Parameters
    ----------
    spectra : TimeSeries
    path : path
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
        The ending is another, the file exists and ``overwrite`` is False, reference files are
        missing, or it cannot be written; what was there before is then still there.
    """
    path = Path(path)
    check_series_path(path, overwrite)
    check_complete(spectra.missing, path, without_references)
    with replacing(path, overwrite) as temporary:
        table = spectra.table
        table.meta |= {"origin": spectra.origin, "notes": list(spectra.notes)}
        table.write(temporary, format="ascii.ecsv")
    return path


def check_series_path(path: PathLike, overwrite: bool = False) -> None:
    """Tell before the work what `write_series` would refuse after it.

    Raises
    ------
    LRSExplorerError
        The ending is not ``.ecsv``, or the file exists and ``overwrite`` is False.
    """
    path = Path(path)
    if path.suffix.lower() != ".ecsv":
        raise LRSExplorerError(
            f"{path.name} must end in .ecsv: spectra of a time series are written as a table here, "
            "as x1dints by a pipeline run (lrs-explorer reprocess)."
        )
    check_free(path, overwrite)
