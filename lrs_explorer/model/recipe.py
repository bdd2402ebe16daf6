"""What the user chose: frozen values that map onto ``jwst`` step parameters.

A `Recipe` is immutable, hashable and comparable: it is its own cache key, its own undo entry and
its own file format. Positions are image pixels along the cross-dispersion axis, 0-indexed; pixel
*i* covers [i - 0.5, i + 0.5].
"""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lrs_explorer.model.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.model.observation import Observation

__all__ = ["Aperture", "Background", "Extraction", "Nods", "Recipe"]

Mode = Literal["slit", "slitless"]

EXP_TYPES: dict[Mode, str] = {"slit": "MIR_LRS-FIXEDSLIT", "slitless": "MIR_LRS-SLITLESS"}
"""EXP_TYPE of each mode; also the aperture ``id`` in an extract1d reference file."""

FORMAT_VERSION = 1
"""Version of the recipe file format."""


def _number(name: str, value: Any) -> float:
    """Return ``value`` as a finite float, or say which field is at fault."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise LRSExplorerError(f"{name} must be a number, not {value!r}.")
    if not math.isfinite(value):
        raise LRSExplorerError(f"{name} must be a finite number, not {value!r}.")
    return float(value)


def _whole(name: str, value: Any, minimum: int) -> int:
    """Return ``value`` as an int of at least ``minimum``, or say which field is at fault."""
    number = _number(name, value)
    if number != int(number) or number < minimum:
        raise LRSExplorerError(
            f"{name} must be a whole number of at least {minimum}, not {value!r}."
        )
    return int(number)


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise LRSExplorerError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


@dataclass(frozen=True)
class Aperture:
    """The extraction aperture, where it is drawn.

    It covers [center - width/2, center + width/2]; in the pipeline's inclusive pixel limits that
    is ``xstart, xstop = center ∓ (width - 1) / 2``.

    Parameters
    ----------
    center : float
        Position along the cross-dispersion axis, in pixels.
    width : float
        Full width, in pixels; more than zero, fractions allowed.
    trace : tuple of float or None
        Coefficients, constant term first, of a polynomial in the dispersion pixel that is added
        to ``center`` at each dispersion element. None = straight.
    """

    center: float
    width: float
    trace: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", _number("aperture center", self.center))
        width = _number("aperture width", self.width)
        if width <= 0:
            raise LRSExplorerError(f"aperture width must be more than 0 pixels, not {width:g}.")
        object.__setattr__(self, "width", width)
        if self.trace is not None:
            trace = tuple(_number("aperture trace", c) for c in self.trace)
            object.__setattr__(self, "trace", trace or None)

    @property
    def lower(self) -> float:
        """Lower edge of a straight aperture, pixels."""
        return self.center - self.width / 2

    @property
    def upper(self) -> float:
        """Upper edge of a straight aperture, pixels."""
        return self.center + self.width / 2


@dataclass(frozen=True)
class Background:
    """Background regions and how the background is made from them.

    Parameters
    ----------
    regions : tuple of (float, float)
        Edges (lower, upper) of each region, in pixels, as in ``bkg_coeff``. Empty = no background
        is subtracted. Regions stay where they are when the aperture moves.
    bkg_fit : {"poly", "mean", "median"}
        How the background is found at each wavelength.
    bkg_order : int
        Order of the polynomial; only used with ``bkg_fit="poly"``.
    smoothing_length : int
        Width in pixels of a boxcar along the dispersion axis, applied before the fit: 0 (none) or
        an odd number of at least 3.
    """

    regions: tuple[tuple[float, float], ...] = ()
    bkg_fit: str = "poly"
    bkg_order: int = 0
    smoothing_length: int = 0

    FITS: ClassVar[tuple[str, ...]] = ("poly", "mean", "median")

    def __post_init__(self) -> None:
        regions = []
        for region in self.regions:
            try:
                lower, upper = region
            except (TypeError, ValueError):
                raise LRSExplorerError(
                    f"a background region must be a pair (lower, upper), not {region!r}."
                ) from None
            lower = _number("background region edge", lower)
            upper = _number("background region edge", upper)
            if upper <= lower:
                raise LRSExplorerError(
                    f"a background region must have lower < upper, not ({lower:g}, {upper:g})."
                )
            regions.append((lower, upper))
        object.__setattr__(self, "regions", tuple(regions))
        _choice("bkg_fit", self.bkg_fit, self.FITS)
        object.__setattr__(self, "bkg_order", _whole("bkg_order", self.bkg_order, 0))
        length = _whole("smoothing_length", self.smoothing_length, 0)
        if length in (1, 2) or (length and length % 2 == 0):
            raise LRSExplorerError(
                f"smoothing_length must be 0 or an odd number of at least 3, not {length}."
            )
        object.__setattr__(self, "smoothing_length", length)


@dataclass(frozen=True)
class Extraction:
    """Parameters of ``extract_1d`` that are not the aperture or the background.

    ``use_source_posn`` and ``position_offset`` act only while the recipe's aperture is None, that
    is, while the pipeline places it from its reference file and the header.

    Parameters
    ----------
    extraction_type : {"box", "optimal"}
        Sum over the aperture, or fit of the PSF (needs a PSF reference file).
    use_source_posn : bool or None
        Place the aperture by the source position in the header. None = as the reference file says,
        else True for a point source in the slit.
    position_offset : float
        Further cross-dispersion offset of the aperture, pixels.
    apply_apcorr : bool
        Apply the aperture correction (point sources only).
    """

    extraction_type: str = "box"
    use_source_posn: bool | None = None
    position_offset: float = 0.0
    apply_apcorr: bool = True

    TYPES: ClassVar[tuple[str, ...]] = ("box", "optimal")

    def __post_init__(self) -> None:
        _choice("extraction_type", self.extraction_type, self.TYPES)
        if self.use_source_posn not in (None, True, False):
            raise LRSExplorerError(
                f"use_source_posn must be true, false or null, not {self.use_source_posn!r}."
            )
        object.__setattr__(
            self, "position_offset", _number("position_offset", self.position_offset)
        )
        if not isinstance(self.apply_apcorr, bool):
            raise LRSExplorerError(
                f"apply_apcorr must be true or false, not {self.apply_apcorr!r}."
            )


@dataclass(frozen=True)
class Nods:
    """Which of an observation's images is extracted.

    Parameters
    ----------
    exposure : int, "combined" or None
        Number of the exposure (nod), from 1 in time order; "combined" = the level 3 product;
        None = the image that the observation was opened on.
    """

    exposure: int | str | None = None

    def __post_init__(self) -> None:
        if self.exposure is None or self.exposure == "combined":
            return
        if isinstance(self.exposure, str):
            raise LRSExplorerError(
                f'nods.exposure must be a number from 1, "combined" or null, not {self.exposure!r}.'
            )
        object.__setattr__(self, "exposure", _whole("nods.exposure", self.exposure, 1))


@dataclass(frozen=True)
class Recipe:
    """Everything the user chose about one spectrum.

    Parameters
    ----------
    mode : {"slit", "slitless"}
        The observing mode that the recipe is for.
    aperture : Aperture or None
        None = the pipeline places it from reference file and header.
    background : Background or None
        None = as the reference file says.
    extraction : Extraction
    nods : Nods
    """

    mode: Mode = "slit"
    aperture: Aperture | None = None
    background: Background | None = None
    extraction: Extraction = field(default_factory=Extraction)
    nods: Nods = field(default_factory=Nods)

    def __post_init__(self) -> None:
        _choice("recipe mode", self.mode, tuple(EXP_TYPES))
        for name, kind in _PARTS.items():
            value = getattr(self, name)
            optional = name in ("aperture", "background")
            if not (isinstance(value, kind) or (optional and value is None)):
                raise LRSExplorerError(
                    f"the recipe's {name} must be of type {kind.__name__}, not {value!r}."
                )

    @classmethod
    def from_observation(cls, observation: Observation) -> Recipe:
        """Return the recipe of what the pipeline does by default with ``observation``."""
        return cls(mode=observation.mode)

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some parts replaced.

        Raises
        ------
        LRSExplorerError
            A part does not exist, or its value is not of the part's kind.
        """
        unknown = sorted(set(changes) - {f.name for f in fields(self)})
        if unknown:
            raise LRSExplorerError(
                f"a recipe has no part {', '.join(map(repr, unknown))}; its parts are "
                f"{', '.join(f.name for f in fields(self))}."
            )
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        return {"lrs_explorer_recipe": FORMAT_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, content: Any, source: str = "the recipe") -> Recipe:
        """Make a recipe of what `to_dict` returned; ``source`` names it in error messages."""
        if not isinstance(content, dict) or "lrs_explorer_recipe" not in content:
            raise LRSExplorerError(
                f"{source} is not a recipe of LRS Explorer (no 'lrs_explorer_recipe' in it); "
                "give a file written by Recipe.to_json."
            )
        version = content["lrs_explorer_recipe"]
        if version != FORMAT_VERSION:
            raise LRSExplorerError(
                f"{source} has recipe format {version!r}, this version reads {FORMAT_VERSION}; "
                "update LRS Explorer or write the recipe again."
            )
        parts: dict[str, Any] = {k: v for k, v in content.items() if k != "lrs_explorer_recipe"}
        try:
            for name, kind in _PARTS.items():
                if parts.get(name) is not None:
                    parts[name] = kind(**_checked_keys(parts[name], kind, name))
            return cls(**_checked_keys(parts, cls, "the recipe"))
        except LRSExplorerError as error:
            raise LRSExplorerError(f"{source}: {error}") from None
        except TypeError as error:
            raise LRSExplorerError(
                f"{source} has a missing or ill-formed value: {error}."
            ) from None

    def to_json(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the recipe to a file and return its path.

        Raises
        ------
        LRSExplorerError
            The file exists and ``overwrite`` is False, or it cannot be written.
        """
        from lrs_explorer.model.io import write_text

        return write_text(path, json.dumps(self.to_dict(), indent=2) + "\n", overwrite=overwrite)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe that `to_json` wrote.

        Raises
        ------
        LRSExplorerError
            The file cannot be read, is not JSON, or holds no valid recipe.
        """
        from lrs_explorer.model.io import read_json

        return cls.from_dict(read_json(path), source=str(path))


_PARTS: dict[str, type] = {
    "aperture": Aperture,
    "background": Background,
    "extraction": Extraction,
    "nods": Nods,
}


def _checked_keys(values: Any, kind: Any, name: str) -> dict[str, Any]:
    """Return ``values`` after checking that each key is a field of dataclass ``kind``."""
    if not isinstance(values, dict):
        raise LRSExplorerError(f"{name} must be an object, not {values!r}.")
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise LRSExplorerError(
            f"{name} has no field {', '.join(map(repr, unknown))}; known are {', '.join(known)}."
        )
    return values
