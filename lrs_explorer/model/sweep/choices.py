"""What can be varied in a sweep: choices, their values in words, and what they do to a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.live.placement import Placement
from lrs_explorer.model.recipe.parts import (
    Aperture,
    Background,
    Extraction,
    Pathloss,
    PixelReplace,
    Resample,
)
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = [
    "AS_CHOSEN",
    "CHOICES",
    "Choice",
    "Values",
    "checked",
    "in_words",
    "read_choice",
    "read_values",
    "varied",
]

AS_CHOSEN: Final = "as chosen"
"""In words, the value that the recipe has; in Python None."""

AS_DELIVERED: Final = "as delivered"
"""In words, that a step of the pipeline is left as it was run."""

NONE: Final = "none"
"""In words, no background region."""

Values = Mapping[str, Sequence[Any] | None]
"""Values of choices, by their names; None = those of the default."""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise LRSExplorerError(f"{text!r} is not a number.") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise LRSExplorerError(f"{text!r} is not a whole number.") from None


def _switch(text: str) -> bool:
    words = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if text.lower() not in words:
        raise LRSExplorerError(f"{text!r} is neither yes nor no.")
    return words[text.lower()]


def _regions(text: str) -> tuple[tuple[float, float], ...]:
    """Read background regions as `_word_of` writes them: ``2:6 + 25:29``."""
    if text == NONE:
        return ()
    pairs = [part.split(":") for part in text.split("+")]
    if any(len(pair) != 2 for pair in pairs):
        raise LRSExplorerError(
            f'{text!r} gives no background regions; write them like 2:6+25:29, or "{NONE}".'
        )
    return tuple((_number(lower), _number(upper)) for lower, upper in pairs)


def _word(text: str) -> str:
    return text


@dataclass(frozen=True)
class Choice:
    """Something that can be varied.

    Parameters
    ----------
    name : str
        As in the recipe and on the command line.
    title : str
        What it is, in a few words.
    part, field : str
        Where it stands in a `Recipe`; no field where the part is put together of several choices.
    read : callable(str)
        Returns the value that a word means.
    step : str
        What of the pipeline has to be run for it (`Observation.can_reprocess`); "" where it acts in
        the extraction, which is done in memory.
    delivered : bool
        Whether a step can be left as delivered, which is None in the recipe.
    """

    name: str
    title: str
    part: str
    field: str
    read: Callable[[str], Any]
    step: str = ""
    delivered: bool = False


CHOICES: Final[Mapping[str, Choice]] = {
    one.name: one
    for one in (
        Choice("center", "center of the aperture [pixel]", "aperture", "", _number),
        Choice("width", "width of the aperture [pixel]", "aperture", "", _number),
        Choice("background", "background regions [pixel]", "background", "", _regions),
        Choice("bkg_fit", "statistic of the background", "background", "", _word),
        Choice("bkg_order", "order of its polynomial", "background", "", _whole),
        Choice("smoothing_length", "smoothing of the background", "background", "", _whole),
        Choice("extraction_type", "box or optimal", "extraction", "extraction_type", _word),
        Choice("apply_apcorr", "aperture correction", "extraction", "apply_apcorr", _switch),
        Choice(
            "pixel_replace",
            "replacement of bad pixels",
            "pixel_replace",
            "algorithm",
            _word,
            "pixel_replace",
        ),
        Choice(
            "n_adjacent_cols",
            "neighbours for their replacement",
            "pixel_replace",
            "n_adjacent_cols",
            _whole,
            "pixel_replace",
        ),
        Choice(
            "rejection_threshold",
            "threshold of jump [sigma]",
            "jump",
            "rejection_threshold",
            _number,
            "jump",
            delivered=True,
        ),
        Choice(
            "weight_type",
            "weights of resample_spec",
            "resample",
            "weight_type",
            _word,
            "resample",
            delivered=True,
        ),
        Choice("pathloss", "position for pathloss", "pathloss", "mode", _word, "pathloss"),
        Choice(
            "user_slit_loc",
            "source across the slit [arcsec]",
            "pathloss",
            "user_slit_loc",
            _number,
            "pathloss",
        ),
    )
}
"""All that can be varied, by name, in the order in which it is listed."""

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bkg_fit": Background.FITS,
    "extraction_type": Extraction.TYPES,
    "pixel_replace": PixelReplace.ALGORITHMS,
    "weight_type": Resample.TYPES,
    "pathloss": Pathloss.MODES,
}
"""The values of choices that have few, each a word."""


def in_words(name: str, value: Any) -> str:
    """Return a value as it is written on the screen and the command line; see `read_values`."""
    if value is None:
        return AS_CHOSEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Background):
        value = value.regions
    if isinstance(value, str):
        return value
    if name == "background":
        return "+".join(f"{lower:.10g}:{upper:.10g}" for lower, upper in value) or NONE
    return f"{value:.10g}"


def read_values(name: str, text: str) -> tuple[Any, ...]:
    """Read values of a choice, between commas.

    Numbers and words as in the recipe; background regions like ``2:6+25:29``, or ``none``;
    ``as chosen`` stands for what the recipe has (in Python None), ``as delivered`` for a step of
    the pipeline that is left as it was run.

    Raises
    ------
    LRSExplorerError
        There is no such choice, or a word means none of its values.
    """
    choice = _known(name)
    values: list[Any] = []
    for word in (part.strip() for part in text.split(",")):
        if not word:
            continue
        if word == AS_CHOSEN:
            values.append(None)
        elif choice.delivered and word == AS_DELIVERED:
            values.append(AS_DELIVERED)
        else:
            try:
                values.append(choice.read(word))
            except LRSExplorerError as error:
                raise LRSExplorerError(f"values of {name}: {error}") from None
    return checked({name: values})[name]


def read_choice(text: str) -> tuple[str, tuple[Any, ...] | None]:
    """Read a choice with its values, ``width=6,7,8``, or without, ``width``, for those by default.

    Raises
    ------
    LRSExplorerError
        As `read_values`.
    """
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    _known(name)
    return name, read_values(name, values) if equals else None


def checked(values: Mapping[str, Iterable[Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the values of choices as tuples, each once, and in the order of `CHOICES`.

    Raises
    ------
    LRSExplorerError
        There is no such choice, it has no values, or one that is none of its own.
    """
    found = {}
    for name, given in values.items():
        choice = _known(name)
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise LRSExplorerError(f"values of {name} must be a list, not {given!r}.")
        kept: dict[str, Any] = {}
        for value in given:
            if isinstance(value, Background):
                raise LRSExplorerError(
                    "values of background are regions alone; how they are fitted are choices of "
                    "their own (bkg_fit, bkg_order, smoothing_length)."
                )
            if value == NONE and name == "background":
                value = ()
            _check(choice, value)
            kept.setdefault(in_words(name, value), value)
        if not kept:
            raise LRSExplorerError(
                f"{name} has no values to be varied over; give some, or leave {name} out."
            )
        found[name] = tuple(kept.values())
    return {name: found[name] for name in CHOICES if name in found}


