"""What a diagnosis says: plain, frozen values that can be shown, printed and tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = [
    "CHECKS",
    "STATUSES",
    "VERDICTS",
    "Evidence",
    "Figure",
    "Finding",
    "FindingCurve",
    "Place",
    "Status",
]

Status = Literal["ok", "suspect", "found", "unknown"]

STATUSES: Final[tuple[Status, ...]] = ("found", "suspect", "unknown", "ok")
"""All verdicts, the most urgent first."""

VERDICTS: Final = {
    "found": "problem",
    "suspect": "warning",
    "unknown": "undetermined",
    "ok": "OK",
    "corrected": "corrected",
}
"""What people read of each status, and of what was found and is corrected without being asked."""

CHECKS: Final = {
    "MR-LRS01": "Aperture position",
    "MR-LRS02": "Bad pixels",
    "MR-LRS03": "Jump detection",
    "MR-LRS04": "Pathloss",
    "MR-LRS05": "Errors",
    "MR-LRS06": "Count rate of acquisition images",
    "acquisition": "Target acquisition",
    "background": "Background",
    "combined": "Combination of nods",
    "cosmic_rays": "Cosmic rays",
    "foldover": "Fold below 4.5 µm",
    "nod_disagreement": "Agreement of nods",
    "nods": "Aperture on each nod",
    "range": "Wavelength range",
    "saturation": "Saturation",
    "second_source": "Other light",
    "slit_edge": "Distance from the slit's end",
    "spikes": "Spikes and divots",
    "versions": "Pipeline version",
    "wavelength": "Wavelength solution",
    "weights": "Resampling weights",
}
"""What is looked at for each issue: said where nothing is wrong, or nothing is known."""


@dataclass(frozen=True)
class Evidence:
    """One number that a verdict rests on.

    Parameters
    ----------
    name : str
        What it is, in words.
    value : float
        NaN where it could not be measured.
    unit : str
    threshold : float or None
        From which value on the issue counts as found; None for numbers that explain.
    """

    name: str
    value: float
    unit: str = ""
    threshold: float | None = None

    def describe(self) -> str:
        """Return name, value, unit and threshold in one line."""
        unit = f" {self.unit}" if self.unit else ""
        limit = "" if self.threshold is None else f" (found from {self.threshold:.4g})"
        return f"{self.name}: {self.value:.4g}{unit}{limit}"


@dataclass(frozen=True)
class Place:
    """A position to be marked on the image, or in the slit.

    Parameters
    ----------
    name : str
    pixel : float or None
        Cross-dispersion pixel of the shown image, 0-indexed.
    slit : (float, float) or None, arcsec
        Offsets from the slit's center, along and across.
    """

    name: str
    pixel: float | None = None
    slit: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class FindingCurve:
    """A curve to be drawn over wavelength.

    Parameters
    ----------
    name : str
    wavelength : ndarray, shape (n,), micron, ascending
    value : ndarray, shape (n,), ``unit``
    unit : str
    """

    name: str
    wavelength: FloatArray
    value: FloatArray
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Figure:
    """What evidence looks like on the linked views; no widget, only what to show where.

    Parameters
    ----------
    wavelengths : tuple of (float, float), micron
        Ranges of the spectrum that are affected, ascending.
    pixels : tuple of (int, int, int)
        Exposure (from 1), row and column of detector pixels, as in `PixelReplace.flagged`.
    places : tuple of Place
    curves : tuple of FindingCurve
    """

    wavelengths: tuple[tuple[float, float], ...] = ()
    pixels: tuple[tuple[int, int, int], ...] = ()
    places: tuple[Place, ...] = ()
    curves: tuple[FindingCurve, ...] = ()


@dataclass(frozen=True, eq=False)
class Finding:
    """The verdict on one known issue.

    Parameters
    ----------
    issue : str
        Short name: "MR-LRS01", "wavelength", …
    title : str
        What the issue is, in a few words.
    status : {"ok", "suspect", "found", "unknown"}
    why : str
        What the verdict rests on, a plain sentence.
    evidence : tuple of Evidence
        The decisive number first.
    figure : Figure
    remedy : Recipe or None
        The recipe that was judged, changed so that it fixes the issue; None where no recipe can,
        or where nothing has to be fixed.
    advice : str
        What the remedy does, or what else helps; "" where nothing is to be done.
    corrected : bool
        Whether what was found is corrected without being asked for, so that nothing is left to do.
    """

    issue: str
    title: str
    status: Status
    why: str
    evidence: tuple[Evidence, ...] = ()
    figure: Figure = field(default_factory=Figure)
    remedy: Recipe | None = None
    advice: str = ""
    corrected: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it was found and is not corrected yet."""
        return self.status == "found" and not self.corrected

    @property
    def state(self) -> str:
        """The status; "corrected" where that is so."""
        return "corrected" if self.corrected else self.status

    @property
    def verdict(self) -> str:
        """What people read: problem, warning, OK, corrected, undetermined."""
        return VERDICTS[self.state]

    @property
    def name(self) -> str:
        """The title of a problem or warning; else what was looked at."""
        wrong = self.state in ("found", "suspect")
        return self.title if wrong else CHECKS.get(self.issue, self.title)

    @property
    def strength(self) -> float:
        """How sure it is: the decisive number over its threshold; NaN where there is none."""
        for evidence in self.evidence:
            if evidence.threshold:
                return abs(evidence.value) / evidence.threshold
        return float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return all but the figure as plain JSON values; NaN becomes None."""
        return {
            "issue": self.issue,
            "title": self.title,
            "status": self.status,
            "corrected": self.corrected,
            "why": self.why,
            "evidence": [
                {
                    "name": e.name,
                    "value": e.value if e.value == e.value else None,
                    "unit": e.unit,
                    "threshold": e.threshold,
                }
                for e in self.evidence
            ],
            "wavelengths": [list(edges) for edges in self.figure.wavelengths],
            "pixels": [list(pixel) for pixel in self.figure.pixels],
            "remedy": None if self.remedy is None else self.remedy.to_dict(),
            "advice": self.advice,
        }
