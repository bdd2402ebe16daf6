"""The images of a slitless time series: all segments as one, in time order, read in pieces.

Axis 0 is time, axis 1 the dispersion axis, axis 2 the cross-dispersion axis. Memory stays bounded:
nobody holds all integrations, `TimeSeriesImages.chunks` walks through them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import DO_NOT_USE
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import (
    SOLUTIONS,
    SUBARRAYS,
    subarray_of,
    wavelength_at_row,
)
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.data.robust import mean, median
from lrs_explorer.model.series.file import SeriesFile
from lrs_explorer.model.series.time import (
    SegmentTimes,
    TimeAxis,
    gaps,
    in_time_order,
    time_axis,
)

__all__ = ["Chunk", "TimeSeriesImages", "open_series"]

CHUNK_BYTES: Final = 8_000_000
"""Bytes of one plane that are read at once."""

MOST_TYPICAL: Final = 32
"""Integrations from which a typical image is made."""

BLOCK_BYTES: Final = 32_000_000
"""Bytes of all integrations of a few dispersion elements that are held at once."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some integrations that follow each other.

    Parameters
    ----------
    first : int
        Number of the first one within the series, from 0.
    data, var_poisson, var_rnoise, var_flat : ndarray, shape (n, n_wave, n_cross)
        In the unit of the series, and its square.
    dq : ndarray of uint32, shape (n, n_wave, n_cross), or None
    err : ndarray, shape (n, n_wave, n_cross), or None
    """

    first: int
    data: FloatArray
    var_poisson: FloatArray
    var_rnoise: FloatArray
    var_flat: FloatArray
    dq: NDArray[np.uint32] | None
    err: FloatArray | None

    def __len__(self) -> int:
        """Return the number of integrations."""
        return len(self.data)

    @cached_property
    def invalid(self) -> NDArray[np.bool_]:
        """Pixels that the pipeline ignores: NaN in any array, or flagged DO_NOT_USE."""
        invalid: NDArray[np.bool_] = np.isnan(self.data)
        for plane in (self.err, self.var_rnoise, self.var_poisson, self.var_flat):
            # Without such an extension a plane is one zero, repeated.
            if plane is not None and plane.strides[0]:
                invalid |= np.isnan(plane)
        if self.dq is not None:
            invalid |= (self.dq & DO_NOT_USE).astype(bool)
        return invalid

    @cached_property
    def valid_data(self) -> FloatArray:
        """The data, NaN where the pipeline ignores a pixel."""
        return np.where(self.invalid, np.nan, self.data)


Adjustment = Callable[[Chunk], Chunk]
"""Changes pixels as they are read."""


class TimeSeriesImages:
    """Images of one kind, of all segments, in time order.

    Made by `open_series` and `Observation.series`. May be used from several threads.

    Parameters
    ----------
    kind : {"rateints", "calints", "crfints"}
    segments : sequence of SeriesFile
        In time order, without overlap.
    times : TimeAxis
    notes : sequence of str
        Plain sentences the user must see.
    wavelength : ndarray, shape (n_wave, n_cross), micron, optional
        For files that have none; that of the first file otherwise.

    Attributes
    ----------
    header : Mapping
        Cards of the first file's primary header and SCI extension.
    time : ndarray, shape (n_integrations,), days
    time_scale : str
        See `TimeAxis`.
    shared_variance : ndarray, shape (n_integrations, n_wave), or None
        What of the pixels' variance all pixels of a row have in common, after one background was
        subtracted from all of them; in the square of the series' unit.
    """

    def __init__(
        self,
        kind: str,
        segments: Sequence[SeriesFile],
        times: TimeAxis,
        notes: Sequence[str] = (),
        wavelength: FloatArray | None = None,
    ) -> None:
        self.kind = kind
        self.segments = tuple(segments)
        self.header = segments[0].header
        self.time, self.time_scale = times.values, times.scale
        self.notes = (*notes, *times.notes)
        self.name = segments[0].path.name
        if len(segments) > 1:
            self.name += f" and {len(segments) - 1} more"
        self._wavelength = wavelength
        self._ends = np.cumsum([len(segment) for segment in segments])
        self.shared_variance: FloatArray | None = None
        self._adjustments: tuple[Adjustment, ...] = ()
        self._statistics: dict[str, SpectralImage] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of integrations."""
        return int(self._ends[-1])

    def __repr__(self) -> str:
        return f"<TimeSeriesImages {self.name}: {len(self)} integrations, {self.kind}>"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_integrations, n_wave, n_cross)."""
        _, n_wave, n_cross = self.segments[0].shape
        return len(self), n_wave, n_cross

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in time order."""
        return tuple(segment.path for segment in self.segments)

    @property
    def unit(self) -> str:
        """Unit of the pixels: "MJy/sr", or "DN/s" before photom."""
        calibrated = self.header.get("S_PHOTOM") == "COMPLETE"
        return str(self.header.get("BUNIT", "MJy/sr" if calibrated else "DN/s"))

    @property
    def pixel_area_sr(self) -> float | None:
        """Solid angle of a pixel, sr; None before photom."""
        area = self.header.get("PIXAR_SR")
        return float(area) if isinstance(area, (int, float)) else None

    @cached_property
    def wavelength(self) -> FloatArray:
        """Wavelength of each pixel, micron, shape (n_wave, n_cross); NaN where undefined."""
        own = self.segments[0].wavelength
        if own is not None:
            return own
        if self._wavelength is not None and self._wavelength.shape == self.shape[1:]:
            return self._wavelength
        if not self.nominal_wavelengths:
            return np.full(self.shape[1:], np.nan)
        rows = np.arange(self.shape[1])
        first, *_, last = (row for row, _ in SOLUTIONS["slitless"])
        known = (rows >= first) & (rows <= last)
        along = np.where(known, wavelength_at_row(rows, "slitless"), np.nan)
        return np.repeat(along[:, np.newaxis], self.shape[2], axis=1)

    @property
    def is_adjusted(self) -> bool:
        """Whether pixels are changed as they are read."""
        return bool(self._adjustments)

    @property
    def nominal_wavelengths(self) -> bool:
        """Whether wavelengths are those of the published solution, for want of better ones."""
        published = SUBARRAYS["SLITLESSPRISM"]
        return not self._has_wavelengths and subarray_of(self.header, self.shape[1:]) == published

    @property
    def knows_wavelengths(self) -> bool:
        """Whether there are wavelengths: of its own, lent, or published for its subarray.

        Where the source is placed differs from subarray to subarray, and with it the wavelength
        of a row.
        """
        return self._has_wavelengths or self.nominal_wavelengths

    @property
    def _has_wavelengths(self) -> bool:
        lent = self._wavelength is not None and self._wavelength.shape == self.shape[1:]
        return self.segments[0].wavelength is not None or lent

    def adjusted(self, adjustment: Adjustment, *notes: str) -> TimeSeriesImages:
        """Return the same series with pixels changed as they are read."""
        other = self.noted(*notes)
        other._adjustments = (*self._adjustments, adjustment)
        return other

    def noted(self, *notes: str) -> TimeSeriesImages:
        """Return the same series with further sentences that the user must see."""
        times = TimeAxis(self.time, self.time_scale)
        other = TimeSeriesImages(
            self.kind, self.segments, times, (*self.notes, *notes), self._wavelength
        )
        other._adjustments, other.shared_variance = self._adjustments, self.shared_variance
        return other

    def segment_of(self, integration: int) -> tuple[int, int]:
        """Return the number of the segment that holds an integration, and its number in there.

        All from 0.
        """
        segment = int(np.searchsorted(self._ends, integration, side="right"))
        return segment, integration - int(self._ends[segment]) + len(self.segments[segment])

    # -- reading -------------------------------------------------------------------------------

    def read(self, start: int, stop: int, rows: slice = slice(None)) -> Chunk:
        """Return integrations ``start`` to ``stop`` (excluded), from 0.

        Parameters
        ----------
        start, stop : int
        rows : slice
            Dispersion elements wanted. Adjustments see these only.

        Raises
        ------
        LRSExplorerError
            A file has vanished or was changed since it was opened.
        """
        planes = {
            "data": "SCI",
            "var_poisson": "VAR_POISSON",
            "var_rnoise": "VAR_RNOISE",
            "var_flat": "VAR_FLAT",
            "dq": "DQ",
            "err": "ERR",
        }
        parts: dict[str, list[Any]] = {name: [] for name in planes}
        at = start
        while at < stop:
            number, local = self.segment_of(at)
            segment = self.segments[number]
            count = min(stop - at, len(segment) - local)
            for name, extension in planes.items():
                parts[name].append(segment.read(extension, local, local + count, rows))
            at += count
        shape = (stop - start, *parts["data"][0].shape[1:])
        zeros = np.broadcast_to(np.float32(0), shape)
        values: dict[str, Any] = {}
        for name, found in parts.items():
            if any(part is None for part in found):  # as the pipeline takes them
                values[name] = None if name in ("dq", "err") else zeros
            else:
                values[name] = found[0] if len(found) == 1 else np.concatenate(found)
        chunk = Chunk(first=start, **values)
        for adjustment in self._adjustments:
            chunk = adjustment(chunk)
        return chunk

    def chunks(self, size: int | None = None, rows: slice = slice(None)) -> Iterator[Chunk]:
        """Yield all integrations, ``size`` at a time; segments are not mixed."""
        _, n_wave, n_cross = self.shape
        size = size or max(1, CHUNK_BYTES // (n_wave * n_cross * 4))
        first = 0
        for segment in self.segments:
            for start in range(first, first + len(segment), size):
                yield self.read(start, min(start + size, first + len(segment)), rows)
            first += len(segment)

    # -- images --------------------------------------------------------------------------------

    def image(self, integration: int) -> SpectralImage:
        """Return one integration, from 0.

        Raises
        ------
        LRSExplorerError
            There is no such integration, or it cannot be read any more.
        """
        if not 0 <= integration < len(self):
            raise LRSExplorerError(
                f"{self.name} has {len(self)} integrations, no number {integration + 1}."
            )
        chunk = self.read(integration, integration + 1)
        return self._as_image(
            chunk.data[0],
            self.kind,
            self.segments[self.segment_of(integration)[0]],
            var_poisson=chunk.var_poisson[0],
            var_rnoise=chunk.var_rnoise[0],
            var_flat=chunk.var_flat[0],
            dq=None if chunk.dq is None else chunk.dq[0],
            err=None if chunk.err is None else chunk.err[0],
        )

    def _as_image(
        self, data: FloatArray, kind: str, segment: SeriesFile | None = None, **planes: Any
    ) -> SpectralImage:
        segment = segment or self.segments[0]
        zeros = np.zeros(data.shape, np.float32)
        variances = dict.fromkeys(("var_poisson", "var_rnoise", "var_flat"), zeros)
        return SpectralImage(
            data=data,
            wavelength=self.wavelength,
            unit=self.unit,
            pixel_area_sr=self.pixel_area_sr,
            kind=kind,
            path=segment.path,
            header=segment.header,
            **(variances | planes),
        )

    @cached_property
    def typical(self) -> SpectralImage:
        """The median of up to 32 integrations spread evenly, with their mean variances.

        What places an aperture or finds a trace, in a moment. Its variances are those of one
        integration, its DQ flags those that a pixel has in all of them.
        """
        return self._as_image(kind="typical", **_typical_pixels(self))

    def statistic(self, name: str) -> SpectralImage:
        """Return the median, mean or standard deviation ("std") of each pixel in time.

        Flagged pixels are left out. All three are made in one walk through the files, and kept.
        """
        with self._lock:
            if self._statistics is None:
                self._statistics = {
                    kind: self._as_image(data, kind) for kind, data in _in_time(self).items()
                }
        if name not in self._statistics:
            raise LRSExplorerError(
                f"there is no image {name!r} of a series; there are {', '.join(self._statistics)}."
            )
        return self._statistics[name]

    def difference(self, integration: int) -> SpectralImage:
        """Return an integration less the median in time."""
        image = self.image(integration)
        return replace(image, data=image.data - self.statistic("median").data, kind="difference")


def open_series(
    kind: str,
    paths: Sequence[Path],
    wavelength: FloatArray | None = None,
    notes: Sequence[str] = (),
) -> TimeSeriesImages:
    """Open segments of one exposure as a series.

    Parameters
    ----------
    kind : str
    paths : sequence of Path
        In any order.
    wavelength : ndarray, shape (n_wave, n_cross), micron, optional
        For files without wavelengths (rateints).
    notes : sequence of str
        Plain sentences to begin with.

    Raises
    ------
    LRSExplorerError
        A file cannot be read, or segments overlap or have different shapes or units.
    """
    files = {path.name: SeriesFile(path) for path in paths}
    told = in_time_order([_times(segment) for segment in files.values()])
    pairs = [(times, files[times.name]) for times in told]
    shapes = {segment.shape[1:] for _, segment in pairs}
    if len(shapes) > 1:
        sizes = ", ".join(f"{s.path.name} {s.shape[2]} × {s.shape[1]}" for _, s in pairs)
        raise LRSExplorerError(
            f"the segments have images of different sizes ({sizes} pixels); open those of one "
            "exposure."
        )
    units = {segment.header.get("BUNIT"): segment.path.name for _, segment in pairs}
    if len(units) > 1:
        raise LRSExplorerError(
            f"{' and '.join(units.values())} have different units "
            f"({', '.join(map(str, units))}); open those that were calibrated alike."
        )
    notes = [*notes, *gaps(told)]
    series = TimeSeriesImages(kind, [s for _, s in pairs], time_axis(told), notes, wavelength)
    if len(series) > 1 and not (np.diff(series.time) > 0).all():
        raise LRSExplorerError(
            f"the segments {' and '.join(p.name for p in series.paths)} overlap in time; leave "
            "out those that were taken at the same time."
        )
    return series


def _times(segment: SeriesFile) -> SegmentTimes:
    return SegmentTimes(segment.path.name, len(segment), segment.int_times, segment.header)


def _typical_pixels(series: TimeSeriesImages) -> dict[str, Any]:
    """Return the planes of a typical image, from up to 32 integrations spread evenly.

    Median of the data, mean of the variances, and the DQ flags that a pixel has in all of them.

    Raises
    ------
    LRSExplorerError
        None of them has a usable pixel.
    """
    wanted = np.unique(np.linspace(0, len(series) - 1, MOST_TYPICAL).astype(int))
    chunks = [series.read(int(i), int(i) + 1) for i in wanted]
    stacked = np.concatenate([chunk.valid_data for chunk in chunks])
    missing = np.concatenate([chunk.invalid for chunk in chunks])
    variances = {
        name: mean(
            np.where(missing, np.nan, np.concatenate([getattr(c, name) for c in chunks])), axis=0
        )
        for name in ("var_poisson", "var_rnoise", "var_flat")
    }
    if not np.isfinite(stacked).any():
        raise LRSExplorerError(
            f"{series.name} holds no usable pixel in {len(wanted)} integrations looked at: all are "
            "NaN or flagged DO_NOT_USE; download it again."
        )
    flags = [chunk.dq[0] for chunk in chunks if chunk.dq is not None]
    dq = np.bitwise_and.reduce(flags) if len(flags) == len(chunks) else None
    return {"data": median(stacked), "dq": dq, **variances}


def _in_time(series: TimeSeriesImages) -> dict[str, FloatArray]:
    """Return median, mean and standard deviation ("std") of each pixel, flagged ones left out."""
    n_integrations, n_wave, n_cross = series.shape
    found = {name: np.full((n_wave, n_cross), np.nan) for name in ("median", "mean", "std")}
    step = max(1, BLOCK_BYTES // (n_integrations * n_cross * 4))
    for first in range(0, n_wave, step):
        rows = slice(first, min(first + step, n_wave))
        values = _all_integrations(series, rows)
        finite = np.isfinite(values)
        count = finite.sum(axis=0)
        usable = np.where(count > 0, count, 1)
        found["mean"][rows] = average = mean(values, axis=0)
        square = np.where(finite, (values - average) ** 2, 0.0).sum(axis=0, dtype=float)
        found["std"][rows] = np.where(count > 0, np.sqrt(square / usable), np.nan)
        found["median"][rows] = median(values)
    return found


def _all_integrations(series: TimeSeriesImages, rows: slice) -> FloatArray:
    """Return some dispersion elements of all integrations, NaN where flagged."""
    if series.is_adjusted:  # an adjustment may need whole images
        return np.concatenate([chunk.valid_data[:, rows] for chunk in series.chunks()])
    parts = []
    for segment in series.segments:
        data = segment.read("SCI", 0, len(segment), rows)
        assert data is not None
        dq = segment.read("DQ", 0, len(segment), rows)
        if dq is not None:
            data[(dq & DO_NOT_USE).astype(bool)] = np.nan
        parts.append(data)
    return np.concatenate(parts)
