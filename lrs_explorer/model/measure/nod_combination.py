"""A combined image that was built as though there were no nod (jwst #8484)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import SCALE_ALONG, SLIT_LENGTH
from lrs_explorer.model.data.products import SpectralImage

__all__ = ["NodCombination", "combined_without_nods"]

_NOMINAL_SEPARATION = 0.4 * SLIT_LENGTH  # of nods at 30 and 70 % of the slit (JDox), arcsec
_LEAST = 12  # pixels with a variance that a row needs, to be compared with others
_CENTER = 9  # columns in the middle of the image, seen by both nods


@dataclass(frozen=True)
class NodCombination:
    """Whether a combined image was built as though there were no nod.

    Parameters
    ----------
    without_nods : bool or None
        None where it cannot be told.
    width, expected_width : float, pixels
        Columns of the image that hold data, and how many a combination with its nods has.
    noise_step : float or None
        Variance of the outer columns, which one nod alone covers, over that of the inner ones; 2
        with nods, 1 without. None where there are no variances.
    evidence : str
        The same in a sentence.
    """

    without_nods: bool | None
    width: float
    expected_width: float
    noise_step: float | None
    evidence: str


def combined_without_nods(image: SpectralImage) -> NodCombination:
    """Tell whether a combined s2d was built with its nods on top of each other (jwst #8484).

    Then each trace lies on the other nod's negative one, and both are lost. What tells is the
    image's extent along the slit, which should be the slit's length and the distance of the nods,
    and the variance, which should be larger where one nod alone was seen.

    Parameters
    ----------
    image : SpectralImage
        A level 3 s2d.
    """
    header = image.header
    covered: NDArray[np.bool_] = np.asarray(np.isfinite(image.data).any(axis=0))
    width = float(covered.sum())
    exposures = header.get("NDRIZ")
    if not isinstance(exposures, int) or exposures < 2:
        why = "the image is not a combination of several exposures."
        return NodCombination(False, width, width, None, why)
    offset = header.get("XOFFSET")
    if header.get("PATTTYPE") != "ALONG-SLIT-NOD":
        why = "its exposures were not nodded along the slit."
        return NodCombination(False, width, width, None, why)
    apart = 2.0 * abs(offset) if isinstance(offset, (int, float)) else _NOMINAL_SEPARATION
    separation = apart / SCALE_ALONG["slit"]
    slit = SLIT_LENGTH / SCALE_ALONG["slit"]
    expected = slit + separation
    narrow = width < slit + separation / 2
    step = _noise_step(image, covered, separation)
    told = (
        f"data cover {width:.0f} columns; the slit ({slit:.0f}) and nods {separation:.0f} pixels "
        f"apart make {expected:.0f}"
    )
    if step is None:
        return NodCombination(narrow, width, expected, None, f"{told}.")
    uniform = step < np.sqrt(2.0)
    told += (
        f", and the outer columns have {step:.1f} times the variance of the inner ones (2 with "
        "nods, 1 without)."
    )
    return NodCombination(narrow if narrow == uniform else None, width, expected, step, told)


def _noise_step(
    image: SpectralImage, covered: NDArray[np.bool_], separation: float
) -> float | None:
    """Variance of read noise in columns that one nod covers over that in the middle."""
    columns = np.flatnonzero(covered)
    known = np.isfinite(image.var_rnoise) & (image.var_rnoise > 0)
    with_variance = [j for j in columns if known[:, j].sum() > image.shape[0] // 2]
    if len(with_variance) < 3 * _CENTER:
        return None
    variance = np.where(known, image.var_rnoise, np.nan)
    # Relative to each row: the conversion to MJy/sr changes along the spectrum.
    rows = known[:, with_variance].sum(axis=1) > _LEAST
    relative = variance[rows][:, with_variance]
    relative = relative / np.nanmedian(relative, axis=1, keepdims=True)
    profile = np.nanmedian(relative, axis=0)
    edge = max(int(separation / 2), 3)
    outer = np.concatenate([profile[2:edge], profile[-edge:-2]])
    start = (len(profile) - _CENTER) // 2
    inner = profile[start : start + _CENTER]
    return float(np.median(outer) / np.median(inner))
