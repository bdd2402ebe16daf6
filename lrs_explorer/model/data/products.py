"""Frozen data that stages produce and views show. Only numpy here.

Inside the package axis 0 of an image is the dispersion axis and axis 1 the cross-dispersion axis,
in the order of the file (for LRS, wavelength falls as the row rises).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.html import facts_html
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.systematic import Systematic

if TYPE_CHECKING:
    from astropy.table import Table
    from specutils import Spectrum as SpecutilsSpectrum

__all__ = [
    "COLUMN_UNITS",
    "SpatialProfile",
    "SpectralImage",
    "Spectrum",
    "Trace",
    "column_units",
    "covariance_of",
]

FloatArray = NDArray[np.floating[Any]]

COLUMN_UNITS: dict[str, str] = {
    "WAVELENGTH": "um",
    "FLUX": "Jy",
    "FLUX_ERROR": "Jy",
    "FLUX_VAR_POISSON": "Jy^2",
    "FLUX_VAR_RNOISE": "Jy^2",
    "FLUX_VAR_FLAT": "Jy^2",
    "SURF_BRIGHT": "MJy/sr",
    "SB_ERROR": "MJy/sr",
    "SB_VAR_POISSON": "MJy^2 / sr^2",
    "SB_VAR_RNOISE": "MJy^2 / sr^2",
    "SB_VAR_FLAT": "MJy^2 / sr^2",
    "DQ": "",
    "BACKGROUND": "MJy/sr",
    "BKGD_ERROR": "MJy/sr",
    "BKGD_VAR_POISSON": "MJy^2 / sr^2",
    "BKGD_VAR_RNOISE": "MJy^2 / sr^2",
    "BKGD_VAR_FLAT": "MJy^2 / sr^2",
    "NPIXELS": "",
}
"""The 18 columns of an x1d table (stdatamodels ``SpecModel``), in order, with their units when
photom has been run; see `column_units`."""

Origin = Literal["live", "pipeline", "delivered"]


@dataclass(frozen=True, eq=False)
class SpectralImage:
    """A two-dimensional LRS image with its wavelengths.

    Parameters
    ----------
    data : ndarray, shape (n_wave, n_cross), ``unit``
    wavelength : ndarray, shape (n_wave, n_cross), micron; NaN where undefined
    var_poisson, var_rnoise, var_flat : ndarray, shape (n_wave, n_cross), ``unit`` squared
    dq : ndarray of uint32, shape (n_wave, n_cross), or None
        Flags of ``stcal.dqflags``/``jwst`` pixels; None where the product has no DQ (s2d).
    unit : str
        "MJy/sr", or "DN/s" before photom.
    pixel_area_sr : float or None
        Solid angle of a pixel, sr (PIXAR_SR).
    kind : str
        "s2d", "cal", ...
    path : Path or None
        The file that it came from.
    header : Mapping
        Header cards of the primary and the SCI extension.
    err : ndarray, shape (n_wave, n_cross), ``unit``, or None
        The file's ERR. The pipeline ignores a pixel when any of its arrays is NaN.
    """

    data: FloatArray
    wavelength: FloatArray
    var_poisson: FloatArray
    var_rnoise: FloatArray
    var_flat: FloatArray
    dq: NDArray[np.uint32] | None = None
    unit: str = "MJy/sr"
    pixel_area_sr: float | None = None
    kind: str = "s2d"
    path: Path | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    err: FloatArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n_wave, n_cross)."""
        n_wave, n_cross = self.data.shape
        return n_wave, n_cross

    @cached_property
    def row_wavelength(self) -> FloatArray:
        """Median wavelength of each dispersion element, micron, shape (n_wave,); NaN if none."""
        valid = np.isfinite(self.wavelength)
        rows = np.full(self.shape[0], np.nan)
        usable = valid.any(axis=1)
        rows[usable] = np.nanmedian(np.where(valid, self.wavelength, np.nan)[usable], axis=1)
        return rows

    def row_at(self, wavelength: float) -> int | None:
        """Return the dispersion element nearest to ``wavelength``, micron; None beyond."""
        distance = np.abs(self.row_wavelength - wavelength)
        if not np.isfinite(distance).any():
            return None
        row = int(np.nanargmin(distance))
        step = np.nanmax(np.abs(np.diff(self.row_wavelength[max(row - 1, 0) : row + 2])))
        return row if distance[row] <= step else None


@dataclass(frozen=True, eq=False)
class SpatialProfile:
    """Signal along the cross-dispersion axis, combined over wavelengths.

    Parameters
    ----------
    position : ndarray, shape (n_cross,), pixels
    value : ndarray, shape (n_cross,), unit of the image
    wavelength_range : (float, float), micron
        The range that was combined.
    """

    position: FloatArray
    value: FloatArray
    wavelength_range: tuple[float, float]
    unit: str = "MJy/sr"


