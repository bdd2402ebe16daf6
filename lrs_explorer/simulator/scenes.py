"""Two-dimensional scenes in memory: what a resampled slit image looks like, with its truth.

`simulate_s2d_scene` runs no pipeline and reads no file, so that hundreds of scenes can be made in
a second, for instance to measure a trace finder. For product files made by the real pipeline see
`lrs_explorer.simulator.observation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.spectra import SPECTRA, source_flux

Array = NDArray[np.float64]

_EDGE = 6.0  # pixels a random trace stays away from either end of the image
_INTERPIXEL_SMOOTHING = 0.5  # pixels, rms; what resampling adds to the width of a profile


@dataclass(frozen=True, eq=False)
class S2DScene:
    """A simulated s2d image and everything that is true about it.

    Axis 0 is the dispersion axis (wavelength falls with the row, as in an s2d product), axis 1
    the cross-dispersion axis. Positions are 0-indexed pixels, pixel *i* covers [i - 0.5, i + 0.5].

    Attributes
    ----------
    data : ndarray, shape (n_wave, n_cross), MJy/sr
        NaN where the image has no data: its outer columns and its bad pixels.
    wavelength : ndarray, shape (n_wave,), micron
    var_rnoise, var_poisson, var_flat : ndarray, shape (n_wave, n_cross), (MJy/sr)**2
        Variances the noise was drawn from; NaN where `data` is.
    trace : ndarray, shape (n_wave,), pixels, or None
        Center of the positive trace at each row; None where there is no source.
    negative_traces : tuple of ndarray, shape (n_wave,), pixels
        Centers of the traces that nod subtraction leaves.
    flux : ndarray, shape (n_wave,), Jy
        What a wide aperture would extract from the noiseless source; 0 where there is none.
    bad : ndarray of bool, shape (n_wave, n_cross)
        NaN pixels planted inside the image.
    hot : ndarray of bool, shape (n_wave, n_cross)
        Pixels with a wrong, finite value that no flag tells.
    snr_per_row : float
        Median over 5-12 micron of the matched-filter signal-to-noise ratio of one row.
    seed : int
    """

    data: Array
    wavelength: Array
    var_rnoise: Array
    var_poisson: Array
    var_flat: Array
    trace: Array | None
    negative_traces: tuple[Array, ...]
    flux: Array
    bad: NDArray[np.bool_]
    hot: NDArray[np.bool_]
    snr_per_row: float
    seed: int

    @property
    def center(self) -> float | None:
        """Median center of the positive trace in pixels, or None where there is no source."""
        return None if self.trace is None else float(np.median(self.trace))

    @property
    def image(self) -> SpectralImage:
        """The scene as the image of an s2d product."""
        return SpectralImage(
            data=self.data,
            wavelength=np.repeat(self.wavelength[:, None], self.data.shape[1], axis=1),
            var_poisson=self.var_poisson,
            var_rnoise=self.var_rnoise,
            var_flat=self.var_flat,
        )


def simulate_s2d_scene(
    seed: int,
    snr_per_row: float = 20.0,
    *,
    n_wave: int = 387,
    n_cross: int = 45,
    center: float | None = None,
    spectrum: str | None = None,
    negative_traces: int | None = None,
    max_curvature: float = 0.6,
    bad_pixel_fraction: float = 0.004,
    hot_pixel_count: int = 6,
    background_level: float = 12.0,
    blank: bool = False,
) -> S2DScene:
    """Simulate a resampled slit image with known trace, background and defects.

    Parameters
    ----------
    seed : int
        The same arguments give the same scene.
    snr_per_row : float
        Median over 5-12 micron of the matched-filter S/N of one row, sqrt(sum(signal**2 / var)).
        Rows near 14 micron and below 5 micron come out much worse, as they do in flight. The
        noise is that of sky and read-out: the source is taken to be faint beside the sky.
    n_wave, n_cross : int
        Shape of the image; 387 x 45 is what the pipeline makes of one nod.
    center : float, optional
        Mean column of the trace. Drawn anywhere but the outer six columns when not given.
    spectrum : str, optional
        A name in `lrs_explorer.simulator.spectra.SPECTRA`; drawn when not given.
    negative_traces : int, optional
        0 (no nod subtraction), 1 (one nod less the other) or 2 (both nods combined, half depth);
        drawn when not given. One that would fall outside the image is left out.
    max_curvature : float, pixels
        Bound of tilt and of bend that the resampling has left in the trace.
    bad_pixel_fraction : float
        Share of NaN pixels, single ones and some vertical pairs.
    hot_pixel_count : int
        Number of unflagged outliers of either sign, 10 to 60 noise sigmas.
    background_level : float, MJy/sr
        Sky at 10 micron. It makes photon noise; nod subtraction leaves at most 1 % of it, with a
        slope along the slit. Without nod subtraction all of it stays in the image.
    blank : bool
        No source at all (nothing to find).

    Returns
    -------
    S2DScene

    Raises
    ------
    ValueError
        When the image is too small for a trace or `negative_traces` is not 0, 1 or 2.
    """
    if n_wave < 10 or n_cross < 2 * _EDGE + 1:
        raise ValueError(f"an image of {n_wave} x {n_cross} pixels is too small for a trace")
    if negative_traces not in (None, 0, 1, 2):
        raise ValueError(f"negative_traces must be 0, 1 or 2, not {negative_traces}")
    rng = np.random.default_rng(seed)
    # Every choice is drawn whether it is used or not: fixing one must not change the others.
    drawn_center = float(rng.uniform(_EDGE, n_cross - 1 - _EDGE))
    drawn_spectrum = str(rng.choice(sorted(SPECTRA)))
    drawn_negatives = int(rng.integers(0, 3))
    bend = rng.uniform(-max_curvature, max_curvature, size=2)
    sky_residual = float(rng.normal(0.0, 0.004))
    sky_slope = float(rng.normal(0.0, 0.1))
    mean_center = drawn_center if center is None else float(center)
    n_negative = drawn_negatives if negative_traces is None else negative_traces

    rows = np.linspace(instrument.FIRST_ROW, instrument.LAST_ROW, n_wave)
    wavelength = instrument.wavelength_at_row(rows)
    u = np.linspace(-1.0, 1.0, n_wave)
    trace = mean_center + bend[0] * u + bend[1] * (u**2 - 1.0 / 3.0)

    flux = source_flux(spectrum or drawn_spectrum, 1.0, wavelength)
    flux = flux * instrument.slit_transmission(wavelength)
    if blank:
        flux = np.zeros(n_wave)
    profile = _profile(wavelength, trace, n_cross)
    offsets = _negative_offsets(n_negative, mean_center)
    negatives = tuple(
        trace + offset for offset, _ in offsets if -0.5 <= mean_center + offset <= n_cross - 0.5
    )
    pattern = profile.copy()
    for offset, depth in offsets:
        pattern -= depth * _profile(wavelength, trace + offset, n_cross)

    signal_shape = flux[:, None] * profile / instrument.JY_PER_MJY_SR
    sky = instrument.thermal_background(wavelength, background_level)
    conversion = instrument.PHOTMJSR * instrument.relative_response(wavelength)
    noise_shape = _noise_variances(sky, conversion, n_cross)

    in_range = (wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1])
    if blank:
        scale = 1.0
    else:
        total_shape = noise_shape[0] + noise_shape[1]
        snr_of_unit = np.sqrt(np.nansum(signal_shape**2 / total_shape, axis=1))
        # The source is scaled to the noise, which keeps the sky's own brightness physical.
        scale = snr_per_row / float(np.median(snr_of_unit[in_range]))
    flux = flux * scale
    source = flux[:, None] * pattern / instrument.JY_PER_MJY_SR
    var_rnoise, var_poisson = noise_shape
    var_flat = (0.002 * source) ** 2

    along = np.linspace(-1.0, 1.0, n_cross)
    kept_sky = 1.0 if n_negative == 0 else sky_residual * (1.0 + sky_slope * along)
    sigma = np.sqrt(var_rnoise + var_poisson)
    data = source + sky[:, None] * kept_sky + rng.normal(size=(n_wave, n_cross)) * sigma

    hot, bad = _spoil(rng, data, sigma, hot_pixel_count, bad_pixel_fraction)
    missing = bad.copy()
    missing[:, [0, -1]] = True  # the ends of the slit: the resampled image is a little wider
    for array in (data, var_rnoise, var_poisson, var_flat):
        array[missing] = np.nan
    return S2DScene(
        data=data,
        wavelength=wavelength,
        var_rnoise=var_rnoise,
        var_poisson=var_poisson,
        var_flat=var_flat,
        trace=None if blank else trace,
        negative_traces=() if blank else negatives,
        flux=flux,
        bad=bad,
        hot=hot & ~bad,
        snr_per_row=0.0 if blank else float(snr_per_row),
        seed=seed,
    )


def _profile(wavelength: Array, trace: Array, n_cross: int) -> Array:
    """Share of a row's light in each pixel, shape (n_wave, n_cross), smoothed by resampling."""
    columns = np.arange(n_cross)[None, :]
    half = 0.5 * instrument.SCALE_ALONG
    wave = wavelength[:, None]
    total = instrument.profile_integral(wavelength, -np.inf, np.inf)[:, None]
    blurred = np.zeros((wavelength.size, n_cross))
    # Resampling shares a pixel's light between its neighbours: two half-weight copies shifted by
    # +-s have rms s more width, and keep the profile's exact center.
    for shift in (-_INTERPIXEL_SMOOTHING, _INTERPIXEL_SMOOTHING):
        offset = (columns - trace[:, None] - shift) * instrument.SCALE_ALONG
        blurred += 0.5 * instrument.profile_integral(wave, offset - half, offset + half) / total
    return blurred


