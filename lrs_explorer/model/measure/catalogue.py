"""Fluxes of the star in catalogues, as a user writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.measure.bandpass import AB_JANSKY, Bandpass, bandpass

__all__ = ["CatalogueFlux", "catalogue_flux"]

JANSKYS: Final = {"Jy": 1.0, "mJy": 1e-3, "uJy": 1e-6}
MAGNITUDES: Final = ("AB mag", "Vega mag")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PLUS_MINUS = r"(?:±|\+/-|\+-|−|-/\+)"
_ENTRY: Final = re.compile(
    rf"""\s*(?P<filter>[A-Za-z][\w.-]*)\s*[=:]\s*
    (?P<value>{_NUMBER})\s*
    (?:{_PLUS_MINUS}\s*(?P<first>{_NUMBER}))?\s*
    (?P<unit>[A-Za-zµμ][^±+]*?)\s*
    (?:{_PLUS_MINUS}\s*(?P<last>{_NUMBER})(?:\s*(?P<again>[A-Za-zµμ][^±+]*?))?)?\s*""",
    re.VERBOSE,
)

EXAMPLE: Final = 'write "F770W = 12.3 mJy ± 0.2", with Jy, mJy, µJy, AB mag or Vega mag'


@dataclass(frozen=True)
class CatalogueFlux:
    """A flux that somebody else has measured.

    Parameters
    ----------
    filter : str
        Such as "F770W"; see `lrs_explorer.model.measure.bandpass.bandpass`.
    value : float
        Flux density, or magnitude, in ``unit``.
    unit : {"Jy", "mJy", "uJy", "AB mag", "Vega mag"}
        Vega magnitudes by the flux of Vega in sedpy.
    error : float
        Standard error, same unit; NaN where it is not known.

    Raises
    ------
    LRSExplorerError
        The unit is not known, or a number cannot be.
    """

    filter: str
    value: float
    unit: str
    error: float = np.nan

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", _unit(self.unit, self.filter))
        for name in ("value", "error"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
                raise LRSExplorerError(f"the {name} for {self.filter} is no number: {number!r}.")
        if not np.isfinite(self.value):
            raise LRSExplorerError(f"the catalogue flux in {self.filter} is {self.value}.")
        if self.unit in JANSKYS and self.value <= 0:
            raise LRSExplorerError(
                f"the catalogue flux in {self.filter} is {self.value:g} {self.unit}: a flux that "
                "is compared with has to be positive."
            )
        if self.error < 0 or np.isinf(self.error):
            raise LRSExplorerError(
                f"the error of the catalogue flux in {self.filter} is {self.error:g} {self.unit}: "
                "it has to be 0 or more."
            )

    def jansky(self, band: Bandpass | None = None) -> tuple[float, float]:
        """Return flux density and error, Jy; the error is NaN where it is not known.

        Parameters
        ----------
        band : Bandpass, optional
            That of its filter, for Vega magnitudes; looked up when not given.
        """
        if self.unit in JANSKYS:
            scale = JANSKYS[self.unit]
            return scale * self.value, scale * self.error
        zero = AB_JANSKY if self.unit == "AB mag" else (band or bandpass(self.filter)).vega
        flux = float(zero * 10 ** (-0.4 * self.value))
        return flux, float(0.4 * np.log(10) * flux * self.error)

    @property
    def words(self) -> str:
        """Value, error and unit."""
        error = f" ± {self.error:g}" if np.isfinite(self.error) else ""
        return f"{self.value:g}{error} {self.unit.replace('u', 'µ', self.unit == 'uJy')}"


def catalogue_flux(entry: Any) -> CatalogueFlux:
    """Return what an entry says.

    Parameters
    ----------
    entry : str or CatalogueFlux
        Such as ``"F770W = 12.3 mJy ± 0.2"``, ``"F1000W=8.1±0.1 AB mag"`` or
        ``"wise_w3 = 5.2 Vega mag"``.

    Raises
    ------
    LRSExplorerError
        It cannot be read, or its unit is not known.
    """
    if isinstance(entry, CatalogueFlux):
        return entry
    found = _ENTRY.fullmatch(entry.replace("−", "-")) if isinstance(entry, str) else None
    if found is None:
        said = entry if isinstance(entry, str) else repr(entry)
        bare = isinstance(entry, str) and re.fullmatch(
            rf"\s*[A-Za-z][\w.-]*\s*[=:]\s*{_NUMBER}\s*(?:{_PLUS_MINUS}\s*{_NUMBER})?\s*", entry
        )
        why = "has no unit" if bare else "cannot be read"
        raise LRSExplorerError(f'the catalogue flux "{said}" {why}: {EXAMPLE}.')
    first, last = found["first"], found["last"]
    again = found["again"]
    if (first and last) or (again and _unit(again, entry) != _unit(found["unit"], entry)):
        raise LRSExplorerError(f'the catalogue flux "{entry}" cannot be read: {EXAMPLE}.')
    error = first or last
    return CatalogueFlux(
        found["filter"],
        float(found["value"]),
        found["unit"],
        float(error) if error else float("nan"),
    )


def _unit(unit: Any, where: str) -> str:
    """Return a unit in the one way it is written here."""
    said = str(unit).strip()
    plain = said.replace("µ", "u").replace("μ", "u")
    if plain in JANSKYS:
        return plain
    words = re.sub(r"[^a-z]+", " ", said.lower()).split()
    system = {"abmag": "AB mag", "magab": "AB mag", "vegamag": "Vega mag", "magvega": "Vega mag"}
    magnitude = system.get("".join(words))
    if magnitude is not None:
        return magnitude
    either = "AB mag or Vega mag"
    hint = f"say {either}" if "mag" in said.lower() else f"give Jy, mJy, µJy, {either}"
    raise LRSExplorerError(f'the unit "{said}" of the flux in {where} is not known: {hint}.')
