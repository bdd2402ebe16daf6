"""Every slit workaround, one after the other, against the truth of a simulated observation.

Run ``python benchmarks/workarounds.py [FOLDER]`` on a slit observation with ``truth.ecsv`` beside
it, ramps, a TA verification image and two nods; it takes a few minutes. Default: the shared
simulated observation beside the repository.

Nothing is taken from the list of planted defects: the aperture is put on the measured trace, the
source is where target acquisition saw it, and bad pixels are those that "find outliers" proposes,
once the other workarounds are in place. Errors are |flux / truth - 1| from 5.5 to 11.5 micron.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path

import numpy as np

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.outliers import find_outliers
from lrs_explorer.model.stages.stages import Stages

SHARED = Path(__file__).parents[2] / "shared" / "data" / "slit-90001"

RANGE = (5.5, 11.5)  # micron

PASSES = 2
"""How often outliers are looked for: those close to each other show one after the other."""


class Chain:
    """Workarounds on one nod, each added to those before."""

    def __init__(self, observation: lrs.Observation, nod: int) -> None:
        self.observation = observation
        self.stages = Stages(observation)
        self.stages.find_references()
        self.recipe = lrs.Recipe.from_observation(observation).replace(nods=lrs.Nods(nod))
        self.rows: list[tuple[str, tuple[float, float, float]]] = []

    def note(self, name: str) -> None:
        """Extract as the recipe says and compare with the truth."""
        self.stages.reprocessor.make(self.recipe)
        spectrum = self.stages.spectrum(self.recipe)
        truth = self.observation.truth
        assert truth is not None
        expected = np.interp(spectrum.wavelength, truth["wavelength"], truth["flux"])
        used = (spectrum.wavelength >= RANGE[0]) & (spectrum.wavelength <= RANGE[1])
        error = (spectrum.flux / expected - 1)[used]
        bias, middle = np.nanmedian(error), np.nanmedian(np.abs(error))
        self.rows.append((name, (bias, middle, np.nanpercentile(np.abs(error), 90))))

    def run(self) -> None:
        """Add the workarounds in the order in which a user meets them."""
        self.note("as delivered")
        trace = self.stages.trace(self.recipe)
        assert trace is not None
        width = self.stages.placement(self.recipe).aperture.width
        self.recipe = self.recipe.replace(aperture=lrs.Aperture(trace.center, width))
        self.note("+ aperture on the measured trace")
        self.recipe = self.recipe.replace(pathloss=lrs.Pathloss("ta"))
        self.note("+ pathloss at the TA position")
        self.recipe = self.recipe.replace(pixel_replace=lrs.PixelReplace("fit_profile"))
        self.note("+ pixel_replace (fit_profile)")
        self.recipe = self.recipe.replace(jump=lrs.Jump(15.0))
        self.note("+ jump threshold 15")
        for _ in range(PASSES):
            self._flag_outliers()
        self.note(f"+ {len(self.recipe.pixel_replace.flagged)} proposed outliers flagged")

    def _flag_outliers(self) -> None:
        """Flag what is proposed on the calibrated slit, which those flagged before are not of."""
        made = self.stages.reprocessor.make(self.recipe)
        number = self.observation.number(self.recipe.nods)
        (cal,) = (p for s, p in made.products if (s.name, s.exposure) == ("cal", number))
        replace = self.recipe.pixel_replace
        proposed = {(number, found.row, found.column) for found in find_outliers(read_image(cal))}
        flagged = tuple(proposed | set(replace.flagged))
        self.recipe = self.recipe.replace(
            pixel_replace=dataclasses.replace(replace, flagged=flagged)
        )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SHARED)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory(prefix="lrs-benchmark-") as scratch:
        os.environ["LRS_EXPLORER_CACHE"] = scratch
        beside = folder.parent / "crds"
        crds = beside if beside.is_dir() else None
        chains = [Chain(lrs.open_observation(folder, crds=crds), nod) for nod in (1, 2)]
        for chain in chains:
            chain.run()
    print("| | nod 1: bias | median | 90 % | nod 2: bias | median | 90 % |")
    print("|---|---|---|---|---|---|---|")
    for one, two in zip(*(chain.rows for chain in chains), strict=True):
        name = one[0] if one[0] == two[0] else f"{one[0]} / {two[0].split()[1]}"
        values = " | ".join(f"{100 * value:.1f} %" for value in (*one[1], *two[1]))
        print(f"| {name} | {values} |")


if __name__ == "__main__":
    main()
