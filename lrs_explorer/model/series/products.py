"""Frozen data of time series: spectra of all integrations, light curves, their scatter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import (
    FloatArray,
    Origin,
    Spectrum,
    column_units,
)
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.series.light_curve import (
    TIME_SCALES,
    LightCurve,
    as_time,
    as_timeseries,
)

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time
    from astropy.timeseries import TimeSeries as AstropyTimeSeries
    from specutils import Spectrum as SpecutilsSpectrum

__all__ = ["TimeSeries"]


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """The spectra of all integrations, with all columns of an x1dints table.

    Parameters
    ----------
    columns : Mapping of str to ndarray
        The 18 x1d columns: WAVELENGTH has shape (n_wave,), the others
        (n_integrations, n_wave); dispersion elements in the pipeline's order.
    time : ndarray, shape (n_integrations,), days
        Middle of each integration, modified Julian date.
    time_scale : {"BJD_TDB", "UTC", "index"}
        In barycentric dynamical time, in UTC at the telescope, or numbers of integrations.
    origin : {"live", "pipeline", "delivered"}
        Computed in memory, written by a pipeline run, or found in the archive's x1dints files.
    unit : str
        Unit of the flux: "Jy", or "DN/s" before photom.
    header : Mapping
        What is known of the origin: aperture limits, reference files, versions.
    notes : tuple of str
        Plain sentences the user must see.
    paths : tuple of Path
        The files, for spectra that were read.
    typical_error : ndarray, shape (n_wave,), or None
        Standard error of the flux in one integration, in the pipeline's order, for light curves
        under a drag: ``columns`` then holds WAVELENGTH and FLUX alone.
    shared_error : ndarray, shape (n_integrations, n_wave) or (n_wave,), or None
        Standard error of the flux that FLUX_ERROR leaves out, since the pipeline does not know of
        it: the noise of a 2-D background, which all pixels of a row have in common.
    missing : Mapping of str to str
        Reference files, by type, that would have changed it and could not be had, and why.
    """

    columns: Mapping[str, NDArray[Any]]
    time: FloatArray
    time_scale: str = "UTC"
    origin: Origin = "live"
    unit: str = "Jy"
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    typical_error: FloatArray | None = None
    shared_error: FloatArray | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of integrations."""
        return len(self.time)

    def __repr__(self) -> str:
        shape = f"{len(self)} integrations × {len(self.columns['WAVELENGTH'])} wavelengths"
        return f"<TimeSeries, {self.origin}: {shape}, {self.unit}>"

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.columns["WAVELENGTH"], kind="stable")

    def column(self, name: str) -> NDArray[Any]:
        """Return a column by ascending wavelength, shape (n_integrations, n_wave) or (n_wave,).

        Parameters
        ----------
        name : str
            Such as "BACKGROUND".
        """
        return self.columns[name][..., self._order]

    @cached_property
    def wavelength(self) -> FloatArray:
        """Wavelength, micron, ascending, shape (n_wave,)."""
        return self.column("WAVELENGTH")

    @cached_property
    def flux(self) -> FloatArray:
        """Flux density, shape (n_integrations, n_wave), by ascending wavelength."""
        return self.column("FLUX")

    @cached_property
    def flux_error(self) -> FloatArray:
        """Standard error of the flux density, shape (n_integrations, n_wave).

        That of x1dints (``column("FLUX_ERROR")``), and with it ``shared_error``.
        """
        error = self.typical_error if self.typical_error is not None else self.columns["FLUX_ERROR"]
        if self.shared_error is not None:
            error = np.hypot(error, self.shared_error)
        return np.broadcast_to(error[..., self._order], self.flux.shape)

    @property
    def astropy_time(self) -> Time:
        """Middle of each integration as an `astropy.time.Time`.

        Raises
        ------
        LRSExplorerError
            The integrations are numbered, not timed.
        """
        return as_time(self.time, self.time_scale)

    def spectrum(self, integration: int) -> Spectrum:
        """Return the spectrum of one integration.

        Parameters
        ----------
        integration : int
            Counted from 0.
        """
        columns = {
            name: values if values.ndim == 1 else values[integration]
            for name, values in self.columns.items()
        }
        path = self.paths[0] if self.paths else None
        return Spectrum(columns, self.origin, self.unit, self.header, self.notes, path)

    @cached_property
    def median(self) -> Spectrum:
        """The median in time of each column, NaN left out."""
        columns = {}
        for name, values in self.columns.items():
            if name == "DQ":
                columns[name] = np.bitwise_and.reduce(values, axis=0)
            else:
                columns[name] = values if values.ndim == 1 else median(values)
        path = self.paths[0] if self.paths else None
        notes = (*self.notes, f"median of {len(self)} integrations")
        return Spectrum(columns, self.origin, self.unit, self.header, notes, path)

    @property
    def table(self) -> Table:
        """A row for each integration: its time and, as vectors, the 18 columns of x1dints."""
        from astropy.table import Table

        count = len(self)
        columns: dict[str, Any] = {"INT_NUM": np.arange(1, count + 1), "TIME": self.time}
        units = {} if self.time_scale == "index" else {"TIME": "d"}
        units |= {name: unit for name, unit in column_units(self.unit).items() if unit}
        for name, values in self.columns.items():
            columns[name] = np.broadcast_to(values, (count, values.shape[-1]))
        units = {name: unit for name, unit in units.items() if name in columns}
        meta = dict(self.header) | {"time_scale": TIME_SCALES[self.time_scale]}
        return Table(columns, units=units, meta=meta)

    def to_specutils(self) -> SpecutilsSpectrum:
        """Return all as one `specutils.Spectrum`, flux of shape (n_integrations, n_wave)."""
        from astropy import units as u
        from astropy.nddata import StdDevUncertainty
        from specutils import Spectrum as SpecutilsSpectrum

        unit = u.Unit(self.unit)
        return SpecutilsSpectrum(
            flux=self.flux * unit,
            spectral_axis=self.wavelength * u.micron,
            uncertainty=StdDevUncertainty(self.flux_error * unit),
            mask=~np.isfinite(self.flux),
            meta={"time": self.time, "time_scale": TIME_SCALES[self.time_scale]},
        )

    def to_timeseries(self) -> AstropyTimeSeries:
        """Return flux and error as an `astropy.timeseries.TimeSeries`, a vector for each time.

        Raises
        ------
        LRSExplorerError
            The integrations are numbered, not timed.
        """
        from astropy.table import Table

        table = Table(
            {"flux": self.flux, "flux_error": self.flux_error},
            units={"flux": self.unit, "flux_error": self.unit},
            meta={
                "wavelength_um": self.wavelength.tolist(),
                "time_scale": TIME_SCALES[self.time_scale],
            },
        )
        return as_timeseries(self.time, self.time_scale, table)

    def light_curve(self, wavelength_range: tuple[float, float] = NOMINAL_RANGE) -> LightCurve:
        """Return the flux summed over a range of wavelengths, against time.

        Parameters
        ----------
        wavelength_range : (float, float), micron
            Both ends included; default: 5 to 12.

        Raises
        ------
        LRSExplorerError
            No dispersion element lies in the range.
        """
        inside = in_range(self.wavelength, wavelength_range)
        error = np.sqrt(np.nansum(self.flux_error[:, inside] ** 2, axis=1))
        flux = summed(self.flux[:, inside])
        with np.errstate(invalid="ignore"):
            relative = error[np.isfinite(flux)] / flux[np.isfinite(flux)]
        return LightCurve(
            self.time,
            flux,
            wavelength_range,
            self.time_scale,
            self.unit,
            np.where(np.isfinite(flux), error, np.nan),
            float(np.median(relative)) if relative.size else np.nan,
        )

    def light_curves(self, edges: Sequence[float]) -> list[LightCurve]:
        """Return a light curve for each bin of wavelength.

        Parameters
        ----------
        edges : sequence of float, micron
            Bins lie between neighbouring ones.

        Raises
        ------
        LRSExplorerError
            No dispersion element lies in one of them.
        """
        return [self.light_curve((a, b)) for a, b in pairwise(edges)]

    @cached_property
    def dynamic_spectrum(self) -> FloatArray:
        """Flux of each wavelength over its median in time, shape (n_integrations, n_wave)."""
        return over_median(self.flux)


def in_range(wavelength: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Tell which wavelengths (micron) lie within limits, both included.

    Raises
    ------
    LRSExplorerError
        None does.
    """
    lower, upper = limits
    inside: NDArray[np.bool_] = (wavelength >= lower) & (wavelength <= upper)
    if not inside.any():
        raise LRSExplorerError(
            f"there is no wavelength between {lower:g} and {upper:g} µm; the spectra cover "
            f"{np.nanmin(wavelength):.2f} to {np.nanmax(wavelength):.2f} µm."
        )
    return inside


def summed(flux: FloatArray) -> FloatArray:
    """Sum along the last axis what is finite; NaN where nothing is."""
    finite = np.isfinite(flux)
    total = np.where(finite, flux, 0.0).sum(axis=-1)
    return np.where(finite.any(axis=-1), total, np.nan)


def over_median(flux: FloatArray) -> FloatArray:
    """Divide by the median along the first axis; NaN where that is not positive."""
    usual = median(flux)
    with np.errstate(invalid="ignore"):
        return np.asarray(flux / np.where(usual > 0, usual, np.nan))
