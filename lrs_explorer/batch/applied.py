"""What becomes of one observation, and what is needed to do it: plain values that travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["Applied", "State", "Task"]

State = Literal["done", "done before", "failed"]


@dataclass(frozen=True)
class Applied:
    """What became of one observation.

    Parameters
    ----------
    path : Path
        As it was given.
    state : {"done", "done before", "failed"}
        "done before" = an earlier `apply` into the same folder has made it, of the same files, by
        the same recipe: nothing was run.
    products, spectra : tuple of Path
        Files in the output folder; the spectra among them: the x1d, or the x1dints of each segment.
    error : str
        Why it failed; "" where it did not.
    notes : tuple of str
        What of the observation was left out, what was done otherwise than by the pipeline, and what
        rules have decided.
    recipe : Recipe or None
        That by which it was run: values alone.
    seconds : float
        That it has taken.
    """

    path: Path
    state: State
    products: tuple[Path, ...] = ()
    spectra: tuple[Path, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One observation that a recipe is to be applied to.

    Parameters
    ----------
    path : str
        Of a product, a folder or an association; absolute.
    given : str
        The same as it was given.
    rules : Mapping
        `lrs.Rules.to_dict`.
    folder : str
        For the products; absolute.
    apply : str
        Which call of `lrs.apply` it belongs to.
    overwrite, join : bool
    crds, extract1d : str or None
        As in `lrs.apply`.
    environment : Mapping of str to str
        Variables that name the CRDS cache, as they were where `lrs.apply` was called.
    """

    path: str
    given: str
    rules: Mapping[str, Any]
    folder: str
    apply: str
    overwrite: bool = False
    join: bool = False
    crds: str | None = None
    extract1d: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
