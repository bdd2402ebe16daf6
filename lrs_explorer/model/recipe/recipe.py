"""What the user chose: frozen values that map onto ``jwst`` step parameters.

A `Recipe` is immutable, hashable and comparable: it is its own cache key, its own undo entry and
its own file format. Positions are image pixels along the cross-dispersion axis, 0-indexed; pixel
*i* covers [i - 0.5, i + 0.5].
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from typing import Any, Final, Protocol

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.html import facts_html
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode
from lrs_explorer.model.recipe.checks import choice
from lrs_explorer.model.recipe.parts import (
    AdaptiveTraceModel,
    Aperture,
    Background,
    Extraction,
    Jump,
    Nods,
    Pathloss,
    PixelReplace,
    Resample,
    Uncertainty,
    Wavelength,
)
from lrs_explorer.model.recipe.saved import Saved
from lrs_explorer.model.recipe.series_parts import SeriesOptions, SlitlessBackground

__all__ = [
    "FORMAT",
    "FORMAT_WITH_RULES",
    "KEY",
    "AdaptiveTraceModel",
    "Aperture",
    "Background",
    "Extraction",
    "Jump",
    "Nods",
    "Pathloss",
    "PixelReplace",
    "Recipe",
    "Resample",
    "SeriesOptions",
    "SlitlessBackground",
    "Uncertainty",
    "Wavelength",
    "checked_keys",
    "checked_version",
]

KEY: Final = "lrs_explorer_recipe"
"""Of a recipe file: the version of its format."""

FORMAT: Final = 1
"""Of files that hold a recipe alone, which versions before that of rules read, too."""

FORMAT_WITH_RULES: Final = 2
"""Of files with rules beside the recipe (`lrs_explorer.model.recipe.rules`); the newest."""

_OF_SLIT_IMAGES: Final = {"acts": "image", "only_with": ("mode", ("slit",))}
_OF_SLITLESS_IMAGES: Final = {"acts": "image", "only_with": ("mode", ("slitless",))}


class Observed(Protocol):
    """What a recipe needs to know of an observation."""

    @property
    def mode(self) -> Mode:
        """The observing mode."""

    @property
    def delivered_algorithm(self) -> str:
        """Algorithm of ``pixel_replace`` in the delivered products, "off" where none ran."""

    @property
    def sky_columns(self) -> tuple[tuple[float, float], ...]:
        """Columns beside the source of a slitless image, pixels."""


@dataclass(frozen=True)
class Recipe(Saved):
    """Everything the user chose about one spectrum.

    It is frozen: two recipes with the same values are equal, and `replace` gives another one.

    Parameters
    ----------
    mode : {"slit", "slitless"}
        The observing mode that the recipe is for.
    aperture : Aperture or None
        None = the pipeline places it from reference file and header.
    background : Background or None
        None = as the reference file says.
    extraction : Extraction
    adaptive_trace_model : AdaptiveTraceModel
    pixel_replace : PixelReplace
    resample : Resample
    pathloss : Pathloss
    jump : Jump
    nods : Nods
    slitless : SlitlessBackground
    series : SeriesOptions
    uncertainty : Uncertainty
    wavelength : Wavelength
    """

    # Metadata say when a field acts; see `lrs_explorer.model.recipe.scope`.
    mode: Mode = field(default="slit", metadata={"acts": "image"})
    aperture: Aperture | None = field(default=None, metadata={"acts": "extraction"})
    background: Background | None = field(default=None, metadata={"acts": "extraction"})
    extraction: Extraction = field(default_factory=Extraction, metadata={"acts": "extraction"})
    adaptive_trace_model: AdaptiveTraceModel = field(
        default_factory=AdaptiveTraceModel, metadata=_OF_SLIT_IMAGES
    )
    pixel_replace: PixelReplace = field(default_factory=PixelReplace, metadata={"acts": "image"})
    resample: Resample = field(default_factory=Resample, metadata=_OF_SLIT_IMAGES)
    pathloss: Pathloss = field(default_factory=Pathloss, metadata=_OF_SLIT_IMAGES)
    jump: Jump = field(default_factory=Jump, metadata=_OF_SLIT_IMAGES)
    nods: Nods = field(default_factory=Nods, metadata={"acts": "image"})
    slitless: SlitlessBackground = field(
        default_factory=SlitlessBackground, metadata=_OF_SLITLESS_IMAGES
    )
    series: SeriesOptions = field(default_factory=SeriesOptions, metadata={"acts": "image"})
    uncertainty: Uncertainty = field(default_factory=Uncertainty, metadata={"acts": "after"})
    wavelength: Wavelength = field(default_factory=Wavelength, metadata={"acts": "after"})

    def __post_init__(self) -> None:
        choice("recipe mode", self.mode, tuple(EXP_TYPES))
        for name, kind in _PARTS.items():
            value = getattr(self, name)
            optional = name in ("aperture", "background")
            if not (isinstance(value, kind) or (optional and value is None)):
                raise LRSExplorerError(
                    f"the recipe's {name} must be of type {kind.__name__}, not {value!r}."
                )

    def _repr_html_(self) -> str:
        default = type(self)(mode=self.mode)
        parts = [part.name for part in dataclasses.fields(self)]
        rows = [(name, getattr(self, name)) for name in parts]
        chosen = [one for one in rows if one[1] != getattr(default, one[0])]
        rest = "the pipeline's default" if chosen else "as the pipeline does by default"
        return facts_html("Recipe", [("mode", self.mode), *chosen, ("all else", rest)])

    @classmethod
    def from_observation(cls, observation: Observed) -> Recipe:
        """Return the recipe of what the pipeline does by default with an observation.

        Parameters
        ----------
        observation : Observation
        """
        return cls(
            mode=observation.mode,
            pixel_replace=PixelReplace(algorithm=observation.delivered_algorithm),
            slitless=SlitlessBackground(columns=observation.sky_columns),
        )

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some parts replaced.

        Parameters
        ----------
        **changes
            Parts by name, as ``aperture=Aperture(31.2, 8)``; None for what the pipeline does.

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
        return {KEY: FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, content: Any, source: str = "the recipe") -> Recipe:
        """Make a recipe of what `to_dict` returned.

        Parameters
        ----------
        content : dict
        source : str
            What it is called in error messages.

        Raises
        ------
        LRSExplorerError
            It is no recipe, of a newer format, holds rules, or has values that are none.
        """
        if isinstance(content, dict) and content.get("rules"):
            raise LRSExplorerError(
                f"{source} holds rules, which are made values for one observation: "
                "lrs.settle(observation, lrs.Rules.from_json(path)).recipe is that recipe."
            )
        checked_version(content, source)
        parts: dict[str, Any] = {k: v for k, v in content.items() if k != KEY}
        try:
            for name, kind in _PARTS.items():
                if parts.get(name) is not None:
                    given = _renamed(parts[name], name)
                    parts[name] = kind(**checked_keys(given, kind, name))
            return cls(**checked_keys(parts, cls, "the recipe"))
        except LRSExplorerError as error:
            raise LRSExplorerError(f"{source}: {error}") from None
        except TypeError as error:
            raise LRSExplorerError(
                f"{source} has a missing or ill-formed value: {error}."
            ) from None


_PARTS: dict[str, type] = {
    "aperture": Aperture,
    "background": Background,
    "extraction": Extraction,
    "adaptive_trace_model": AdaptiveTraceModel,
    "pixel_replace": PixelReplace,
    "resample": Resample,
    "pathloss": Pathloss,
    "jump": Jump,
    "nods": Nods,
    "slitless": SlitlessBackground,
    "series": SeriesOptions,
    "uncertainty": Uncertainty,
    "wavelength": Wavelength,
}


_RENAMED: dict[str, dict[str, str]] = {"wavelength": {"slit_offset": "source_offset"}}
"""What fields of older recipes are called now, by part."""


def _renamed(values: Any, part: str) -> Any:
    """Return the values of a part, as a file has them, under the names of now."""
    new = _RENAMED.get(part, {})
    return {new.get(k, k): v for k, v in values.items()} if isinstance(values, dict) else values


def checked_version(content: Any, source: str) -> None:
    """Check that ``content`` is a recipe of a format that is known."""
    if not isinstance(content, dict) or KEY not in content:
        raise LRSExplorerError(
            f"{source} is not a recipe of LRS Explorer (no {KEY!r} in it); give a file written by "
            "Recipe.to_json."
        )
    version = content[KEY]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise LRSExplorerError(
            f"{source} has recipe format {version!r}, which there is not; formats are numbers from "
            "1. Write the recipe again."
        )
    if version > FORMAT_WITH_RULES:
        raise LRSExplorerError(
            f"{source} has recipe format {version}, written by a newer LRS Explorer; this one "
            f"reads up to format {FORMAT_WITH_RULES}: update it."
        )


def checked_keys(
    values: Any, kind: Any, name: str, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return ``values`` after checking that each key is a field of dataclass ``kind``."""
    if not isinstance(values, dict):
        raise LRSExplorerError(f"{name} must be an object, not {values!r}.")
    known = [f.name for f in fields(kind) if f.name not in without]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise LRSExplorerError(
            f"{name} has no field {', '.join(map(repr, unknown))}; known are {', '.join(known)}."
        )
    return values
