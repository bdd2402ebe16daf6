"""Hot and dead pixels that no flag tells, found on a detector image.

The image of a slit is modelled as what optics can make: in each dispersion element (row) a profile
that changes slowly along the spectrum, scaled by the row's own flux, upon a background that is
smooth across the slit. Spectral lines scale whole rows, a curved trace moves the profile slowly,
negative nod traces are a part of the profile; a bad pixel fits into none of them.

1. Flux of each row, roughly: signal in the median-filtered image.
2. Profile at each pixel: straight line, along the dispersion, through the neighbours of the pixel
   in units of the flux of their rows, *without the pixel itself*.
3. Flux and sloping background of each row, and how much its profile is shifted and widened against
   its neighbours': least-squares fit to the row.
4. Residual of each pixel in units of its expected noise, less what the pixel itself did to the fit
   of its row. Pixels that stand out are left out, and all is done again, until none is new.
5. Where many pixels of one row or one column are off, it is the profile that is wrong: they count
   for less.

Noise is that of VAR_POISSON + VAR_RNOISE at neighbouring rows (a hot pixel's own variance is as
wrong as its value), times the scatter of the residuals round about: errors that are too small
(MR-LRS05), flat field and fringes enter there.

How many planted pixels it finds and how many good ones it blames is measured by
benchmarks/outliers.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import flagged
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN, median

__all__ = ["SIGNIFICANT", "Outlier", "find_outliers"]

SIGNIFICANT = 4.5
"""Significance from which pixels are proposed, standard errors."""

_NOT_CANDIDATES = ("DO_NOT_USE", "NON_SCIENCE", "REFERENCE_PIXEL", "FLUX_ESTIMATED")
_HALF_LENGTH = 8  # rows either side from which a pixel's profile is taken
_MEDIAN_ROWS = 9
_SCATTER_WINDOW = (17, 5)  # rows, columns
_BY_CHANCE = 0.5  # by which the scatter of a dozen pixels may exceed 1
_SHIFT = 0.03  # pixels by which the profile of a row may be shifted from its neighbours'...
_WIDTH = 0.03  # ... and pixels squared by which it may be wider
_SHAPE_ERROR = 0.3  # of such a change, which is more than a shift and a wider profile
_FAST = 0.05  # of its wavelength by which a row differs from the next
_PASSES = 12
_LEFT_OUT = 4.0  # standard errors beyond which a pixel must not shape the model...
_BACK = 3.0  # ... and below which it may do so again
_MOST_LEFT_OUT = 3  # in a row or along a column; where there are more, it is the model that fails
_LEAST_USED = 6  # pixels in a row, and neighbours of a pixel, that a fit needs


@dataclass(frozen=True)
class Outlier:
    """A pixel that differs from what its surroundings tell.

    Parameters
    ----------
    row, column : int
        Of the detector image, 0-indexed.
    kind : {"hot", "dead"}
        "dead" where less than half of an expected positive or negative signal is left; otherwise
        "hot", above or (by nod subtraction) below what is expected.
    significance : float
        Excess over its standard error; of both nods where a partner confirms it.
    value, expected : float
        In the unit of the image.
    confirmed : bool
        The nod partner, an independent image, shows it too.
    """

    row: int
    column: int
    kind: Literal["hot", "dead"]
    significance: float
    value: float
    expected: float
    confirmed: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Row and column."""
        return self.row, self.column

    def describe(self) -> str:
        """Say what it is in one line."""
        return (
            f"{self.kind} pixel at row {self.row}, column {self.column}: {self.value:.4g}, "
            f"expected {self.expected:.4g} ({abs(self.significance):.1f}σ"
            f"{', in both nods' if self.confirmed else ''})"
        )


@dataclass(frozen=True, eq=False)
class _Slit:
    """The part of an image within the slit, ready to be modelled."""

    corner: tuple[int, int]
    data: FloatArray
    variance: FloatArray
    good: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Modelled:
    """Model and residuals, in standard errors, of a `_Slit`."""

    expected: FloatArray
    significance: FloatArray
    sigma: FloatArray


