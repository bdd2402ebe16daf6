"""Detection and fit of a trace on the pixels of one image.

1. `usable_pixels`: pixels that are flagged, not finite, or far from their neighbours along the
   dispersion axis are left out, and so are columns sharper than a PSF; quoted errors that are too
   small for the observed scatter are raised.
2. `detect`: the image is combined into bins along the dispersion axis. At each position the PSF
   is fitted to every bin, and the significances of the bins, each limited, are added up. A
   candidate must stand out against its own surroundings, without help from any one column, and
   against the negative traces of a nod subtraction. Otherwise there is no trace.
3. `fit`: each row is fitted with the PSF, its derivative and a sloping background. The
   derivative's amplitude is a shift; a quadratic through the shifts of all rows, weighted by
   their information, corrects the trace, until nothing is left to correct. This is the
   Gauss-Newton solution of a maximum-likelihood fit to all pixels.

The false-alarm rate, the errors and how often they are within the quoted uncertainty are measured
by benchmarks/trace_finding.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import Legendre, Polynomial, legendre
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import unusable
from lrs_explorer.model.data.instrument import NOMINAL_RANGE, PSF_FWHM, SCALE_ALONG
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Trace
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN

__all__ = ["Pixels", "detect", "fit", "usable_pixels"]

_PIXEL_SCALE = SCALE_ALONG["slit"]  # 0.7 % less in slitless mode, which does not matter here
_PIXEL_BLUR = 0.5  # pixels, rms: the pixel itself and its resampling

_HALF_WINDOW = 7.0  # pixels: two FWHM at the red end, less than half the distance of two nods
_OUTLIER = 5.0  # noise sigmas
_SHARPEST = 0.45  # column less mean of its neighbours, of the PSF's peak: 0.35 at 5 micron
_SPECTRAL_CONTRAST = 0.3  # how much a real spectrum may differ from its median over 9 rows

_BIN_ROWS = 16  # S/N grows fourfold; a trace bends by much less than a PSF within a bin
_THRESHOLD = 6.0  # significance of all bins together
_THRESHOLD_ALONE = 4.0  # the same above a local slope and with any column left out
_LIMIT = 8.0  # significance that one bin can contribute
_LEAST_POSITIVE = 0.2  # of the deepest negative trace, which is the same source in the other nod

_BEND_RECTIFIED = 0.5  # pixels, rms of tilt and of bend that resampling leaves
_BEND_DETECTOR = 2.0  # pixels, the same in detector coordinates
_SMOOTHING_ROWS = 15  # of the flux; two resolution elements
_FULL_WEIGHT = 10.0  # signal-to-noise ratio above which rows count about equally in the center
_BLOCK_ROWS = 8  # longer than the noise of resampled pixels is correlated
_ITERATIONS = 10
_MODEL_ERROR = 0.001  # pixels: what is left without noise (PSF model, negative traces, edges)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The part of an image that holds data, ready to be fitted.

    Parameters
    ----------
    data : ndarray, shape (n_wave, n_cross)
        Less the median of each row; 0 where not usable.
    weight : ndarray, shape (n_wave, n_cross)
        Inverse variance, 0 where not usable.
    row, column : ndarray, shape (n_wave,) and (n_cross,)
        Pixel numbers in the whole image.
    wavelength : ndarray, shape (n_wave,), micron; NaN where unknown
    """

    data: FloatArray
    weight: FloatArray
    row: FloatArray
    column: FloatArray
    wavelength: FloatArray


