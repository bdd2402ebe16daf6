"""Which stages lead from the products at hand to the image that a recipe asks for.

Pure planning: nothing is read but headers, and nothing is run. A stage is known by a key made of
its parameters and of what goes into it, so two recipes share the stages that they have in common.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.parts import step_parameters
from lrs_explorer.model.recipe.recipe import Nods, Pathloss, Recipe
from lrs_explorer.model.recipe.scope import image_of

__all__ = [
    "PlannedProduct",
    "association_parameter",
    "is_delivered",
    "is_subtracted",
    "not_told",
    "pathloss_inputs",
    "photom_parameter",
    "plan",
]

FORMAT: Final = 4
"""To be raised when a stage gives other results than before with the same parameters."""

STEPS: Final[dict[str, tuple[str, ...]]] = {
    "ramp": ("calwebb_detector1",),
    "jump": ("jump", "ramp_fit"),
    "flat": ("assign_wcs", "bkg_subtract", "srctype", "flat_field"),
    "cal": ("pathloss", "photom"),
    "recal": ("pathloss",),
    "pixel_replace": ("pixel_replace",),
    "s2d": ("resample_spec",),
    "level_3": ("outlier_detection", "pixel_replace", "resample_spec"),
    # Of time series. What is not a step of the pipeline has none.
    "background": (),
    "calints": ("assign_wcs", "srctype", "flat_field", "photom"),
    "outliers": (),
    "outlier_detection": ("outlier_detection",),
}
"""Steps of each stage, for those who show progress."""


@dataclass(frozen=True, eq=False)
class PlannedProduct:
    """A few pipeline steps with one product.

    Parameters
    ----------
    name : str
        A key of `STEPS`.
    exposure : int or "combined"
    inputs : tuple of Path or PlannedProduct
        Products at hand, and those of earlier stages.
    parameters : Mapping
        Plain JSON values.
    product : str
        File name of the product.
    """

    name: str
    exposure: int | str
    inputs: tuple[Path | PlannedProduct, ...]
    parameters: Mapping[str, Any]
    product: str

    @cached_property
    def identity(self) -> str:
        """What decides the result: parameters, inputs (files by path, size and time), jwst."""
        content = [
            FORMAT,
            version("jwst"),
            self.name,
            self.product,
            dict(self.parameters),
            [
                i.identity if isinstance(i, PlannedProduct) else _file_identity(i)
                for i in self.inputs
            ],
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def key(self, crds: Mapping[str, str]) -> str:
        """Return the key in a cache: the identity, and the reference files' origin."""
        content = json.dumps([self.identity, dict(crds)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def in_order(self) -> Iterator[PlannedProduct]:
        """Yield all stages up to this one, each once, before those that need it."""
        seen: set[str] = set()
        yield from self._in_order(seen)

    def _in_order(self, seen: set[str]) -> Iterator[PlannedProduct]:
        for needed in self.inputs:
            if isinstance(needed, PlannedProduct):
                yield from needed._in_order(seen)
        if self.identity not in seen:
            seen.add(self.identity)
            yield self


def _file_identity(path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError:
        raise LRSExplorerError(
            f"{path} has vanished since the observation was opened; put it back or open it again."
        ) from None
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def is_delivered(observation: Observation, recipe: Recipe) -> bool:
    """Tell whether the image that ``recipe`` asks for is the delivered one."""
    number, wanted = observation.number(recipe.nods), image_of(recipe)
    if is_subtracted(observation, wanted.nods, number):
        wanted = wanted.replace(nods=Nods(wanted.nods.exposure))
    flagged = tuple(p for p in wanted.pixel_replace.flagged if number in (p[0], "combined"))
    wanted = wanted.replace(
        pixel_replace=dataclasses.replace(wanted.pixel_replace, flagged=flagged)
    )
    delivered = Recipe.from_observation(observation).replace(nods=Nods(wanted.nods.exposure))
    return wanted == image_of(delivered)


def is_subtracted(observation: Observation, nods: Nods, number: int | str) -> bool:
    """Tell whether what ``nods`` asks to be subtracted from an exposure is what was delivered."""
    if nods.subtract is None:
        return True
    if nods.subtract != observation.subtracted(number):
        return False
    if nods.backgrounds is None:
        return True
    try:
        numbers = observation.combined_members() if number == "combined" else [int(number)]
        return all(
            _same(_chosen(observation, nods.backgrounds, n), observation.backgrounds(n)[0])
            for n in numbers
        )
    except LRSExplorerError:  # it is said when that is to be made
        return False


def _chosen(
    observation: Observation, chosen: tuple[str, ...] | str, number: int
) -> list[int | Path]:
    """Return what is to be subtracted from an exposure: numbers of others, and rates."""
    if isinstance(chosen, str):
        return [*observation.other_nods(number)]
    return observation.chosen_backgrounds(number, chosen)


def _same(one: list[int | Path], other: list[int | Path]) -> bool:
    ours, theirs = (
        {b.resolve() if isinstance(b, Path) else b for b in all_} for all_ in (one, other)
    )
    return ours == theirs


def own_association(root: str) -> str:
    """Return what the association is called that says what a recipe has subtracted."""
    return f"{root}_spec2_asn.json"


def plan(observation: Observation, recipe: Recipe) -> Path | PlannedProduct:
    """Return what gives the s2d image of a recipe for the slit.

    The delivered file, or the last of some stages.

    Raises
    ------
    LRSExplorerError
        A product is missing; the message says which, and how to come by it.
    """
    number = observation.number(recipe.nods)
    if is_delivered(observation, recipe):
        delivered = observation.find("s2d", number)
        if delivered is not None:
            return delivered
    return _Planner(observation, recipe).image(number)


def photom_parameter(observation: Observation, number: int | str) -> dict[str, Any]:
    """Return that photom is skipped, for what was delivered without it: its unit stays DN/s."""
    skipped = observation.delivered_header(number).get("S_PHOTOM") == "SKIPPED"
    return {"photom": "skip"} if skipped else {}


def association_parameter(observation: Observation, product: int | Path) -> dict[str, Any]:
    """Return what has a product carry the name of its association, as the pipeline writes it."""
    association = observation.association_of(product)
    return {} if association is None else {"association": list(association)}


def not_told(observation: Observation, number: int) -> dict[str, Any]:
    """Return a note that no background is subtracted, where nothing tells whether one is to be."""
    if observation.subtracted(number) is not None:
        return {}
    return {
        "note": "nothing delivered, and no association, tells whether a background is to be "
        f"subtracted from {observation.root(number)}: none was"
    }


def pathloss_inputs(
    observation: Observation, pathloss: Pathloss, number: int
) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """Return TA image and parameters of the pathloss correction of an exposure.

    Raises
    ------
    LRSExplorerError
        The verification image that it needs is missing.
    """
    mode, header, parameters = pathloss.mode, observation.delivered_header(number), {}
    if mode == "as_delivered":
        mode = "ta" if header.get("S_TACNTR") == "COMPLETE" else "center"
        if header.get("S_PTHLOS") == "SKIPPED":
            mode = "off"
        if "S_PTHLOS" not in header:
            parameters["note"] = (
                f"nothing delivered tells how pathloss of {observation.root(number)} is to be "
                "corrected: the pipeline's default was taken, a source in the middle of the slit"
            )
    if mode == "ta":
        ta = observation.verification_image(number)
        if ta is None:
            raise LRSExplorerError(
                f"{observation.name} has no verification image "
                "(EXP_TYPE MIR_TACONFIRM); download it, or choose another pathloss mode."
            )
        return (ta,), {"mode": "ta", "user_slit_loc": None, **parameters}
    if mode not in ("center", "offset", "off"):
        raise unknown("pathloss mode", mode)
    location = pathloss.user_slit_loc if mode == "offset" else None
    return (), {"mode": mode, "user_slit_loc": location, **parameters}


class _Planner:
    """Plans the stages of one recipe."""

    def __init__(self, observation: Observation, recipe: Recipe) -> None:
        self._observation = observation
        self._recipe = recipe
        self._rates: dict[int, Path | PlannedProduct] = {}

    def image(self, number: int | str) -> PlannedProduct:
        """Return the stage that makes the s2d image."""
        if number == "combined":
            return self._combined()
        number = int(number)
        name = self._name(number, "s2d")
        parameters = self._trace_model() | self._weights()
        return PlannedProduct("s2d", number, (self._replaced(number),), parameters, name)

    def _trace_model(self) -> dict[str, Any]:
        """Return what the recipe says of adaptive_trace_model; nothing: as CRDS does."""
        part = self._recipe.adaptive_trace_model
        if part.skip is None:
            return {}
        return {"trace_model": {"skip": True} if part.skip else dataclasses.asdict(part)}

    def _weights(self) -> dict[str, Any]:
        """Return what the recipe says of resample_spec."""
        weight_type = self._recipe.resample.weight_type
        return {} if weight_type is None else {"resample": {"weight_type": weight_type}}

    def _combined(self) -> PlannedProduct:
        observation, replace = self._observation, self._recipe.pixel_replace
        numbers = observation.combined_members()
        delivered = observation.find("s2d", "combined")
        if delivered is not None:
            root = root_of(delivered)
        else:
            root = f"{observation.name}_t001_miri_p750l"
        return PlannedProduct(
            "level_3",
            "combined",
            tuple(self._flagged(number) for number in numbers),
            {
                "name": root,
                "step": step_parameters(replace),
                "association": list(observation.combined_association(root)),
                **self._trace_model(),
                **self._weights(),
            },
            f"{root}_s2d.fits",
        )

    def _name(self, number: int, suffix: str) -> str:
        return f"{self._observation.root(number)}_{suffix}.fits"

    def _flags(self, number: int) -> list[list[int]]:
        return [[r, c] for e, r, c in self._recipe.pixel_replace.flagged if e == number]

    def _flagged(self, number: int) -> Path | PlannedProduct:
        """Return the calibrated slit with the pixels flagged by hand, for level 3."""
        flags = self._flags(number)
        cal = self._cal(number)
        if not flags:
            return cal
        parameters = {"step": {"skip": True}, "flagged": flags}
        return PlannedProduct(
            "pixel_replace", number, (cal,), parameters, self._name(number, "cal")
        )

    def _replaced(self, number: int) -> Path | PlannedProduct:
        replace = self._recipe.pixel_replace
        flags = self._flags(number)
        cal = self._cal(number)
        if replace.algorithm == "off" and not flags:
            return cal
        parameters = {"step": step_parameters(replace), "flagged": flags, **self._trace_model()}
        return PlannedProduct(
            "pixel_replace", number, (cal,), parameters, self._name(number, "pixel_replace")
        )

    def _cal(self, number: int) -> Path | PlannedProduct:
        observation, recipe = self._observation, self._recipe
        cal = observation.find("cal", number)
        as_delivered = recipe.jump.rejection_threshold is None and is_subtracted(
            observation, recipe.nods, number
        )
        if cal is not None and as_delivered and recipe.pathloss.mode == "as_delivered":
            return cal
        product = self._name(number, "cal")
        inputs, parameters = pathloss_inputs(observation, recipe.pathloss, number)
        parameters |= photom_parameter(observation, number)
        if as_delivered and cal is not None and self._delivered_rates(number) is None:
            return PlannedProduct("recal", number, (cal, *inputs), parameters, product)
        return PlannedProduct("cal", number, (self._flat(number), *inputs), parameters, product)

    def _delivered_rates(self, number: int) -> list[Path] | None:
        """Return the rates that make a flat-fielded slit as delivered; None if one is missing.

        None also where the delivered one does not tell what was subtracted from it.
        """
        asked = self._recipe.nods.subtract is not None
        if self._observation.subtracted(number) is None and not asked:
            return None
        partners: list[int | Path] = []
        if self._subtracted(number):
            try:
                partners, _ = self._backgrounds(number)
            except LRSExplorerError:  # not known, or not at hand: it stays as it was delivered
                return None
        found = [
            n if isinstance(n, Path) else self._observation.find("rate", n)
            for n in (number, *partners)
        ]
        present = [path for path in found if path is not None]
        return present if len(present) == len(found) else None

    def _subtracted(self, number: int) -> bool:
        wanted = self._recipe.nods.subtract
        return self._observation.subtracts(number) if wanted is None else wanted

    def _backgrounds(self, number: int) -> tuple[list[int | Path], str]:
        nods = self._recipe.nods
        if nods.backgrounds is not None:
            chosen = _chosen(self._observation, nods.backgrounds, number)
            return chosen, own_association(self._observation.root(number))
        return self._observation.backgrounds(number, asked=nods.subtract is True)

    def _flat(self, number: int) -> PlannedProduct:
        partners: list[int | Path] = []
        parameters = association_parameter(self._observation, number)
        if self._subtracted(number):
            partners, source = self._backgrounds(number)
            if not partners:
                raise LRSExplorerError(
                    f"{self._observation.name} has no exposure at another nod position to "
                    "subtract; switch nod subtraction off, or download the other nod."
                )
            if self._recipe.nods.backgrounds is not None:
                parameters["association"] = [source, "none"]
            delivered = [path.name for path in partners if isinstance(path, Path)]
            if delivered and self._recipe.jump.rejection_threshold is not None:
                parameters["note"] = (
                    f"{', '.join(delivered)}: subtracted as delivered, not with the jump threshold "
                    "of the recipe"
                )
            if not source:
                root = self._observation.root(number)
                parameters["note"] = (
                    f"no association says what is subtracted from {root}: the exposures at other "
                    "nod positions were"
                )
        elif self._recipe.nods.subtract is None:
            parameters |= not_told(self._observation, number)
        rates = tuple(n if isinstance(n, Path) else self._rate(n) for n in (number, *partners))
        return PlannedProduct("flat", number, rates, parameters, self._name(number, "flat_field"))

    def _rate(self, number: int) -> Path | PlannedProduct:
        if number not in self._rates:
            self._rates[number] = self._made_rate(number)
        return self._rates[number]

    def _made_rate(self, number: int) -> Path | PlannedProduct:
        observation = self._observation
        rate = observation.find("rate", number)
        if self._recipe.jump.rejection_threshold is None:
            if rate is None:
                raise LRSExplorerError(
                    f"this needs the rate image: {observation.missing('rate', number)}."
                )
            return rate
        ramp: Path | PlannedProduct | None = observation.find("ramp", number)
        if ramp is None:
            uncal = observation.find("uncal", number)
            if uncal is None:
                raise LRSExplorerError(
                    "another jump threshold needs the ramp: "
                    f"{observation.missing('uncal', number)}."
                )
            ramp = PlannedProduct("ramp", number, (uncal,), {}, self._name(number, "ramp"))
        inputs = (ramp,) if rate is None else (ramp, rate)
        parameters = step_parameters(self._recipe.jump)
        return PlannedProduct("jump", number, inputs, parameters, self._name(number, "rate"))
