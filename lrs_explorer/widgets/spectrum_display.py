"""How spectra are drawn: a frozen choice, like the recipe, but one that changes no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.widgets.units import FLUX_UNITS

__all__ = ["SpectrumDisplay"]


@dataclass(frozen=True)
class SpectrumDisplay:
    """How the spectrum view draws.

    Parameters
    ----------
    unit : {"Jy", "mJy", "MJy/sr"}
        Unit of the flux axis; "MJy/sr" draws the SURF_BRIGHT column.
    log : bool
        Logarithmic flux axis; values that are not positive are left out and counted.
    steps : bool
        Draw each value level over its wavelength interval instead of joining the points.
    error_band : bool
        Shade ± 1 standard error around the live spectrum.
    delivered, truth : bool
        Show these curves where there are any.
    comparison : {"ratio", "difference", "none"}
        What the lower panel shows.
    reference : str
        What the live spectrum is compared with: "delivered", "truth" or the key of a pin.
    """

    unit: str = "mJy"
    log: bool = False
    steps: bool = False
    error_band: bool = True
    delivered: bool = True
    truth: bool = True
    comparison: str = "ratio"
    reference: str = "delivered"

    COMPARISONS: ClassVar[tuple[str, ...]] = ("ratio", "difference", "none")

    def __post_init__(self) -> None:
        for name, choices in (("unit", FLUX_UNITS), ("comparison", self.COMPARISONS)):
            value = getattr(self, name)
            if value not in choices:
                raise LRSExplorerError(
                    f"{name} must be one of {', '.join(choices)}, not {value!r}."
                )