@dataclass(frozen=True, eq=False)
class Trace:
    """Where the source's spectrum runs on an image.

    Parameters
    ----------
    center : float
        Cross-dispersion position, pixels, 0-indexed.
    uncertainty : float
        Its standard error, pixels.
    coefficients : tuple of float
        Polynomial in the dispersion pixel, constant term first, to be *added* to ``center``: an
        `Aperture` takes ``center`` and ``coefficients`` as they are.
    signal_to_noise : float
        Median signal-to-noise ratio per dispersion element.
    """

    center: float
    uncertainty: float
    coefficients: tuple[float, ...]
    signal_to_noise: float


def covariance_of(error: FloatArray, correlation: Sequence[float]) -> FloatArray:
    """Return the covariance matrix of elements whose noise is correlated alike everywhere.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Standard errors.
    correlation : sequence of float
        Of elements 1, 2, … apart; 0 for those farther apart.

    Returns
    -------
    ndarray, shape (n, n)
    """
    matrix = np.eye(len(error))
    for lag, value in enumerate(correlation, start=1):
        matrix += value * (np.eye(len(error), k=lag) + np.eye(len(error), k=-lag))
    return np.asarray(matrix * np.outer(error, error))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """An extracted spectrum with all columns of an x1d table.

    Parameters
    ----------
    columns : Mapping of str to ndarray, shape (n_wave,)
        The 18 x1d columns, rows in the pipeline's order (wavelength
        descending).
    origin : {"live", "pipeline", "delivered"}
        Computed in memory, written by a pipeline run, or found in the archive's x1d file.
    unit : str
        Unit of the flux: "Jy"; "DN/s" before photom; "Jy/sr", one pixel wide, where the size of a
        pixel is not known.
    header : Mapping
        What is known of the origin: aperture limits, reference files, versions.
    notes : tuple of str
        Plain sentences the user must see beside the curve, e.g. a missing aperture correction.
    path : Path or None
        The file, for a spectrum that was read.
    missing : Mapping of str to str
        Reference files, by type, that would have changed it and could not be had, and why.
    kind : {"x1d", "c1d", "live"}
        Extracted from one image, by combine_1d from the spectra of several, or saved from here.
    correlation : tuple of float
        Of the noise of elements 1, 2, … apart; empty where it is not known.
    systematic : Systematic or None
        How much it changes with what was chosen, where that was looked at (`lrs_explorer.sweep`).
    """

    columns: Mapping[str, NDArray[Any]]
    origin: Origin = "live"
    unit: str = "Jy"
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    path: Path | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    kind: str = "x1d"
    correlation: tuple[float, ...] = ()
    systematic: Systematic | None = None

    def __repr__(self) -> str:
        count = len(self.columns["WAVELENGTH"])
        return f"<Spectrum, {self.origin}: {count} wavelengths, {self.unit}>"

    def _repr_html_(self) -> str:
        wavelength, flux, error = self.wavelength, self.flux, self.flux_error
        rows: list[tuple[str, object]] = [("origin", self.origin)]
        if self.path is not None:
            rows.append(("file", self.path.name))
        if len(wavelength):
            limits = f"{wavelength[0]:.2f} to {wavelength[-1]:.2f} µm"
            rows.append(("wavelength", f"{len(wavelength)} elements, {limits}"))
        low, high = NOMINAL_RANGE
        inside = (wavelength >= low) & (wavelength <= high) & np.isfinite(flux) & (error > 0)
        if inside.any():
            ratio = np.median(flux[inside] / error[inside])
            rows.append(("flux", f"median {np.median(flux[inside]):.4g} {self.unit}, 5–12 µm"))
            rows.append(("signal to noise", f"median {ratio:.3g}, 5–12 µm"))
        rows += [("note", note) for note in self.notes]
        return facts_html("Spectrum", rows)

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        """Rows by ascending wavelength: of those with the same one that nearest to the middle.

        Old products fill the ends with zeros, NaN, or the wavelength of the last good row.
        """
        wavelength = np.asarray(self.columns["WAVELENGTH"])
        rows = np.flatnonzero(np.isfinite(wavelength) & (wavelength > 0))
        from_middle = np.abs(rows - (len(wavelength) - 1) / 2)
        ordered = rows[np.lexsort((from_middle, wavelength[rows]))]
        return ordered[np.diff(wavelength[ordered], prepend=-np.inf) > 0]

    def column(self, name: str) -> NDArray[Any]:
        """Return the x1d column ``name``, ordered by ascending wavelength, shape (n_wave,).

        Without rows that have no wavelength, or one that another row has; `table` has all.

        Parameters
        ----------
        name : str
            Such as "BACKGROUND".
        """
        return self.ascending(self.columns[name])

    def ascending(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return what stands in the rows of `columns` by ascending wavelength, shape (n_wave,).

        Parameters
        ----------
        rows : ndarray, shape (number of rows,)
        """
        return rows[self._order]

    def in_rows(self, values: FloatArray) -> FloatArray:
        """Return values by ascending wavelength in the order of the rows of `columns`; else NaN.

        Parameters
        ----------
        values : ndarray, shape (n_wave,)
        """
        rows = np.full(len(self.columns["WAVELENGTH"]), np.nan)
        rows[self._order] = values
        return rows

    @property
    def wavelength(self) -> FloatArray:
        """Wavelength, micron, ascending, shape (n_wave,)."""
        return self.column("WAVELENGTH")

    @property
    def flux(self) -> FloatArray:
        """Flux density, `unit`, by ascending wavelength, shape (n_wave,)."""
        return self.column("FLUX")

    @property
    def flux_error(self) -> FloatArray:
        """Standard error of the flux density, `unit`, shape (n_wave,)."""
        return self.column("FLUX_ERROR")

    @property
    def covariance(self) -> FloatArray | None:
        """Covariance of `flux`, `unit` squared, shape (n_wave, n_wave); None where not known.

        Of noise alone, which the bootstrap measures with its correlation; a systematic error is
        not in it.
        """
        return covariance_of(self.flux_error, self.correlation) if self.correlation else None

    @property
    def surf_bright(self) -> FloatArray:
        """Surface brightness, MJy/sr, or DN/s before photom, shape (n_wave,)."""
        return self.column("SURF_BRIGHT")

    @cached_property
    def extraction_type(self) -> Literal["box", "optimal"] | None:
        """How it was extracted, by its columns; None where they do not tell.

        No keyword says so. A weighted (PSF) extraction has no surface brightness: extract_1d writes
        zeros.
        """
        bright, error = self.columns["SURF_BRIGHT"], self.columns["SB_ERROR"]
        known = np.isfinite(self.columns["FLUX"]) & (self.columns["FLUX"] != 0)
        known &= np.isfinite(bright) & np.isfinite(error)
        if not known.any():
            return None
        return "box" if bright[known].any() or error[known].any() else "optimal"

    @property
    def box(self) -> tuple[float, float] | None:
        """First and last cross-dispersion pixel of its aperture, 0-indexed, inclusive.

        None where it has none, or that is not known: EXTRXSTR and EXTRXSTP of a PSF extraction are
        the limits of the PSF's image.
        """
        limits = [self.header.get(card) for card in ("EXTRXSTR", "EXTRXSTP")]
        known = [float(limit) - 1 for limit in limits if isinstance(limit, (int, float))]
        if len(known) < 2 or self.extraction_type != "box":
            return None
        return known[0], known[1]

    @property
    def table(self) -> Table:
        """The x1d table: 18 columns, rows as the pipeline writes them (wavelength descending)."""
        from astropy.table import Table

        units = column_units(self.unit)
        return Table(
            {name: np.array(values) for name, values in self.columns.items()},
            units={name: units[name] for name in self.columns if units[name]},
            meta=dict(self.header),
        )

    def to_specutils(self) -> SpecutilsSpectrum:
        """Return flux and standard error as a `specutils.Spectrum`, by ascending wavelength."""
        from astropy import units as u
        from astropy.nddata import StdDevUncertainty
        from specutils import Spectrum as SpecutilsSpectrum

        unit = u.Unit(self.unit)
        return SpecutilsSpectrum(
            flux=self.flux * unit,
            spectral_axis=self.wavelength * u.micron,
            uncertainty=StdDevUncertainty(self.flux_error * unit),
            mask=~np.isfinite(self.flux),
        )


def column_units(unit: str) -> dict[str, str]:
    """Return the units of the x1d columns of a spectrum, as ``Extract1dStep`` writes them.

    Parameters
    ----------
    unit : str
        Unit of its flux.
    """
    brightness = "DN/s" if unit == "DN/s" else "MJy/sr"
    return {
        name: known
        if known in ("", "um")
        else _like(unit if name.startswith("FLUX") else brightness, squared="^2" in known)
        for name, known in COLUMN_UNITS.items()
    }


def _like(unit: str, *, squared: bool) -> str:
    return " / ".join(f"{part.strip()}^2" for part in unit.split("/")) if squared else unit