def usable_pixels(image: SpectralImage) -> Pixels | None:
    """Select the pixels to be trusted and give them weights; None when too few are left."""
    wavelength = image.row_wavelength
    # Of a full frame only the slit has wavelengths.
    good = np.isfinite(image.data) & np.isfinite(image.wavelength)
    if image.dq is not None:
        good &= ~unusable(image.dq)
    rows, columns = np.flatnonzero(good.any(axis=1)), np.flatnonzero(good.any(axis=0))
    if len(rows) < 3 * _BIN_ROWS or len(columns) < 2:
        return None
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    good = good[cut]
    data = np.where(good, image.data[cut], np.nan).astype(float)
    data -= _row_median(data)[:, None]
    variance = sum(
        np.nan_to_num(v[cut].astype(float), nan=0.0, posinf=0.0, neginf=0.0)
        for v in (image.var_poisson, image.var_rnoise, image.var_flat)
    )

    # A spectrum changes slowly along the dispersion axis, an unflagged bad pixel does not.
    smooth = scipy.ndimage.median_filter(_filled(data, good), size=(9, 1), mode="reflect")
    residual = np.where(good, data - smooth, 0.0)
    known = good & (variance > 0)
    if known.sum() > 0.5 * good.sum():
        good = known
        sigma = np.sqrt(np.where(good, variance, 1.0))
    else:
        by_row = SIGMA_PER_MEDIAN * _row_median(np.where(good, np.abs(residual), np.nan))
        by_row = scipy.ndimage.median_filter(by_row, size=9, mode="reflect")
        least = 1e-6 * np.abs(smooth).max()  # an image without any noise is fitted all the same
        if least == 0:
            return None
        sigma = np.repeat(np.maximum(by_row, least)[:, None], data.shape[1], axis=1)
    sigma = sigma * max(1.0, SIGMA_PER_MEDIAN * float(np.median(np.abs(residual / sigma)[good])))
    good &= np.abs(residual) <= _OUTLIER * sigma + _SPECTRAL_CONTRAST * np.abs(smooth)
    good &= ~_narrow_columns(data, good, sigma)
    return Pixels(
        data=np.where(good, data, 0.0),
        weight=np.where(good, 1.0 / sigma**2, 0.0),
        row=np.arange(rows[0], rows[-1] + 1, dtype=float),
        column=np.arange(columns[0], columns[-1] + 1, dtype=float),
        wavelength=wavelength[cut[0]],
    )


def _narrow_columns(
    data: FloatArray, good: NDArray[np.bool_], sigma: FloatArray
) -> NDArray[np.bool_]:
    """Columns that stick out of their neighbours more sharply than a PSF can: hot or dead ones."""
    row_noise = np.median(sigma, axis=1, keepdims=True)
    number = good.sum(axis=0)
    known = number > 0
    total = np.where(good, data / row_noise, 0.0).sum(axis=0)
    column = np.arange(data.shape[1])
    profile = np.interp(column, column[known], total[known] / number[known])
    padded = np.pad(profile, 1, mode="reflect", reflect_type="odd")
    contrast = np.abs(profile - 0.5 * (padded[:-2] + padded[2:]))
    around = scipy.ndimage.maximum_filter1d(np.abs(profile), 5)
    noise = np.sqrt(1.5 / np.maximum(number, 1))
    return known & (contrast > _SHARPEST * around) & (contrast > 2 * _OUTLIER * noise)


