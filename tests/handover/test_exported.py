"""What is handed over gives the same bits, where LRS Explorer cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.model.references.crds_settings import crds_settings
from lrs_explorer.model.series.products import TimeSeries

pytestmark = pytest.mark.pipeline

COLUMNS = ((2.5, 9.5), (43.5, 51.5))

RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "nod": (
        "slit",
        {
            "aperture": lrs.Aperture(26.3, 7.4),
            "background": lrs.Background(((5.0, 12.0), (36.2, 41.0)), bkg_order=1),
            "pathloss": lrs.Pathloss("offset", 0.1),
            "jump": lrs.Jump(10.0),
            "pixel_replace": lrs.PixelReplace(
                "fit_profile", flagged=((1, 100, 320), (1, 101, 320))
            ),
            "nods": lrs.Nods(1),
        },
    ),
    "optimal": (
        "slit",
        {
            "pathloss": lrs.Pathloss("ta"),
            "pixel_replace": lrs.PixelReplace("mingrad"),
            "aperture": lrs.Aperture(26.3, 7.4),
            "extraction": lrs.Extraction("optimal"),
            "wavelength": lrs.Wavelength(0.12),
            "nods": lrs.Nods(2),
        },
    ),
    "delivered": (
        "slit",
        {
            "aperture": lrs.Aperture(18.3, 8.0),
            "uncertainty": lrs.Uncertainty("bootstrap", 20, 3),
            "nods": lrs.Nods(1),
        },
    ),
    "combined": (
        "slit",
        {
            "pixel_replace": lrs.PixelReplace("fit_profile", flagged=((1, 300, 320),)),
            "resample": lrs.Resample("exptime"),
            "nods": lrs.Nods("combined"),
        },
    ),
    "series": (
        "SLITLESSPRISM_IPS",
        {
            "background": lrs.Background(),
            "slitless": lrs.SlitlessBackground(True, COLUMNS, per_integration=False),
            "series": lrs.SeriesOptions("replace"),
            "uncertainty": lrs.Uncertainty("bootstrap"),
        },
    ),
    "plain series": ("SLITLESSPRISM_IPS", {"aperture": lrs.Aperture(25.2, 9.3)}),
    "slit series": (
        "SUBSLIT",
        {
            "pathloss": lrs.Pathloss("offset", 0.1),
            "pixel_replace": lrs.PixelReplace("off", flagged=((1, 150, 25),)),
        },
    ),
}

RUNNER = """
import json, runpy, sys
sys.modules["lrs_explorer"] = None  # to import it is an error
said = {}
for name, *arguments in JOBS:
    sys.argv = arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as error:
        said[name] = str(error)
from jwst.stpipe import Step
from stpipe import config_parser
for name in PARS:
    said[name] = Step.from_config_file(name).get_pars()
    said[name]["file"] = config_parser.load_config_file(name).dict()