def find_outliers(
    image: SpectralImage,
    partner: SpectralImage | None = None,
    significance: float = SIGNIFICANT,
) -> list[Outlier]:
    """Propose unflagged hot and dead pixels of a detector image, the most significant first.

    Parameters
    ----------
    image : SpectralImage
        In detector pixels (cal, or any before it that has wavelengths); not resampled.
    partner : SpectralImage, optional
        The other nod at the same stage. It helps where the nods were not subtracted from each
        other; a subtracted pair holds the same pixels with opposite signs, and nothing new.
    significance : float, optional
        Least significance of what is proposed, standard errors.

    Returns
    -------
    list of Outlier
        Empty where the image is too small or too empty to be judged.
    """
    slit = _slit(image)
    if slit is None:
        return []
    modelled = _model(slit)
    score = modelled.significance
    confirmed = np.zeros(score.shape, dtype=bool)
    other = _partner_significance(partner, slit, score)
    if other is not None:
        both = (score + other) / np.sqrt(2.0)
        confirmed = (np.abs(other) > 3.0) & (np.sign(other) == np.sign(score))
        score = np.where(confirmed & (np.abs(both) > np.abs(score)), both, score)
    found = []
    off = slit.good & (np.abs(score) >= significance) & _told(image, slit)[:, None]
    off &= ~_row_is_off(off & (score > 0)) & ~_row_is_off(off & (score < 0))
    for i, j in np.argwhere(off):
        value, expected = float(slit.data[i, j]), float(modelled.expected[i, j])
        dead = abs(expected) > 2.0 * modelled.sigma[i, j] and abs(value) < 0.5 * abs(expected)
        found.append(
            Outlier(
                row=int(i) + slit.corner[0],
                column=int(j) + slit.corner[1],
                kind="dead" if dead else "hot",
                significance=float(score[i, j]),
                value=value,
                expected=expected,
                confirmed=bool(confirmed[i, j]),
            )
        )
    return sorted(found, key=lambda outlier: -abs(outlier.significance))


def _slit(image: SpectralImage) -> _Slit | None:
    good = np.isfinite(image.wavelength) & np.isfinite(image.data)
    if image.dq is not None:
        good &= ~flagged(image.dq, *_NOT_CANDIDATES)
    rows, columns = np.flatnonzero(good.any(axis=1)), np.flatnonzero(good.any(axis=0))
    if len(rows) < 2 * _HALF_LENGTH or len(columns) < _LEAST_USED:
        return None
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    variance = np.asarray(image.var_poisson[cut] + image.var_rnoise[cut], dtype=float)
    known = np.isfinite(variance) & (variance > 0)
    good = good[cut]
    if (known & good).sum() < 0.5 * good.sum():  # errors unknown: scatter alone has to tell
        known, variance = good, np.ones_like(variance)
    good = good & known
    if not good.any():
        return None
    return _Slit(
        corner=(int(rows[0]), int(columns[0])),
        data=np.where(good, image.data[cut], 0.0).astype(float),
        variance=_filled(variance, good),
        good=good,
    )


def _told(image: SpectralImage, slit: _Slit) -> NDArray[np.bool_]:
    """Tell in which rows the rows around show what the profile is.

    At the blue end of the prism the point-spread function of a row, which goes with the wavelength,
    is several per cent narrower than that of the row before.
    """
    first = slit.corner[0]
    wavelength = image.row_wavelength[first : first + len(slit.data)]
    step = np.nan_to_num(np.abs(np.diff(np.log(wavelength))))
    return np.asarray(np.maximum(np.append(step, 0.0), np.append(0.0, step)) < _FAST)


def _model(slit: _Slit) -> _Modelled:
    """Model a slit and tell by how much each pixel differs."""
    data = slit.data
    # Median along the dispersion: what a pixel's neighbours say about its noise.
    variance = scipy.ndimage.median_filter(slit.variance, size=(_MEDIAN_ROWS, 1), mode="nearest")
    smooth = scipy.ndimage.median_filter(
        _filled(data, slit.good), size=(_MEDIAN_ROWS, 1), mode="mirror"
    )
    flux = np.abs(smooth - np.median(smooth, axis=1, keepdims=True)).sum(axis=1)
    flux = np.maximum(flux, 1e-3 * flux.max() + np.finfo(float).tiny)
    used = slit.good & ~_glaring(slit, variance, smooth)
    for _ in range(_PASSES):
        weight = np.where(used, 1.0 / variance, 0.0)
        profile, profile_error = _profile(data, weight, flux)
        expected, spread, reshaped = _rows(data, weight, profile, flux)
        sigma = np.sqrt(variance + (flux[:, None] * profile_error) ** 2)
        alone = np.where(used, 1.0 - spread * weight, 1.0 + spread / variance)
        residual = (data - expected) / sigma / np.sqrt(np.clip(alone, 0.05, None))
        scatter = _scatter(residual, slit.good)
        scatter *= _row_scatter(residual / scatter, used & (np.abs(expected) > 5 * sigma))
        significance = np.where(slit.good, residual / scatter, 0.0)
        # A bad pixel spoils the model of its row and its column for others: the worst goes first.
        size = np.abs(significance) * used
        worst = size == np.maximum(
            scipy.ndimage.maximum_filter1d(size, 2 * _HALF_LENGTH + 1, axis=0),
            size.max(axis=1, keepdims=True),
        )
        worst &= (size > _LEFT_OUT) & (_crowd(slit.good & ~used) < _MOST_LEFT_OUT)
        kept = slit.good & ~worst & (used | (np.abs(significance) < _BACK))
        if (kept == used).all():
            break
        used = kept
    noise = sigma * scatter
    excess = np.hypot(1.0, _SHAPE_ERROR * reshaped / noise)
    excess *= _column_scatter(significance / excess, slit.good)
    return _Modelled(expected, significance / excess, noise * excess)


