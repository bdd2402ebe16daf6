"""Light curves and how quiet they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.series.time import breaks

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time
    from astropy.timeseries import TimeSeries as AstropyTimeSeries

__all__ = ["TIME_SCALES", "LightCurve", "TimeScatter", "as_time", "as_timeseries"]


@dataclass(frozen=True, eq=False)
class TimeScatter:
    """How quiet a light curve is, relative to its median flux.

    Parameters
    ----------
    point_to_point : float
        Standard deviation of the noise from differences of neighbours, which no slow change and
        few outliers disturb: 1.4826 times the median absolute difference over the
        square root of 2. NaN for fewer than three integrations.
    rms : float
        Standard deviation about the median.
    bin_sizes : ndarray of int, shape (n_sizes,)
        Numbers of integrations that are averaged.
    binned : ndarray, shape (n_sizes,)
        Standard deviation of the averages from differences of neighbouring bins (the square root
        of the Allan variance).
    white : ndarray, shape (n_sizes,)
        What it would be for noise without memory: falling with the square root of the bin size.
    """

    point_to_point: float
    rms: float
    bin_sizes: NDArray[np.intp]
    binned: FloatArray
    white: FloatArray

    @classmethod
    def of(cls, flux: FloatArray, starts: Sequence[int] | NDArray[np.intp] = ()) -> TimeScatter:
        """Measure the scatter of a light curve, shape (n_integrations,); NaN are left out.

        Neither neighbours nor bins reach across a gap in time.

        Parameters
        ----------
        flux : ndarray, shape (n_integrations,)
        starts : sequence of int
            Integrations before which there is a gap.
        """
        finite = flux[np.isfinite(flux)]
        usual = np.median(finite) if finite.size else np.nan
        runs = [part[np.isfinite(part)] / usual for part in np.split(flux, starts)]
        steps = np.concatenate([np.abs(np.diff(run)) for run in runs])
        if len(finite) < 3 or not len(steps):
            empty = np.zeros(0)
            return cls(np.nan, np.nan, np.zeros(0, np.intp), empty, empty)
        point_to_point = float(SIGMA_PER_MEDIAN * np.median(steps) / np.sqrt(2))
        largest = max(1, max(map(len, runs)) // 6)
        sizes = np.unique(np.geomspace(1, largest, 20).astype(int))
        binned = []
        for size in sizes:
            means = [r[: len(r) // size * size].reshape(-1, size).mean(axis=1) for r in runs]
            apart = np.concatenate([np.diff(run) for run in means])
            binned.append(np.sqrt(np.mean(apart**2) / 2))
        return cls(
            point_to_point,
            float(np.std(np.concatenate(runs))),
            sizes,
            np.array(binned),
            binned[0] / np.sqrt(sizes),
        )


@dataclass(frozen=True, eq=False)
class LightCurve:
    """The flux of a range of wavelengths against time.

    Parameters
    ----------
    time : ndarray, shape (n_integrations,), days
        Modified Julian date.
    flux : ndarray, shape (n_integrations,)
        Sum over the dispersion elements in the range, as jwst's white_light step makes it; NaN for
        an integration without any.
    wavelength_range : (float, float), micron
    time_scale : {"BJD_TDB", "UTC", "index"}
    unit : str
    flux_error : ndarray, shape (n_integrations,), or None
        None while the aperture is being dragged.
    expected_scatter : float
        Relative noise of an integration by the variances: the limit set by photons and detector.
    notes : tuple of str
    """

    time: FloatArray
    flux: FloatArray
    wavelength_range: tuple[float, float]
    time_scale: str = "UTC"
    unit: str = "Jy"
    flux_error: FloatArray | None = None
    expected_scatter: float = np.nan
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its wavelengths in words."""
        low, high = self.wavelength_range
        return f"{low:.2f}–{high:.2f} µm"

    @cached_property
    def relative(self) -> FloatArray:
        """The flux over its median."""
        finite = self.flux[np.isfinite(self.flux)]
        return self.flux / np.median(finite) if finite.size else self.flux

    @property
    def relative_error(self) -> FloatArray | None:
        """Standard error of `relative`; None while the aperture is being dragged."""
        finite = self.flux[np.isfinite(self.flux)]
        if self.flux_error is None or not finite.size:
            return self.flux_error
        return np.asarray(self.flux_error / np.median(finite))

    @cached_property
    def scatter(self) -> TimeScatter:
        """How quiet it is."""
        return TimeScatter.of(self.flux, breaks(self.time))

    @property
    def table(self) -> Table:
        """Time, flux, error and relative flux, with units."""
        from astropy.table import Table

        columns = {"time": self.time, "flux": self.flux, "relative_flux": self.relative}
        units = {"flux": self.unit}
        if self.time_scale != "index":
            units["time"] = "d"
        if self.flux_error is not None:
            columns["flux_error"] = self.flux_error
            units["flux_error"] = self.unit
        lower, upper = self.wavelength_range
        return Table(
            columns,
            units=units,
            meta={
                "time_scale": TIME_SCALES[self.time_scale],
                "wavelength_min_um": lower,
                "wavelength_max_um": upper,
            },
        )

    def to_timeseries(self) -> AstropyTimeSeries:
        """Return the light curve as an `astropy.timeseries.TimeSeries`.

        Raises
        ------
        LRSExplorerError
            The integrations are numbered, not timed.
        """
        table = self.table
        table.remove_column("time")
        return as_timeseries(self.time, self.time_scale, table)


TIME_SCALES: Final = {
    "BJD_TDB": "BJD_TDB - 2400000.5",
    "UTC": "MJD, UTC at the telescope",
    "index": "number of the integration",
}
"""Time scales in words."""


def as_time(values: FloatArray, scale: str) -> Time:
    """Return modified Julian dates in one of `TIME_SCALES` as an astropy `Time`."""
    from astropy.time import Time

    if scale == "index":
        raise LRSExplorerError(
            "the integrations are numbered, not timed: the files have no INT_TIMES and no EXPSTART."
        )
    try:
        astropy_scale = {"BJD_TDB": "tdb", "UTC": "utc"}[scale]
    except KeyError:
        raise unknown("time scale", scale) from None
    return Time(values, format="mjd", scale=astropy_scale)


def as_timeseries(values: FloatArray, scale: str, table: Table) -> AstropyTimeSeries:
    """Return a table as an `astropy.timeseries.TimeSeries` with these times."""
    from astropy.timeseries import TimeSeries as AstropyTimeSeries

    series = AstropyTimeSeries(time=as_time(values, scale), data=table)
    series.meta |= {k: v for k, v in table.meta.items() if k not in series.meta}
    return series