def _check(choice: Choice, value: Any) -> None:
    """Let a recipe judge a value, before anything is extracted or run."""
    if value is None or (choice.delivered and value == AS_DELIVERED):
        return
    try:
        _changed(Recipe(), Aperture(10.0, 8.0), Background(), {choice.name: value})
    except LRSExplorerError as error:
        raise LRSExplorerError(f"values of {choice.name}: {error}") from None
    except TypeError:
        raise LRSExplorerError(f"values of {choice.name}: {value!r} is none of them.") from None


def _known(name: str) -> Choice:
    if name not in CHOICES:
        raise LRSExplorerError(
            f"{name!r} is no choice that can be varied; there are {', '.join(CHOICES)}."
        )
    return CHOICES[name]


def varied(recipe: Recipe, placement: Placement, chosen: Mapping[str, Any]) -> Recipe:
    """Return a recipe with these values of choices.

    Values that the recipe has already change nothing of it, so that it is itself among its
    variants. Once center or width are another, the background stays where it was, as on the
    screen. What does nothing is left as it was: width under optimal extraction, and how a
    background is fitted where there is none.

    Parameters
    ----------
    recipe : Recipe
    placement : Placement
        Of its aperture and background.
    chosen : Mapping of str to object
        None = as in the recipe.
    """
    return _changed(recipe, placement.aperture, placement.background, chosen)


def _changed(
    recipe: Recipe, aperture: Aperture, background: Background, chosen: Mapping[str, Any]
) -> Recipe:
    given = {name: value for name, value in chosen.items() if value is not None}
    parts: dict[str, Any] = {}
    for name, value in given.items():
        choice = CHOICES[name]
        if choice.field:
            part = parts.get(choice.part, getattr(recipe, choice.part))
            new = None if choice.delivered and value == AS_DELIVERED else value
            parts[choice.part] = dataclasses.replace(part, **{choice.field: new})
    if "user_slit_loc" in given and "pathloss" not in given:
        parts["pathloss"] = dataclasses.replace(parts["pathloss"], mode="offset")
    extraction = parts.get("extraction", recipe.extraction)

    names = {"center"} if extraction.extraction_type == "optimal" else {"center", "width"}
    drawn = _replaced(aperture, {name: given[name] for name in given.keys() & names})
    if drawn != aperture:
        parts["aperture"] = drawn
    fit = {"regions": given["background"]} if "background" in given else {}
    names = {"bkg_fit", "bkg_order", "smoothing_length"}
    fitted = _replaced(background, fit | {name: given[name] for name in given.keys() & names})
    if not fitted.regions:
        fitted = Background()  # whatever would be fitted
    elif fitted.bkg_fit != "poly" and fitted.bkg_order != background.bkg_order:
        fitted = dataclasses.replace(fitted, bkg_order=background.bkg_order)
    before = background if background.regions else Background()
    if fitted != before or (drawn != aperture and recipe.background is None):
        parts["background"] = fitted
    return recipe.replace(**parts) if parts else recipe


def _replaced(part: Any, values: Mapping[str, Any]) -> Any:
    return dataclasses.replace(part, **values) if values else part
