"""Both nods of the simulated observation, calibrated by the real pipeline; what resamples them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import Processed

from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

_SKIPPED = ("pixel_replace", "resample_spec", "extract_1d")


@pytest.fixture(scope="session")
def environment(crds_cache: Path) -> Mapping[str, str]:
    return crds_environment(crds_cache)


@pytest.fixture(scope="session")
def cals(
    processed: Processed,
    environment: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Return the cal files of both nods."""
    run = run_pipeline(
        "calwebb_spec2",
        processed.files.spec2_associations[1],
        tmp_path_factory.mktemp("second"),
        parameters={"steps": {name: {"skip": True} for name in _SKIPPED}},
        crds=environment,
    )
    second = next(path for path in run.products if path.stem.endswith("_cal"))
    return processed.cal, second


@pytest.fixture(scope="session")
def first_cal(processed: Processed) -> SpectralImage:
    return read_image(processed.cal)


@pytest.fixture(scope="session")
def replaced(
    cals: tuple[Path, Path],
    environment: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> SpectralImage:
    """Return the first nod after pixel_replace; calwebb_spec2 keeps that out of its cal file."""
    run = run_pipeline(
        "pixel_replace",
        cals[0],
        tmp_path_factory.mktemp("replaced"),
        parameters={"algorithm": "fit_profile"},
        crds=environment,
    )
    (path,) = run.products
    return read_image(path)


Resample = Callable[..., Path]


@pytest.fixture(scope="session")
def resample(
    cals: tuple[Path, Path],
    environment: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Resample:
    """Return a function that resamples images with nothing but a few bright pixels.

    It takes, for each nod that goes in, a mapping of (row, column) to value.
    """

    def run(*bright: Mapping[tuple[int, int], float]) -> Path:
        folder = tmp_path_factory.mktemp("resampled")
        inputs = []
        for path, pixels in zip(cals, bright, strict=False):
            with fits.open(path, memmap=False) as hdus:
                hdus["SCI"].data[:] = 0.0
                hdus["DQ"].data[:] = 0
                for name in ("VAR_RNOISE", "VAR_POISSON", "VAR_FLAT", "ERR"):
                    hdus[name].data[:] = 1.0
                for (row, column), value in pixels.items():
                    hdus["SCI"].data[row, column] = value
                hdus.writeto(folder / path.name)
            inputs.append(folder / path.name)
        made = run_pipeline(
            "resample_spec", inputs if len(inputs) > 1 else inputs[0], folder, crds=environment
        )
        (s2d,) = made.products
        return s2d

    return run


@pytest.fixture(scope="session")
def single(resample: Resample, planted: dict[tuple[int, int], float]) -> Path:
    """Return the s2d of one nod (level 2b) with the planted pixels."""
    return resample(planted)


@pytest.fixture(scope="session")
def combined(resample: Resample, planted: dict[tuple[int, int], float]) -> Path:
    """Return the s2d of both nods (level 3), the planted pixels in the first nod."""
    return resample(planted, {})


@pytest.fixture(scope="session")
def moving(
    cals: tuple[Path, Path],
    planted: dict[tuple[int, int], float],
    environment: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Return the first nod, and its combination with the second, of a target that moved."""
    folder, names = tmp_path_factory.mktemp("moving"), []
    for path, moved in zip(cals, (0.0, 2.0), strict=True):
        with fits.open(path, memmap=False) as hdus:
            hdus["SCI"].data[:] = hdus["DQ"].data[:] = 0
            hdus["ERR"].data[:] = 1.0
            for name in ("VAR_RNOISE", "VAR_POISSON", "VAR_FLAT"):
                hdus[name].data[:] = 1.0
            if not names:
                for (row, column), value in planted.items():
                    hdus["SCI"].data[row, column] = value
            header = hdus[0].header
            header["TARGTYPE"] = "MOVING"
            east = moved / 3600 / np.cos(np.deg2rad(header["TARG_DEC"]))
            hdus["SCI"].header["MT_RA"] = header["TARG_RA"] + east
            hdus["SCI"].header["MT_DEC"] = header["TARG_DEC"] + moved / 3600
            hdus.writeto(folder / path.name)
        names.append(path.name)
    members = [{"expname": name, "exptype": "science"} for name in names]
    association = folder / "moving_spec3_asn.json"
    association.write_text(
        json.dumps(
            {
                "asn_type": "spec3",
                "asn_id": "o001",
                "asn_pool": "none",
                "products": [{"name": "moving", "members": members}],
            }
        )
    )
    skipped = ("outlier_detection", "pixel_replace", "extract_1d")
    made = run_pipeline(
        "calwebb_spec3",
        association,
        folder,
        parameters={"steps": {name: {"skip": True} for name in skipped}},
        crds=environment,
    )
    return folder / names[0], next(p for p in made.products if p.stem.endswith("_s2d"))


@pytest.fixture(scope="session")
def planted() -> dict[tuple[int, int], float]:
    """Return bright pixels of the detector, far apart; the trace bends between them."""
    rng = np.random.default_rng(5)
    rows = range(20, 390, 40)
    return {(row, int(rng.integers(312, 338))): 1000.0 for row in rows}
