"""What is wrong with the observations of `benchmarks/diagnosis.py`, and how strongly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.spectra import SPECTRA

LEFT_OVER = 0.01  # arcsec, rms: what a good target acquisition leaves

PLANTED = (
    "MR-LRS01",
    "MR-LRS02",
    "MR-LRS03",
    "MR-LRS04",
    "MR-LRS05",
    "MR-LRS06",
    "wavelength",
    "background",
    "nods",
    "versions",
    "second_source",
    "slit_edge",
    "saturation",
)
"""Issues that are planted."""

OFTEN = 0.3
"""Share of the observations that each issue is planted in."""


@dataclass
class Plan:
    """What is wrong with one observation, and how strongly."""

    seed: int
    issues: frozenset[str]
    scene: SlitScene
    error_factor: float = 1.0
    runs: tuple[tuple[int, int], ...] = ()  # first row and number of rows
    saturated: tuple[int, int] = (0, 0)
    second: tuple[float, float] = (0.0, 0.0)  # brightness over the source's, arcsec along from it
    size: dict[str, float] = field(default_factory=dict)
    """How large each issue is, in the unit of `STRONG`."""


STRONG = {
    "MR-LRS01": (3.0, "σ of the spectrum"),
    "MR-LRS02": (3.0, "σ of the spectrum"),
    "MR-LRS03": (3.0, "σ of the spectrum"),
    "MR-LRS04": (3.0, "σ of the spectrum"),
    "background": (3.0, "σ of the spectrum"),
    "MR-LRS05": (1.4, "times the error"),
    "MR-LRS06": (2.0, "times the rate"),
    "wavelength": (0.1, "µm"),
    "nods": (1.0, "pixels between the nods"),
    "versions": (1.0, "fixes"),
    "second_source": (3.0, "% of the source"),
    "slit_edge": (3.0, "% of light beyond the end"),
    "saturation": (2.0, "pixels"),
}
"""Size from which an issue counts as present, and its unit."""


def draw(seed: int, *, clean: bool) -> Plan:
    """Choose issues and their strength at random."""
    random = np.random.default_rng(seed)
    # Every choice is drawn whether it is used or not.
    chosen = [name for name in PLANTED if random.random() < OFTEN]
    issues = frozenset() if clean else frozenset(chosen)

    def sign() -> float:
        return float(random.choice([-1.0, 1.0]))

    position = sign() * random.uniform(0.03, 0.7)
    edge = sign() * random.uniform(1.1, 1.4)
    across = sign() * random.uniform(0.03, 0.30)
    little = random.normal(0.0, LEFT_OVER, 2)
    bad = (int(random.integers(10, 80)), int(random.integers(1, 9)), int(random.integers(0, 5)))
    on_trace = float(random.uniform(0.1, 0.6))
    factor = float(random.choice([random.uniform(1.3, 2.5), random.uniform(0.4, 0.75)]))
    runs = tuple(
        (int(random.integers(285, 375)), int(random.integers(3, 7)))
        for _ in range(int(random.integers(1, 8)))
    )
    saturated = (int(random.integers(300, 370)), int(random.integers(3, 20)))
    second = (float(np.exp(random.uniform(np.log(0.01), np.log(0.3)))), _place(random))
    scene = SlitScene(
        spectrum=str(random.choice(sorted(SPECTRA))),
        flux_level=float(np.exp(random.uniform(np.log(1e-4), np.log(1e-2)))),
        position_error=float(little[0]),
        slit_offset=float(little[1]),
        trace_residual=float(random.uniform(-0.3, 0.3)),
        background_level=float(random.uniform(5.0, 30.0)),
        background_drift=float(random.normal(0.0, 0.002)),
        bad_pixels=0,
        hot_pixels=0,
        seed=seed,
    )
    changes: dict[str, Any] = {}
    if "MR-LRS01" in issues:
        changes["position_error"] = float(position)
    if "slit_edge" in issues:
        changes["position_error"] = float(edge)
    if "MR-LRS04" in issues:
        changes["slit_offset"] = float(across)
    if "MR-LRS02" in issues:
        changes |= dict(zip(("bad_pixels", "hot_pixels", "dead_pixels"), bad, strict=True))
        changes["on_trace"] = on_trace
    return Plan(
        seed,
        issues,
        dataclasses.replace(scene, **changes),
        factor if "MR-LRS05" in issues else 1.0,
        runs if "MR-LRS03" in issues else (),
        saturated if "saturation" in issues else (0, 0),
        second if "second_source" in issues else (0.0, 0.0),
    )


def _place(random: np.random.Generator) -> float:
    """Return where a second source lies, arcsec from the first: clear of its negative image."""
    apart = 2 * instrument.NOD_OFFSET
    return float(random.choice([random.uniform(0.9, apart - 0.9), -random.uniform(0.9, 1.1)]))