print("SAID" + json.dumps(said, default=str))
"""


@dataclass(frozen=True)
class Case:
    """A recipe that was handed over, and where its files are."""

    observation: lrs.Observation
    recipe: lrs.Recipe
    exported: lrs.Exported
    folder: Path

    def file(self, ending: str) -> Path:
        (path,) = [p for p in self.exported.files if p.name.endswith(ending)]
        return path


@pytest.fixture(scope="module")
def fresh(crds_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have no product kept from before: a WCS that is read again is rounded otherwise."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / crds_cache.name).symlink_to(crds_cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(cache))
        yield


@pytest.fixture(scope="module")
def cases(
    fresh: None, series_in: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("handover")
    found = {}
    for name, (source, parts) in RECIPES.items():
        opened = lrs.demo("slit") if source == "slit" else lrs.open_observation(series_in(source))
        recipe = lrs.Recipe.from_observation(opened).replace(**parts)
        place = folder / name
        exported = lrs.export(opened, recipe, place / "exported")
        found[name] = Case(opened, recipe, exported, place)
    return found


@pytest.fixture(scope="module")
def said(cases: dict[str, Case], stranger: Path) -> dict[str, Any]:
    """Run all scripts without LRS Explorer; return what they ended with, and read parameters."""
    jobs = []
    for name, case in cases.items():
        script, data = str(case.file("_pipeline.py")), str(case.observation.folder)
        jobs.append([name, script, data, str(case.folder / "theirs")])
    first = cases["delivered"]
    script, data = str(first.file("_pipeline.py")), str(first.observation.folder)
    jobs.append(["again", script, data, str(first.folder / "theirs")])
    jobs.append(["missing", script, str(first.folder / "exported"), str(first.folder / "none")])
    jobs.append(["usage", script])
    pars = [str(p) for case in cases.values() for p in case.exported.files if p.suffix == ".asdf"]
    runner = f"JOBS, PARS = {jobs!r}, {pars!r}\n{RUNNER}"
    environment = {**os.environ, **crds_settings(first.observation)[0]}
    run = subprocess.run(
        [stranger, "-P", "-c", runner],
        env=environment,
        cwd=first.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout.rpartition("SAID")[2])
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_the_script_gives_the_same_bits(
    cases: dict[str, Case], said: dict[str, Any], name: str
) -> None:
    case = cases[name]
    assert name not in said
    run = lrs.reprocess(case.observation, case.recipe, case.folder / "ours")
    for path in run.spectra:
        assert_same(path, case.folder / "theirs" / path.name)


def assert_same(ours: Path, theirs: Path) -> None:
    one, other = (fits.getdata(path, "EXTRACT1D") for path in (ours, theirs))
    assert len(other.names) >= 18
    assert np.isfinite(other["FLUX"]).sum() > 200
    for name in other.names:
        assert one[name].tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("name", ["optimal", "delivered", "series"])
def test_the_table_is_the_live_spectrum(
    cases: dict[str, Case], said: dict[str, Any], name: str
) -> None:
    """Errors of the bootstrap, or of the scatter in time, and shifted wavelengths."""
    case = cases[name]
    (path,) = (case.folder / "theirs").glob("*_spectrum.ecsv")
    table = Table.read(path)
    live = lrs.extract(case.observation, case.recipe)
    if isinstance(live, TimeSeries):
        ours = {column: live.columns[column] for column in ("FLUX", "FLUX_ERROR", "SB_ERROR")}
    else:
        ours = {column: live.table[column] for column in live.table.colnames}
        assert len(ours) == 18
    for column, values in ours.items():
        theirs = np.ma.filled(np.ma.asarray(table[column]), np.nan)
        np.testing.assert_array_equal(theirs, np.asarray(values), err_msg=column)
    delivered = lrs.extract(
        case.observation,
        case.recipe.replace(uncertainty=lrs.Uncertainty(), wavelength=lrs.Wavelength()),
    )
    changed = "wavelength" if name == "optimal" else "flux_error"
    assert not np.array_equal(getattr(live, changed), getattr(delivered, changed), equal_nan=True)


def test_a_script_says_in_one_sentence_what_is_wrong(
    cases: dict[str, Case], said: dict[str, Any]
) -> None:
    assert "holds" in said["again"]
    assert said["again"].endswith("already; choose another folder, or remove it.")
    assert "mirimage_s2d.fits is not in" in said["missing"]
    assert not (cases["delivered"].folder / "none").exists()
    assert said["usage"].startswith("usage: python")


def test_parameter_files_are_read_back(cases: dict[str, Case], said: dict[str, Any]) -> None:
    nod = cases["nod"]
    spec2 = said[str(nod.file("_pars-spec2pipeline.asdf"))]["steps"]
    assert spec2["pathloss"]["user_slit_loc"] == 0.1
    assert not spec2["pathloss"]["skip"]
    assert spec2["pixel_replace"]["algorithm"] == "fit_profile"
    written = said[str(nod.file("_pars-spec2pipeline.asdf"))]["file"]["steps"]["extract_1d"]
    assert written["override_extract1d"] == nod.file("_extract1d.json").name
    detector1 = said[str(nod.file("_pars-detector1pipeline.asdf"))]["steps"]
    assert detector1["jump"]["rejection_threshold"] == 10.0
    own = said[str(nod.file("_pars-extract1dstep.asdf"))]
    expected = {
        "subtract_background": True,
        "bkg_fit": "poly",
        "bkg_order": 1,
        "smoothing_length": 0,
        "use_source_posn": False,
        "position_offset": 0.0,
        "extraction_type": "box",
        "apply_apcorr": True,
    }
    assert {name: own[name] for name in expected} == expected
    third = said[str(cases["combined"].file("_pars-spec3pipeline.asdf"))]["steps"]
    assert third["resample_spec"]["weight_type"] == "exptime"


def test_strun_gives_the_same_bits(cases: dict[str, Case], stranger: Path) -> None:
    """With an association, a TA image and optimal extraction, by calwebb_spec2 alone."""
    case = cases["optimal"]
    exported = lrs.export(
        case.observation,
        case.recipe.replace(wavelength=lrs.Wavelength()),
        case.folder / "for strun",
    )
    (lines,) = [path for path in exported.files if path.suffix == ".sh"]
    assert "cat >" in lines.read_text()
    folder = case.folder / "by strun"
    path = os.pathsep.join([str(stranger.parent), os.environ["PATH"]])
    environment = {**os.environ, **crds_settings(case.observation)[0], "PATH": path}
    subprocess.run(
        ["sh", str(lines), str(case.observation.folder), str(folder)],
        env=environment,
        cwd=case.folder,
        check=True,
        capture_output=True,
    )
    run = lrs.reprocess(case.observation, case.recipe, case.folder / "once more")
    assert_same(run.spectra[0], folder / run.spectra[0].name)