def _filled(data: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """Interpolate over unusable pixels along the dispersion axis; columns without any become 0."""
    filled = np.where(good, data, 0.0)
    row = np.arange(len(data))
    for j in np.flatnonzero(~good.all(axis=0) & good.any(axis=0)):
        filled[:, j] = np.interp(row, row[good[:, j]], data[good[:, j], j])
    return filled


def _row_median(data: FloatArray) -> FloatArray:
    """Median of each row over its finite values; 0 for rows that have none."""
    ordered = np.sort(data, axis=1)
    count = np.isfinite(data).sum(axis=1)
    row = np.arange(len(data))
    middle = 0.5 * (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, count // 2])
    return np.where(count > 0, middle, 0.0)


def _psf_sigma(wavelength: FloatArray) -> FloatArray:
    """Width of the Gaussian that stands for the PSF on the pixel grid, pixels, rms."""
    fwhm = np.interp(wavelength, *PSF_FWHM)
    return np.hypot(fwhm / _PIXEL_SCALE / 2.3548, _PIXEL_BLUR)


def _gaussian(offset: FloatArray, sigma: FloatArray) -> FloatArray:
    """Gaussian of unit sum on the pixel grid."""
    return np.exp(-0.5 * (offset / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)


def detect(pixels: Pixels) -> float | None:
    """Position of the brightest trustworthy positive trace, to half a pixel; None without one."""
    starts = np.arange(0, len(pixels.row) - _BIN_ROWS + 1, _BIN_ROWS)
    weight = np.add.reduceat(pixels.weight, starts, axis=0)
    value = np.add.reduceat(pixels.weight * pixels.data, starts, axis=0)
    value = np.divide(value, weight, out=np.zeros_like(value), where=weight > 0)
    value -= _sloping_background(value, weight)
    weight /= _excess_noise(value, weight) ** 2
    known = np.isfinite(pixels.wavelength)
    wavelength = np.interp(
        pixels.row[starts] + _BIN_ROWS / 2, pixels.row[known], pixels.wavelength[known]
    )
    sigma = _psf_sigma(wavelength)[:, None]

    grid = np.arange(pixels.column[0], pixels.column[-1] + 0.25, 0.5)
    psf = _gaussian(pixels.column - grid[:, None, None], sigma)  # (position, bin, column)
    information = np.einsum("gkx,kx->gk", psf**2, weight)
    signal = np.einsum("gkx,kx->gk", psf, weight * value)
    seen = np.einsum("gkx,kx->gk", psf, weight > 0) > 0.5  # most of the PSF on usable pixels
    significance = np.divide(signal, np.sqrt(information), out=np.zeros_like(signal), where=seen)
    # A negative trace has the noise of the dark sky: by significance a bright star would be nothing
    # beside its own negative image.
    amplitude = np.divide(signal, information, out=np.zeros_like(signal), where=seen)
    brightness = amplitude @ np.sqrt(np.median(information, axis=0))
    combined = _combine(significance)

    highest = scipy.ndimage.maximum_filter1d(brightness, 5) == brightness
    lowest = scipy.ndimage.minimum_filter1d(brightness, 5) == brightness
    positive = highest & (combined > _THRESHOLD)
    positive &= brightness > -_LEAST_POSITIVE * brightness.min()
    negative = grid[lowest & (combined < -_THRESHOLD)]
    for candidate in sorted(np.flatnonzero(positive), key=lambda index: -brightness[index]):
        offset = pixels.column - grid[candidate]
        near = np.abs(offset) <= _HALF_WINDOW
        for trough in negative:
            near &= np.abs(pixels.column - trough) > 0.5 * _HALF_WINDOW
        if _stands_alone(value[:, near], weight[:, near], sigma, offset[near]):
            return float(grid[candidate])
    return None


def _combine(significance: FloatArray) -> FloatArray:
    """Significance of all bins together (last axis), none of which may decide alone."""
    limited = np.clip(significance, -_LIMIT, _LIMIT)
    return np.asarray(limited.sum(axis=-1) / np.sqrt(limited.shape[-1]))


def _sloping_background(value: FloatArray, weight: FloatArray) -> FloatArray:
    """Straight line along each bin that ignores traces of either sign."""
    basis = np.stack([np.ones(value.shape[1]), np.linspace(-1.0, 1.0, value.shape[1])])
    noise = np.sqrt(np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0))
    line = np.zeros_like(value)
    for _ in range(6):
        residual = value - line
        spread = SIGMA_PER_MEDIAN * _row_median(np.where(weight > 0, np.abs(residual), np.nan))
        scale = 2.0 * np.maximum(noise, spread[:, None])
        robust = np.divide(residual, scale, out=np.zeros_like(scale), where=scale > 0)
        robust = (weight > 0) / (1.0 + robust**2) ** 2
        normal = np.einsum("ix,jx,kx->kij", basis, basis, robust) + 1e-9 * np.eye(2)
        moment = np.einsum("ix,kx->ki", basis, robust * value)
        line = np.linalg.solve(normal, moment[..., None])[..., 0] @ basis
    return line


def _excess_noise(value: FloatArray, weight: FloatArray) -> float:
    """Noise of the bins relative to ``weight``, at least 1; correlated pixels make it larger."""
    variance = np.divide(1.0, weight, out=np.full_like(weight, np.nan), where=weight > 0)
    difference = value[:-2] - 2.0 * value[1:-1] + value[2:]
    difference /= np.sqrt(variance[:-2] + 4.0 * variance[1:-1] + variance[2:])
    known = np.abs(difference[np.isfinite(difference)])
    return max(1.0, SIGMA_PER_MEDIAN * float(np.median(known))) if known.size else 1.0


def _stands_alone(
    value: FloatArray, weight: FloatArray, sigma: FloatArray, offset: FloatArray
) -> bool:
    """Tell whether a peak at offset 0 rises above a local slope, whichever column is left out."""
    psf = _gaussian(offset, sigma)
    basis = np.stack([psf, np.ones_like(psf), np.broadcast_to(offset / _HALF_WINDOW, psf.shape)])
    for left_out in [None, *np.flatnonzero(np.abs(offset) <= 2.0)]:
        used = weight.copy()
        if left_out is not None:
            used[:, left_out] = 0.0
        amplitude, variance = _solve(basis, value, used)
        if _combine(amplitude[0] / np.sqrt(variance[0])) < _THRESHOLD_ALONE:
            return False
    return True


def _solve(
    basis: FloatArray, value: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Least-squares amplitudes of ``basis`` (n_basis, n_row, n_cross) row by row.

    Returns
    -------
    amplitude, variance : ndarray, shape (n_basis, n_row)
        0 and infinity for rows with too few usable pixels.
    """
    weighted = basis * weight
    normal = np.einsum("irx,jrx->rij", weighted, basis)
    moment = np.einsum("irx,rx->ri", weighted, value)
    # Scaled to a unit diagonal, so that the determinant tells how independent the terms are.
    diagonal = np.sqrt(np.einsum("rii->ri", normal))
    determined = (diagonal > 0).all(axis=1)
    scale = np.where(determined[:, None], diagonal, 1.0)
    normal /= scale[:, :, None] * scale[:, None, :]
    determined &= np.linalg.det(normal) > 1e-4
    normal[~determined] = np.eye(len(basis))
    inverse = np.linalg.inv(normal)
    amplitude = np.einsum("rij,rj->ri", inverse, moment / scale) / scale
    variance = np.einsum("rii->ri", inverse) / scale**2
    amplitude[~determined], variance[~determined] = 0.0, np.inf
    return amplitude.T, variance.T


def fit(pixels: Pixels, start: float, rectified: bool) -> Trace | None:
    """Fit a quadratic trace that begins at ``start``; None when the fit runs away from it.

    ``rectified`` tells whether the image was resampled along the expected trace.
    """
    bend = _BEND_RECTIFIED if rectified else _BEND_DETECTOR
    domain = [pixels.row[0], pixels.row[-1]]
    powers = legendre.legvander(np.linspace(-1.0, 1.0, len(pixels.row)), 2)
    prior = np.diag([0.0, 1.0 / bend**2, 1.0 / bend**2])
    solution = np.array([start, 0.0, 0.0])
    for _ in range(_ITERATIONS):
        shift, gain, signal_to_noise = _row_shifts(pixels, powers @ solution)
        scatter = (
            SIGMA_PER_MEDIAN * float(np.median(np.abs(shift[gain > 0]))) if gain.any() else 0.0
        )
        trust = np.clip(1.0 - (shift / max(6.0 * scatter, 1e-9)) ** 2, 0.0, None) ** 2
        information = powers.T @ ((trust * gain**2)[:, None] * powers)
        if information[0, 0] == 0:
            return None
        pull = powers.T @ (trust * gain * shift) - prior @ solution
        step = np.linalg.solve(information + prior, pull)
        solution = solution + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-3:
            break

    position = powers @ solution
    nominal = (pixels.wavelength >= NOMINAL_RANGE[0]) & (pixels.wavelength <= NOMINAL_RANGE[1])
    if not (nominal & (gain > 0)).any():
        nominal = gain > 0
    weight = nominal * signal_to_noise**2 / (signal_to_noise**2 + _FULL_WEIGHT**2)
    weight /= weight.sum()
    center = float(weight @ position)
    if abs(center - start) > _HALF_WINDOW / 2:
        return None

    # Rows whose pixels share noise or model errors scatter together: blocks of them tell how much,
    # apart from what the fit has followed (their leverage).
    blocks = np.arange(0, len(shift), _BLOCK_ROWS)
    observed = np.add.reduceat(trust * gain * shift, blocks) ** 2
    expected = np.add.reduceat((trust * gain) ** 2, blocks)
    spread = np.einsum("ri,ij,rj->r", powers, np.linalg.inv(information + prior), powers)
    expected *= np.clip(1.0 - np.add.reduceat(trust * gain**2 * spread, blocks), 0.1, 1.0)
    excess = max(1.0, float(np.mean(observed[expected > 0] / expected[expected > 0])))
    covariance = np.linalg.inv(information / excess + prior)
    mean_powers = weight @ powers
    coefficients = Legendre(solution, domain=domain).convert(kind=Polynomial).coef
    coefficients[0] -= center
    return Trace(
        center=center,
        uncertainty=float(np.hypot(_MODEL_ERROR, np.sqrt(mean_powers @ covariance @ mean_powers))),
        coefficients=tuple(float(c) for c in coefficients),
        signal_to_noise=float(np.median(signal_to_noise[nominal])),
    )


def _row_shifts(pixels: Pixels, position: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit each row with a PSF at ``position``.

    Returns
    -------
    shift : ndarray, shape (n_wave,)
        How far the light of each row lies beyond ``position``, in standard errors...
    gain : ndarray, shape (n_wave,)
        ... of which a shift by one pixel makes so many.
    signal_to_noise : ndarray, shape (n_wave,)
        Of the PSF's amplitude, smoothed over rows; 0 where nothing is seen.
    """
    sigma = _psf_sigma(np.nan_to_num(pixels.wavelength, nan=NOMINAL_RANGE[1]))[:, None]
    offset = pixels.column - position[:, None]
    psf = _gaussian(offset, sigma)
    slope = offset / sigma**2 * psf  # derivative with respect to the position
    basis = np.stack([psf, slope, np.ones_like(psf), offset / _HALF_WINDOW])
    near = np.abs(offset) <= _HALF_WINDOW
    amplitude, variance = _solve(basis, pixels.data, pixels.weight * near)
    # Single rows of a faint source say little about its flux, their neighbours more.
    kernel = np.ones(_SMOOTHING_ROWS)
    total_weight = np.convolve(1.0 / variance[0], kernel, mode="same")
    flux = np.convolve(amplitude[0] / variance[0], kernel, mode="same")
    flux = np.divide(flux, total_weight, out=np.zeros_like(flux), where=total_weight > 0)
    # Less what noise alone adds to the square of a flux; nothing for less than one sigma.
    excess = flux**2 * total_weight - 1.0
    flux *= np.divide(
        excess, excess + 1.0, out=np.zeros_like(flux), where=(excess > 0) & (flux > 0)
    )
    error = np.sqrt(variance[1])
    signal_to_noise = flux * np.sqrt((psf**2 * pixels.weight * near).sum(axis=1))
    return amplitude[1] / error, flux / error, signal_to_noise
