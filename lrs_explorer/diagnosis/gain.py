"""What was gained by applying a remedy: the spectrum before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrs_explorer.diagnosis.finding import Evidence, Finding, FindingCurve
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.diagnosis.spikes import SIGNIFICANT, sharp_elements
from lrs_explorer.diagnosis.words import judged_range, signed
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.measure.scatter import scatter

__all__ = ["Gain", "gained", "spectrum_change"]


@dataclass(frozen=True, eq=False)
class Gain:
    """How a spectrum has changed by a remedy.

    Parameters
    ----------
    issue : str
    headline : str
        What matters most, short.
    sentence : str
    evidence : tuple of Evidence
    ratio : FindingCurve
        Flux after over flux before.
    """

    issue: str
    headline: str
    sentence: str
    evidence: tuple[Evidence, ...]
    ratio: FindingCurve


def gained(finding: Finding, before: Spectrum, after: Spectrum) -> Gain:
    """Compare the spectra before and after a remedy, 5 to 12 micron.

    Parameters
    ----------
    finding : Finding
        What was fixed.
    before, after : Spectrum
        Extracted with the recipe that was judged and with the remedy.

    Returns
    -------
    Gain
        Median and largest change, spikes, scatter over error: numbers and a sentence.

    Raises
    ------
    LRSExplorerError
        The spectra do not overlap.
    """
    return spectrum_change(before, after, finding.issue)


def spectrum_change(before: Spectrum, after: Spectrum, issue: str = "") -> Gain:
    """Return what `gained` does, for whatever has changed the spectrum.

    Raises
    ------
    LRSExplorerError
        The spectra do not overlap.
    """
    low, high = SPECTRUM_RANGE
    inside = (after.wavelength >= low) & (after.wavelength <= high)
    known = np.isfinite(before.flux)
    if not (inside.any() and known.any()):
        raise LRSExplorerError("the spectra before and after have no element in common.")
    wavelength = after.wavelength[inside]
    old = np.interp(wavelength, before.wavelength[known], before.flux[known])
    new, error = after.flux[inside], after.flux_error[inside]
    ratio = np.divide(new, old, out=np.full(len(new), np.nan), where=old != 0)
    size = np.abs(new - old) / np.where(error > 0, error, np.nan)
    change = float(np.nanmedian(100 * (ratio - 1)))
    largest = float(np.nanmax(size, initial=0.0))
    most = ""
    if largest > 0:
        at = int(np.nanargmax(size))
        part = f"{100 * (ratio[at] - 1):+.1f} % or " if np.isfinite(ratio[at]) else ""
        most = f", most at {wavelength[at]:.2f} µm: {part}{largest:.0f} standard errors"
    spikes = [_spikes(s) for s in (before, after)]
    noise = [_relative_scatter(s) for s in (before, after)]
    errors = [scatter(s.flux, s.flux_error).ratio for s in (before, after)]
    evidence = (
        Evidence("median change of the flux", change, "%"),
        Evidence("largest change", largest, "standard errors"),
        Evidence("spikes before", spikes[0], "elements"),
        Evidence("spikes after", spikes[1], "elements"),
        Evidence("element-to-element scatter before", noise[0], "%"),
        Evidence("element-to-element scatter after", noise[1], "%"),
        Evidence("scatter over error before", errors[0]),
        Evidence("scatter over error after", errors[1]),
    )
    sentence = (
        f"the flux changes by {change:+.1f} % (median at {judged_range()}){most}; spikes: "
        f"{spikes[0]} before, {spikes[1]} after; scatter from element to element {noise[0]:.2f} % "
        f"before, {noise[1]:.2f} % after; scatter over error {errors[0]:.2f} before, "
        f"{errors[1]:.2f} after."
    ).replace("-", "−")
    told = ["median flux unchanged"]
    if abs(change) >= 0.05:
        told = [f"median flux {_signed(change)} %"]
    if spikes[0] > spikes[1]:
        told.append(f"spikes {spikes[0]} → {spikes[1]}")
    if (old_noise := f"{noise[0]:.1f}") != (new_noise := f"{noise[1]:.1f}"):
        told.append(f"scatter {old_noise} → {new_noise} %")
    headline = ", ".join(told)
    return Gain(
        issue, headline, sentence, evidence, FindingCurve("after over before", wavelength, ratio)
    )


def _signed(value: float) -> str:
    """Return a number with its sign: one digit behind the point where that is not large."""
    return signed(value, 1 if abs(value) < 10 else 0)


def _spikes(spectrum: Spectrum) -> int:
    height, sharp = sharp_elements(spectrum)
    low, high = SPECTRUM_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    return int((sharp & inside & (np.abs(height) >= SIGNIFICANT)).sum())


def _relative_scatter(spectrum: Spectrum) -> float:
    """Return rms of the fourth differences over the flux, per cent: noise and all that is sharp."""
    low, high = SPECTRUM_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    flux: FloatArray = np.asarray(spectrum.flux[inside], dtype=float)
    difference = np.diff(flux, n=4) / np.sqrt(70.0)
    level = float(np.nanmedian(np.abs(flux)))
    return float(100 * np.sqrt(np.nanmean(difference**2)) / level) if level > 0 else float("nan")
