"""How fast a sweep over choices is, beside the pipeline's step called for each variant.

Run as ``python benchmarks/sweep.py``; it takes about a minute. The image is the first nod of the
demo, the aperture on its trace; 500 variants: 5 centers, 10 widths, background regions or none, and
5 ways to fit them. ``Extract1dStep`` does a few of them, spread over all, in the same process.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import os
import pstats
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import lrs_explorer as lrs
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.simulator.references import build_crds_cache, crds_environment


def main() -> None:
    """Print how long both take for a variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="variants that the step does")
    parser.add_argument("--profile", action="store_true", help="tell where the sweep's time goes")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")

    observation = lrs.demo("slit")
    trace = lrs.find_trace(observation)
    assert trace is not None
    recipe = lrs.Recipe.from_observation(observation)
    recipe = recipe.replace(aperture=lrs.Aperture(trace.center, 8.0))
    choices = {
        "center": trace.center + np.linspace(-0.5, 0.5, 5),
        "width": np.linspace(5.0, 11.0, 10),
        "background": ["none", ((2.0, 6.0), (25.0, 29.0))],
        "bkg_order": [0, 1, 2, 3, 4],
    }
    lrs.extract(observation, recipe)  # loads the pipeline's numeric functions
    profile = cProfile.Profile() if options.profile else None
    begun = time.perf_counter()
    if profile is not None:
        profile.enable()
    found = lrs.sweep(observation, recipe, choices=choices)
    if profile is not None:
        profile.disable()
    took = time.perf_counter() - begun
    number = len(found.variants)
    print(f"sweep: {number} variants in {took:.2f} s, {1e3 * took / number:.2f} ms for each")
    if profile is not None:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(25)

    from jwst.extract_1d import Extract1dStep

    extractor = kept_stages(observation).extractor(recipe)
    image = extractor.image.path
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(crds_environment(build_crds_cache(Path(folder) / "crds")))
        references = packaged_references("slit")
        path = Path(folder) / "extract1d.json"
        times = []
        for variant in found.variants[:: number // (options.steps + 1)][1:]:
            reference, parameters = extractor.step_parameters(variant.recipe)
            path.write_text(json.dumps(reference))
            begun = time.perf_counter()
            Extract1dStep.call(
                str(image),
                override_extract1d=str(path),
                override_apcorr=str(references.apcorr),
                **parameters,
            )
            times.append(time.perf_counter() - begun)
    step = float(np.median(times))
    print(f"Extract1dStep: {1e3 * step:.0f} ms for each, {number * step:.0f} s for all")
    print(f"ratio: {number * step / took:.0f}")


if __name__ == "__main__":
    main()