def _negative_offsets(count: int, center: float) -> tuple[tuple[float, float], ...]:
    """(offset in pixels, depth) of the negative traces of a nod pair."""
    separation = 2.0 * instrument.NOD_OFFSET / instrument.SCALE_ALONG
    if count == 0:
        return ()
    if count == 2:
        return ((-separation, 0.5), (separation, 0.5))
    # The other nod is on the far side of the slit center.
    middle = (instrument.HALF_WIDTH * 2.0 + 4.0) / 2.0
    return ((separation if center < middle else -separation, 1.0),)


def _noise_variances(sky: Array, conversion: Array, n_cross: int) -> tuple[Array, Array]:
    """Read and background photon variance of a 20-group ramp, each (n_wave, n_cross)."""
    n_groups = 20
    interval = instrument.FRAME_TIME
    read = 12.0 * instrument.READ_NOISE**2 / ((n_groups**3 - n_groups) * interval**2)
    photon = sky / conversion / (instrument.GAIN * interval * (n_groups - 1))
    # Nod subtraction adds the other exposure's noise: twice the variance.
    var_rnoise = np.repeat((2.0 * read * conversion**2)[:, None], n_cross, axis=1)
    var_poisson = np.repeat((2.0 * photon * conversion**2)[:, None], n_cross, axis=1)
    return var_rnoise, var_poisson


def _spoil(
    rng: np.random.Generator, data: Array, sigma: Array, hot_pixel_count: int, bad_fraction: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Put outliers into the image; return where they are, and which pixels are to be NaN."""
    hot = _scatter(rng, data.shape, hot_pixel_count)
    data[hot] += (rng.choice([-1.0, 1.0], hot.sum()) * rng.uniform(10, 60, hot.sum())) * sigma[hot]
    bad = rng.random(data.shape) < bad_fraction * 0.8
    bad[1:] |= bad[:-1] & (rng.random((data.shape[0] - 1, data.shape[1])) < 0.25)
    return hot, bad


def _scatter(rng: np.random.Generator, shape: tuple[int, int], count: int) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    mask.ravel()[rng.choice(mask.size, size=min(count, mask.size), replace=False)] = True
    return mask
