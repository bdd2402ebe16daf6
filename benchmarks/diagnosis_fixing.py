"""How far "fix all" brings simulated spectra to the truth, by the real pipeline.

Run ``python benchmarks/diagnosis_fixing.py``; an observation takes about ten seconds of processor
time. Each is simulated from the ramps on, with a random set of issues that a recipe can fix
(position, bad, hot and dead pixels, rejected jumps, place across the slit, errors), and goes
through the pipeline's jump and ramp_fit steps. Then "fix all" (`lrs.fix_all`): diagnosis, the
pipeline's own steps, and again, until nothing more is found. Flux is compared with the true one, 5
to 12 micron, and errors with what is left.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from astropy.io import fits
from fast_calibration import Calibration

import lrs_explorer as lrs
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.scatter import scatter
from lrs_explorer.model.measure.uncertainty import believed
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.simulator.detector_image import SimulatedExposure
from lrs_explorer.simulator.observation import simulate_slit
from lrs_explorer.simulator.processing import fit_ramps
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.spectra import SPECTRA
from lrs_explorer.simulator.truth import true_spectrum

NEIGHBOURS = 6
"""On either side of an element."""


def draw(seed: int) -> SlitScene:
    """Choose an observation at random; each issue is there in three of five."""
    random = np.random.default_rng(seed)
    there = random.random(5) < 0.6
    sign = random.choice([-1.0, 1.0], 2)
    position, across = sign * random.uniform((0.05, 0.03), (0.6, 0.2))
    bad = random.integers((10, 1, 1), (80, 8, 5))
    return SlitScene(
        spectrum=str(random.choice(sorted(SPECTRA))),
        flux_level=float(np.exp(random.uniform(np.log(3e-4), np.log(3e-3)))),
        position_error=float(position) if there[0] else 0.0,
        slit_offset=float(across) if there[1] else 0.0,
        bad_pixels=int(bad[0]) if there[2] else 0,
        hot_pixels=int(bad[1]) if there[2] else 0,
        dead_pixels=int(bad[2]) if there[2] else 0,
        on_trace=0.4,
        ramps=True,
        jump_runs=int(random.integers(1, 7)) if there[3] else 0,
        cosmic_rays=int(random.integers(10, 50)),
        error_factor=float(random.uniform(1.3, 2.0)) if there[4] else 1.0,
        n_groups=15,
        n_integrations=1,
        seed=seed,
    )


def make(calibration: Calibration, scene: SlitScene, folder: Path) -> Path:
    """Write an observation and return its first nod's s2d."""
    files = simulate_slit(scene, folder)
    exposures = []
    for path in fit_ramps(files, calibration.cache):
        with fits.open(path, memmap=False) as hdus:
            exposures.append(
                SimulatedExposure(
                    rate=hdus["SCI"].data.astype(np.float32),
                    var_poisson=hdus["VAR_POISSON"].data.astype(np.float32),
                    var_rnoise=hdus["VAR_RNOISE"].data.astype(np.float32),
                    dq=hdus["DQ"].data.astype(np.uint32),
                    trace=np.empty(0),
                )
            )
    nods = calibration.calibrate(exposures)
    images = [calibration.resample(nod, number) for number, nod in enumerate(nods, start=1)]
    spectra = [calibration.extract(image) for image in images]
    calibration.write(folder, nods, images, spectra)
    return folder / calibration.product(1, "s2d").name