def _row_is_off(off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell where so many of a row are off the same way that its model fails."""
    window = np.ones(_HALF_LENGTH + 1, dtype=int)
    return np.asarray(
        scipy.ndimage.correlate1d(off.astype(int), window, axis=1, mode="constant") > _MOST_LEFT_OUT
    )


def _crowd(left_out: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count what is left out already along the row and along the column of each pixel."""
    count = left_out.astype(int)
    window = np.ones(2 * _HALF_LENGTH + 1, dtype=int)
    column = scipy.ndimage.correlate1d(count, window, axis=0, mode="constant", cval=0)
    return np.asarray(np.maximum(column, count.sum(axis=1, keepdims=True)))


def _glaring(slit: _Slit, variance: FloatArray, smooth: FloatArray) -> NDArray[np.bool_]:
    """Pixels that are wrong beyond doubt; left in, they would spoil their row's first model."""
    bright = slit.good & (np.abs(smooth) > 5.0 * np.sqrt(variance))
    ratio = np.divide(slit.data, smooth, out=np.full_like(smooth, np.nan), where=bright)
    several = bright.sum(axis=1) >= _LEAST_USED
    line = np.ones(len(smooth))
    line[several] = np.nanmedian(ratio[several], axis=1)
    expected = line[:, None] * smooth
    return np.asarray(
        np.abs(slit.data - expected) > 8.0 * np.sqrt(variance) + 0.3 * np.abs(expected)
    )


def _profile(
    data: FloatArray, weight: FloatArray, flux: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Profile at each pixel from the rows around it, without the pixel itself.

    A straight line in the row number through ``data / flux`` of the same column, at the pixel.

    Returns
    -------
    profile, error : ndarray, shape (n_rows, n_columns)
        0 and infinity where too few neighbours are usable.
    """
    offset = np.arange(-_HALF_LENGTH, _HALF_LENGTH + 1, dtype=float)
    kernel = (1.0 - (offset / (_HALF_LENGTH + 1)) ** 2) * (offset != 0)
    information = weight * flux[:, None] ** 2
    moment = weight * flux[:, None] * data

    def around(values: FloatArray, power: int) -> FloatArray:
        return np.asarray(
            scipy.ndimage.correlate1d(
                values, kernel * offset**power, axis=0, mode="constant", cval=0.0
            )
        )

    s0, s1, s2 = (around(information, power) for power in (0, 1, 2))
    m0, m1 = around(moment, 0), around(moment, 1)
    # A line where neighbours lie on both sides, their mean where the line is not determined.
    determinant = s0 * s2 - s1**2
    line = determinant > 1e-3 * s0 * s2
    safe = np.where(line, determinant, 1.0)
    mean = np.divide(m0, s0, out=np.zeros_like(m0), where=s0 > 0)
    profile = np.where(line, (s2 * m0 - s1 * m1) / safe, mean)
    gain = np.where(line, s2 / safe, np.divide(1.0, s0, out=np.full_like(s0, np.inf), where=s0 > 0))
    count = around((weight > 0).astype(float), 0)
    enough = count >= 0.2 * kernel.sum()
    return np.where(enough, profile, 0.0), np.where(enough, np.sqrt(gain), np.inf)


def _rows(
    data: FloatArray, weight: FloatArray, profile: FloatArray, flux: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit flux, small changes of the profile and a sloping background of each row.

    Returns
    -------
    expected : ndarray, shape (n_rows, n_columns)
    spread : ndarray, shape (n_rows, n_columns)
        Variance of ``expected`` by the fit.
    reshaped : ndarray, shape (n_rows, n_columns)
        The part of ``expected`` that is change of the profile.
    """
    slope = np.broadcast_to(np.linspace(-1.0, 1.0, data.shape[1]), data.shape)
    shift = np.gradient(profile, axis=1)
    basis = np.stack([profile, shift, np.gradient(shift, axis=1), np.ones_like(data), slope])
    weighted = basis * weight
    normal = np.einsum("irc,jrc->rij", weighted, basis)
    moment = np.einsum("irc,rc->ri", weighted, data)
    # Rows too faint to tell their own flux and profile take those of the rows around them.
    for term, freedom in enumerate((1.0, _SHIFT, _WIDTH)):
        prior = 1.0 / (freedom * flux) ** 2
        normal[:, term, term] += prior
    moment[:, 0] += 1.0 / flux
    diagonal = np.einsum("rii->ri", normal)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    normal = normal / scale[:, :, None] / scale[:, None, :] + 1e-9 * np.eye(len(basis))
    covariance = np.linalg.inv(normal) / scale[:, :, None] / scale[:, None, :]
    solution = np.einsum("rij,rj->ri", covariance, moment)
    expected = np.einsum("ri,irc->rc", solution, basis)
    spread = np.einsum("irc,rij,jrc->rc", basis, covariance, basis)
    return expected, spread, np.einsum("ri,irc->rc", solution[:, 1:3], basis[1:3])


def _scatter(residual: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """Scatter of the residuals around each pixel, in units of the expected noise.

    At least that of the whole image: what a few dozen pixels say is itself uncertain.
    """
    size = np.abs(residual)
    local = scipy.ndimage.median_filter(_filled(size, good), size=_SCATTER_WINDOW, mode="reflect")
    return np.asarray(
        SIGMA_PER_MEDIAN * np.maximum(local, np.median(size[good]) + np.finfo(float).tiny)
    )


def _column_scatter(significance: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """By how much pixels scatter more along their column than round about, at least 1.

    A run of pixels that are off is a wrong profile in that column, not bad pixels.
    """
    size = _filled(np.abs(significance), good)
    run = scipy.ndimage.median_filter(size, size=(_SCATTER_WINDOW[0], 1), mode="reflect")
    return np.asarray(np.maximum(SIGMA_PER_MEDIAN * run - _BY_CHANCE, 1.0))


def _row_scatter(significance: FloatArray, bright: NDArray[np.bool_]) -> FloatArray:
    """By how much the pixels of the source scatter more in a row than around it, at least 1.

    Many pixels that are a little off in one row are a change of the profile (a PSF that changes
    fast, light from elsewhere), not bad pixels. Shape (n_rows, 1).
    """
    several = bright.sum(axis=1) >= _LEAST_USED
    scatter = np.ones((len(bright), 1))
    size = np.where(bright, np.abs(significance), np.nan)[several]
    scatter[several, 0] = np.maximum(SIGMA_PER_MEDIAN * median(size, axis=1) - _BY_CHANCE, 1.0)
    return scatter


def _filled(values: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """Put the nearest good value, preferably of the same column, where there is none."""
    _, (row, column) = scipy.ndimage.distance_transform_edt(
        ~good, sampling=(1.0, 3.0), return_indices=True
    )
    return np.asarray(values[row, column], dtype=float)


def _partner_significance(
    partner: SpectralImage | None, slit: _Slit, score: FloatArray
) -> FloatArray | None:
    """Significance of each pixel in the other nod; None without one that tells anything new."""
    other = _slit(partner) if partner is not None else None
    if other is None:
        return None
    theirs = _model(other).significance
    aligned = np.zeros_like(score)
    rows = np.arange(score.shape[0]) + slit.corner[0] - other.corner[0]
    columns = np.arange(score.shape[1]) + slit.corner[1] - other.corner[1]
    i = np.flatnonzero((rows >= 0) & (rows < theirs.shape[0]))
    j = np.flatnonzero((columns >= 0) & (columns < theirs.shape[1]))
    if not len(i) or not len(j):
        return None
    aligned[np.ix_(i, j)] = theirs[np.ix_(rows[i], columns[j])]
    # Noise that two images share shows that one was subtracted from the other.
    quiet = (np.abs(score) < 3.0) & (np.abs(aligned) < 3.0) & (score != 0) & (aligned != 0)
    if quiet.sum() < 100 or abs(np.corrcoef(score[quiet], aligned[quiet])[0, 1]) > 0.3:
        return None
    return aligned
