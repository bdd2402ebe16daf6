"""What tests import from each other; conftest modules of several folders would be mixed up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from lrs_explorer.simulator.observation import SlitFiles, SlitScene

SHARED = Path(__file__).parents[2] / "shared" / "data"
"""LRS products that may lie beside the repository."""


T = TypeVar("T")


class Once(Protocol):
    """Makes something once for all processes of a test run: see the fixture `once`."""

    def __call__(self, name: str, make: Callable[[Path], T]) -> T: ...


@dataclass(frozen=True)
class Processed:
    """The first nod of a small simulation after calwebb_spec2, and a corrected extraction."""

    scene: SlitScene
    files: SlitFiles
    cal: Path
    s2d: Path
    delivered_x1d: Path
    corrected_x1d: Path