def compare(spectrum: Spectrum, scene: SlitScene) -> dict[str, float]:
    """Return what flux over truth less 1 is, and how often errors hold the truth.

    The worst element is told less the median of its `NEIGHBOURS`, which slow differences leave
    alone: in per cent, and in standard errors, scaled to the scatter that is seen.
    """
    wavelength, flux, _ = true_spectrum(scene)
    low, high = SPECTRUM_RANGE
    used = (spectrum.wavelength > low) & (spectrum.wavelength < high)
    used &= np.isfinite(spectrum.flux)
    true = np.interp(spectrum.wavelength[used], wavelength, flux)
    off = spectrum.flux[used] / true - 1
    level = np.median(off)
    error = spectrum.flux_error[used] / true
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(off, NEIGHBOURS, mode="reflect"), 2 * NEIGHBOURS + 1
    )
    away = np.abs(off - np.median(np.delete(around, NEIGHBOURS, axis=1), axis=1))
    ratio = scatter(spectrum.flux[used], spectrum.flux_error[used]).ratio
    return {
        "median": float(level),
        "rms": float(np.sqrt(np.mean(off**2))),
        "90 %": float(np.quantile(np.abs(off), 0.9)),
        "worst": float(away.max()),
        "worst sigma": float((away / error).max() / ratio),
        "within": float(np.mean(np.abs(off - level) < error)),
    }


def measure(calibration: Calibration, seed: int, folder: Path) -> dict[str, object]:
    """Make, fix and compare one observation."""
    scene = draw(seed)
    shutil.rmtree(folder, ignore_errors=True)
    path = make(calibration, scene, folder)
    observation = lrs.open_observation(path)
    stages = stages_of(observation)
    assert isinstance(stages, Stages)
    stages.find_references()
    recipe = lrs.Recipe.from_observation(observation)
    before = compare(stages.spectrum(recipe), scene)
    done = lrs.fix_all(observation, recipe, stages=stages)
    spectrum = stages.spectrum(done.recipe)
    if done.recipe.uncertainty.method == "bootstrap":
        spectrum = believed(spectrum, stages.bootstrap(done.recipe))
    return {
        "seed": seed,
        "before": before,
        "after": compare(spectrum, scene),
        "fixed": [[finding.issue for finding in found] for found in done.rounds],
        "left": [f"{finding.issue}: {finding.why}" for finding in done.left],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=900_000)
    parser.add_argument("--observations", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/lrs-explorer-benchmark"))
    options = parser.parse_args()
    calibration = Calibration(options.folder / "slit", SlitScene(bad_pixels=0, hot_pixels=0))
    results = options.folder / f"fixing-{options.first_seed}.jsonl"
    done = {}
    if results.is_file():
        done = {r["seed"]: r for r in map(json.loads, results.read_text().splitlines())}
    with results.open("a") as stream:
        for seed in range(options.first_seed, options.first_seed + options.observations):
            if seed not in done:
                work = options.folder / f"fixing-{options.first_seed}"
                done[seed] = measure(calibration, seed, work)
                stream.write(json.dumps(done[seed]) + "\n")
                stream.flush()
                shutil.rmtree(work, ignore_errors=True)
    records = list(done.values())
    print(f"{len(records)} observations, seeds from {options.first_seed}\n")
    print(
        "| | abs(median error): median | 90 % below | rms: median | abs(error) of 90 % of "
        "elements | worst element: median | largest | errors hold the truth |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for key, name in (("before", "as delivered"), ("after", "fix all")):
        found = {k: np.array([record[key][k] for record in records]) for k in records[0][key]}
        level, worst = np.abs(found["median"]), found["worst sigma"]
        print(
            f"| {name} | {np.median(level):.1%} | {np.quantile(level, 0.9):.1%} | "
            f"{np.median(found['rms']):.1%} | {np.median(found['90 %']):.1%} | "
            f"{np.median(worst):.1f} σ | {worst.max():.1f} σ | {found['within'].mean():.0%} |"
        )
    rounds = [len(record["fixed"]) for record in records]
    left = [record for record in records if record["left"]]
    print("\nrounds:", ", ".join(f"{n}: {rounds.count(n)}" for n in sorted(set(rounds))))
    print(f"something is found still in {len(left)}")
    for record in left:
        print(f"- seed {record['seed']}: {'; '.join(record['left'])}")


if __name__ == "__main__":
    main()
