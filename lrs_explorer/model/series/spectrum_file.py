"""Spectra of time series on disk: x1dints products of jwst 3.0 and of before, and tables."""

from __future__ import annotations

from collections.abc import Sequence
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
        apart = np.abs(segment.columns["WAVELENGTH"] - wavelength)
        if np.nanmax(apart, initial=0.0) > SAME_WAVELENGTH:
            raise LRSExplorerError(
                f"the spectra of {segment.path.name} have other wavelengths than the first of "
                f"{ordered[0].path.name} (by up to {np.nanmax(apart):.4f} µm), which one series "
                "cannot have; open files that were made alike."
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
        notes=(*gaps(told), *axis.notes),
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
        count = len(columns["FLUX"])
        table, order = _int_times(tables, hdus, path, vectors)
        if order is not None:
            columns = {name: values[order] for name, values in columns.items()}
        times = SegmentTimes(path.name, count, table, header)
        return _Segment(path, header, unit, columns, times)


def _int_times(
    tables: Sequence[fits.BinTableHDU], hdus: fits.HDUList, path: Path, vectors: bool
) -> tuple[NDArray[Any] | None, NDArray[np.intp] | None]:
    """Return times as an INT_TIMES table, and the order of the spectra in time.

    Times that are written beside the spectra belong to them, row by row; else the file's own table
    holds those of the integrations whose numbers are written there. The order is None where the
    spectra tell neither: then they are taken as they stand.
    """
    names = {"int_mid_MJD_UTC": "MJD-AVG", "int_mid_BJD_TDB": "TDB-MID"}

    def beside(name: str) -> NDArray[Any] | None:
        if vectors:
            present = all(name in table.columns.names for table in tables)
            return np.concatenate([table.data[name] for table in tables]) if present else None
        present = all(isinstance(table.header.get(name), (int, float)) for table in tables)
        return np.array([table.header[name] for table in tables]) if present else None

    found = {k: values for k, v in names.items() if (values := beside(v)) is not None}
    times = {k: values for k, values in found.items() if np.isfinite(values).all()}
    if not times:
        numbers = beside("INT_NUM")
        once = numbers is not None and len(np.unique(numbers)) == len(numbers)
        return array(hdus, "INT_TIMES", path), np.argsort(np.array(numbers)) if once else None
    order = np.argsort(next(iter(times.values())), kind="stable")
    kinds = [("integration_number", int), *((name, float) for name in times)]
    table = np.zeros(len(order), dtype=kinds)
    table["integration_number"] = np.arange(1, len(order) + 1)
    for name, values in times.items():
        table[name] = values[order]
    return table, order


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
