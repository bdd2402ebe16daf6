"""Makes the images that recipes ask for: plans stages, runs what is missing, keeps the rest."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.references.crds_settings import crds_settings
from lrs_explorer.model.runs.plan import STEPS, PlannedProduct
from lrs_explorer.model.runs.product_cache import ProductCache
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.runs.worker import Worker, worker_for

__all__ = ["Made", "Report", "Reprocessor", "StepCounter", "StepProgress", "together"]


@dataclass(frozen=True)
class StepProgress:
    """How far a run is.

    Parameters
    ----------
    step : str
        The pipeline's name of the step that is running.
    number, total : int
        It is the number-th of total steps.
    seconds : float
        How long this step has been running.
    elapsed : float
        How long the whole run has.
    """

    step: str
    number: int
    total: int
    seconds: float
    elapsed: float


@dataclass(frozen=True)
class Made:
    """The images of a recipe and how they came about.

    Parameters
    ----------
    images : tuple of Path
        One for each target, in their order: products in the cache, or delivered ones.
    products : tuple of (PlannedProduct, Path)
        Stages on the way to them whose products are in the cache, in order.
    log : str
        What the pipeline logged when they were made.
    notes : tuple of str
        Plain sentences on what was done otherwise than by the pipeline.
    """

    images: tuple[Path, ...]
    products: tuple[tuple[PlannedProduct, Path], ...] = ()
    log: str = ""
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> Path:
        """The first image; the only one but of a time series."""
        return self.images[0]


def together(made: Sequence[Made]) -> Made:
    """Return what was made for several targets, or recipes, as one."""
    return Made(
        images=tuple(image for one in made for image in one.images),
        products=tuple(product for one in made for product in one.products),
        log="".join(one.log for one in made),
        notes=tuple(note for one in made for note in one.notes),
    )


Report = Callable[[StepProgress], None]
"""Told of the step that is running, five times a second."""


class Reprocessor:
    """Makes the images of recipes for one observation, of the slit or a series, each stage once.

    Parameters
    ----------
    observation : Observation
    cache : ProductCache, optional
    """

    def __init__(self, observation: Observation, cache: ProductCache | None = None) -> None:
        self.observation = observation
        self.cache = cache or ProductCache()

    @property
    def crds(self) -> dict[str, str]:
        """Settings of CRDS for this observation; the first call may build the simulated cache.

        They include what the user has set, at this moment: other references give other products.
        """
        settings, _ = crds_settings(self.observation)
        names = ("CRDS_PATH", "CRDS_SERVER_URL", "CRDS_CONTEXT", "STPIPE_DISABLE_CRDS_STEPPARS")
        own = {name: os.environ[name] for name in names if name in os.environ}
        return own | settings

    @property
    def worker(self) -> Worker:
        """The process that runs the steps."""
        return worker_for(self.crds)

    def missing(self, recipe: Recipe) -> list[PlannedProduct]:
        """Return the stages that have to be run to make the images of ``recipe``.

        Raises
        ------
        LRSExplorerError
            A product is missing.
        """
        return self.needed(targets(self.observation, recipe))

    def needed(self, wanted: Iterable[Path | PlannedProduct]) -> list[PlannedProduct]:
        """Return the stages that have to be run to make these targets."""
        needed: list[PlannedProduct] = []
        done: set[str] = set()
        crds = self.crds

        def visit(stage: PlannedProduct) -> None:
            if stage.identity in done:
                return
            done.add(stage.identity)
            if self.cache.find(stage.key(crds)) is None:
                for before in stage.inputs:
                    if isinstance(before, PlannedProduct):
                        visit(before)
                needed.append(stage)

        for target in wanted:
            if isinstance(target, PlannedProduct):
                visit(target)
        return needed

    def counter(
        self, recipes: Recipe | Iterable[Recipe], report: Report | None, *further: str
    ) -> StepCounter:
        """Return a counter of the steps that recipes need, and of ``further`` ones."""
        recipes = [recipes] if isinstance(recipes, Recipe) else recipes
        wanted = [target for recipe in recipes for target in targets(self.observation, recipe)]
        steps = [step for stage in self.needed(wanted) for step in STEPS[stage.name]]
        return StepCounter([*steps, *further], report)

    def make(
        self,
        recipe: Recipe,
        counter: StepCounter | None = None,
        cancelled: threading.Event | None = None,
    ) -> Made:
        """Run what is missing and return the images of ``recipe``.

        Parameters
        ----------
        recipe : Recipe
        counter : StepCounter, optional
            Told of each step, from this thread.
        cancelled : threading.Event, optional
            Stops the run when set.

        Raises
        ------
        LRSExplorerError
            A product is missing, a step failed, the process died, or it was cancelled.
        """
        wanted = targets(self.observation, recipe)
        return together([self.make_target(target, counter, cancelled) for target in wanted])

    def make_target(
        self,
        target: Path | PlannedProduct,
        counter: StepCounter | None = None,
        cancelled: threading.Event | None = None,
    ) -> Made:
        """Run what is missing and return the product of a stage; see `make`."""
        if isinstance(target, Path):
            return Made((target,))
        counter = counter or StepCounter([], None)
        for stage in self.needed([target]):
            self.cache.add(
                stage.key(self.crds), partial(self._run, stage, counter=counter, stop=cancelled)
            )
        made = self.made_target(target)
        if made is None:
            raise self._vanished()
        return made

    def made(self, recipe: Recipe) -> Made | None:
        """Return the images of ``recipe`` as `make` does, but None where stages have to be run.

        Raises
        ------
        LRSExplorerError
            A product is missing.
        """
        made = []
        for target in targets(self.observation, recipe):
            one = self.made_target(target)
            if one is None:
                return None
            made.append(one)
        return together(made)

    def made_target(self, target: Path | PlannedProduct) -> Made | None:
        """Return the product of a stage, but None where stages have to be run."""
        if isinstance(target, Path):
            return Made((target,))
        found = [(stage, self.cache.find(stage.key(self.crds))) for stage in target.in_order()]
        entries = [(stage, entry) for stage, entry in found if entry is not None]
        if not entries or entries[-1][0] is not target:
            return None
        records = [entry.record for _, entry in entries]
        return Made(
            images=(entries[-1][1].path,),
            products=tuple((stage, entry.path) for stage, entry in entries),
            log="".join(str(record["log"]) for record in records),
            notes=tuple(str(note) for record in records for note in record["notes"]),
        )

    def _vanished(self) -> LRSExplorerError:
        return LRSExplorerError(
            f"an intermediate product vanished from {self.cache.folder}; run it again."
        )

    def _run(
        self,
        stage: PlannedProduct,
        folder: Path,
        *,
        counter: StepCounter,
        stop: threading.Event | None,
    ) -> dict[str, Any]:
        """Run one stage into an empty folder and return its record."""
        inputs: list[str] = []
        for needed in stage.inputs:
            if isinstance(needed, Path):
                inputs.append(str(needed.resolve()))
                continue
            entry = self.cache.find(needed.key(self.crds))
            if entry is None:
                raise self._vanished()
            inputs.append(str(entry.path.resolve()))
        job = {
            "kind": "stage",
            "stage": stage.name,
            "inputs": inputs,
            "folder": str(folder),
            "name": stage.product,
            "parameters": dict(stage.parameters),
        }
        name = f"the reprocessing of {Path(inputs[0]).name}"
        result, log = self.worker.run(job, name, counter.tick, stop)
        return {
            "product": stage.product,
            "stage": stage.name,
            "inputs": inputs,
            "parameters": dict(stage.parameters),
            "log": log,
            **result,
        }


class StepCounter:
    """Turns the names of steps into how far a run is.

    Parameters
    ----------
    steps : list of str
        Steps that will run, in order.
    report : callable or None
    """

    def __init__(self, steps: list[str], report: Report | None) -> None:
        self._steps = steps
        self._report = report
        self._number = 0
        self._last = ""
        self._begun = time.monotonic()

    def tick(self, step: str, seconds: float) -> None:
        """Take note of the step that is running, and for how long it has been."""
        if step != self._last:
            self._last = step
            if step in self._steps[self._number :]:
                self._number = self._steps.index(step, self._number) + 1
        if self._report is not None:
            elapsed = time.monotonic() - self._begun
            number = max(self._number, 1)
            self._report(StepProgress(step, number, len(self._steps), seconds, elapsed))
