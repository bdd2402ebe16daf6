"""Positions and pathloss on this project's own scenes, through the real pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_spectrum
from lrs_explorer.model.recipe.recipe import Nods, Pathloss
from lrs_explorer.model.slit.frame import read_slit_frame
from lrs_explorer.model.slit.pathloss import delivered_correction, preview, read_pathloss, resolve
from lrs_explorer.model.slit.ta_centroid import centroid
from lrs_explorer.model.slit.ta_image import read_ta_image
from lrs_explorer.model.slit.target import score_card
from lrs_explorer.simulator.observation import SlitFiles, SlitScene, simulate_slit
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment, reference_path

pytestmark = pytest.mark.pipeline


@dataclass(frozen=True)
class Scene:
    scene: SlitScene
    files: SlitFiles
    folder: Path
    cache: Path

    def spec2(self, output: Path, **steps: dict[str, object]) -> dict[str, Path]:
        """Run calwebb_spec2 on the first nod; return its products by kind."""
        run = run_pipeline(
            "calwebb_spec2",
            self.files.spec2_associations[0],
            output,
            parameters={"steps": steps},
            crds=crds_environment(self.cache),
        )
        return {path.stem.rpartition("_")[2]: path for path in run.products}


@pytest.fixture(scope="module")
def off_center(tmp_path_factory: pytest.TempPathFactory, crds_cache: Path) -> Scene:
    folder = tmp_path_factory.mktemp("off-center")
    scene = SlitScene(
        flux_level=2e-3, slit_offset=0.12, bad_pixels=0, hot_pixels=0, trace_residual=0.0, seed=3
    )
    files = simulate_slit(scene, folder)
    return Scene(scene, files, folder, crds_cache)


@pytest.fixture(scope="module")
def delivered(off_center: Scene) -> dict[str, Path]:
    return off_center.spec2(off_center.folder)


@pytest.mark.parametrize(
    ("error", "offset", "roll"), [(0.45, 0.0, 30.0), (-0.3, -0.15, 200.0), (0.1, 0.2, 300.0)]
)
def test_acquisition_images_hold_their_truth(
    error: float, offset: float, roll: float, tmp_path: Path
) -> None:
    scene = SlitScene(
        position_error=error, slit_offset=offset, roll=roll, bad_pixels=0, hot_pixels=0, seed=5
    )
    files = simulate_slit(scene, tmp_path)
    record = json.loads(files.defects.read_text())["acquisition"]
    assert [path.name for path in files.acquisitions] == list(record)
    for path, factor in zip(files.acquisitions, (8, 1), strict=True):
        image = read_ta_image(path)
        assert image.rate_factor == pytest.approx(factor)
        assert record[path.name]["stored_rate_is_true_times"] == factor
        assert str(image.header["TITLE"]).startswith("SIMULATED (LRS Explorer)")
        for method in ("gaussian", "flux"):
            found = centroid(image, method)
            assert found.column == pytest.approx(record[path.name]["column"], abs=0.05)
        gaussian = centroid(image, "gaussian")
        assert gaussian.row == pytest.approx(record[path.name]["row"], abs=0.05)


def test_score_card_finds_the_source(off_center: Scene, delivered: dict[str, Path]) -> None:
    observation = lrs.open_observation(delivered["s2d"])
    offsets = reference_path(off_center.cache, "filteroffset")
    card = score_card(observation, Nods(exposure=1), filter_offsets=offsets)
    pixels = 0.45 / 0.1106
    for key in ("ta_gaussian", "ta_flux", "tacq_gaussian", "trace"):
        candidate = card.get(key)
        assert candidate is not None, card.notes
        assert candidate.position_offset == pytest.approx(pixels, abs=0.06)
    found = card.get("ta_gaussian")
    assert found.user_slit_loc == pytest.approx(0.12, abs=0.003)
    assert card.get("ta_flux").user_slit_loc < 0.11


def test_score_card_takes_what_targ_centroid_found(off_center: Scene, tmp_path: Path) -> None:
    ta = str(off_center.files.acquisitions[1])
    made = off_center.spec2(tmp_path, targ_centroid={"skip": False, "ta_file": ta})
    frame = read_slit_frame(made["cal"])
    header = fits.getheader(made["cal"], "SCI")
    assert frame.targ_centroid is not None
    assert frame.targ_centroid.along == pytest.approx(
        (header["SRCXPOS"] - 325.13) * frame.pixel_scale
    )
    # jwst fits a Gaussian across the slit's edges too, which draws it to the middle.
    assert frame.targ_centroid.along == pytest.approx(-0.94 + 0.45, abs=0.005)
    assert 0.10 < frame.targ_centroid.across < 0.118
    reference = read_pathloss(reference_path(off_center.cache, "pathloss"))
    choice = resolve(Pathloss(), frame)
    assert choice.position == frame.targ_centroid
    delivered = delivered_correction(made["cal"])
    expected = choice.correction(reference, frame.pixel_scale).at(delivered.wavelength)
    np.testing.assert_allclose(expected, delivered.factor, rtol=3e-7)
    (tmp_path / off_center.files.acquisitions[1].name).symlink_to(ta)
    card = score_card(lrs.open_observation(made["s2d"]))
    found = card.get("targ_centroid")
    assert found is not None
    assert card.verified is found
    assert found.position_offset == pytest.approx(0.45 / 0.1106, abs=0.06)
    assert found.across == frame.targ_centroid.across
    resampled = read_slit_frame(made["s2d"]).targ_centroid
    assert resampled is not None
    assert resampled.along == pytest.approx(frame.targ_centroid.along, abs=0.01)
    assert np.isnan(resampled.across)


@pytest.mark.parametrize("offset", [0.12, -0.2, 0.7])
def test_pathloss_step_corrects_as_computed_here(
    offset: float, off_center: Scene, delivered: dict[str, Path], tmp_path: Path
) -> None:
    """The real PathLossStep; 0.7 arcsec is beyond the reference's grid."""
    cal = delivered["cal"]
    run = run_pipeline(
        "pathloss",
        cal,
        tmp_path,
        parameters={"user_slit_loc": offset},
        crds=crds_environment(off_center.cache),
    )
    theirs = delivered_correction(run.products[0])
    reference = read_pathloss(reference_path(off_center.cache, "pathloss"))
    frame = read_slit_frame(cal)
    choice = resolve(Pathloss("offset", offset), frame)
    ours = choice.correction(reference, frame.pixel_scale)
    np.testing.assert_allclose(ours.at(theirs.wavelength), theirs.factor, rtol=3e-7)
    assert ("beyond the grid" in " ".join(ours.notes)) == (offset == 0.7)


def test_preview_against_the_exact_run(
    off_center: Scene, delivered: dict[str, Path], tmp_path: Path
) -> None:
    """How far the preview is from calwebb_spec2 with the same offset; see docs/positions.md."""
    exact = off_center.spec2(tmp_path, pathloss={"user_slit_loc": 0.12})
    reference = read_pathloss(reference_path(off_center.cache, "pathloss"))
    frame = read_slit_frame(delivered["s2d"])
    old, new = (
        resolve(choice, frame).correction(reference, frame.pixel_scale)
        for choice in (Pathloss(), Pathloss("offset", 0.12))
    )
    before = read_spectrum(delivered["x1d"])
    shown, truth = preview(before, old, new), read_spectrum(exact["x1d"])
    useful = (truth.wavelength > 5) & (truth.wavelength < 12)
    assert np.median(np.abs(truth.flux / before.flux - 1)[useful]) > 0.05
    for name in ("FLUX", "FLUX_ERROR", "FLUX_VAR_POISSON", "SURF_BRIGHT"):
        ratio = shown.column(name)[useful] / truth.column(name)[useful]
        assert np.max(np.abs(ratio - 1)) < 1e-5, name


def _on_trace(path: Path) -> lrs.Photometry:
    """Compare the flux of a nod, extracted on its trace, with its acquisition images."""
    observation = lrs.open_observation(path)
    trace = lrs.find_trace(observation)
    assert trace is not None
    recipe = lrs.Recipe.from_observation(observation)
    return lrs.photometry(observation, recipe.replace(aperture=lrs.Aperture(trace.center, 8.0)))


def test_flux_is_right_but_for_the_place_in_the_slit(
    off_center: Scene, delivered: dict[str, Path]
) -> None:
    """Behind the slit spectrum and image agree; corrected for the middle, the spectrum is low."""
    found = _on_trace(delivered["s2d"])
    behind, whole = (
        next(c for c in found.comparisons if c.source == "verification image" and c.light == light)
        for light in ("light in the slit", "whole star")
    )
    beside = next(c for c in found.comparisons if c.source == "acquisition image")
    assert abs(behind.ratio - 1) < 2 * behind.ratio_error
    reference = read_pathloss(reference_path(off_center.cache, "pathloss"))
    missing = float(
        reference.correction(0.0, 0.45).at(5.65) / reference.correction(0.12, 0.45).at(5.65)
    )
    assert missing < 0.95
    assert whole.ratio == pytest.approx(missing, abs=2 * whole.ratio_error)
    assert beside.ratio == pytest.approx(missing, abs=2 * beside.ratio_error)
    assert "they differ" in whole.why
    assert "they agree" in behind.why


@pytest.mark.parametrize("flux", [3e-4, 3e-2])
@pytest.mark.parametrize("spectrum", ["star", "embedded"])
def test_flux_is_right_for_stars_of_any_brightness(
    flux: float, spectrum: str, tmp_path: Path, crds_cache: Path
) -> None:
    """Steep spectra both ways; true within the errors in the spectrum and on both images."""
    scene = SlitScene(
        spectrum=spectrum,
        flux_level=flux,
        bad_pixels=0,
        hot_pixels=0,
        trace_residual=0.0,
        n_integrations=8,
        seed=17,
    )
    made = Scene(scene, simulate_slit(scene, tmp_path), tmp_path, crds_cache).spec2(tmp_path)
    found = _on_trace(made["s2d"])
    assert len(found.comparisons) == 3
    for one in found.comparisons:
        assert one.status == "comparable", one.why
        assert abs(one.ratio - 1) < 2.5 * one.ratio_error, one.why
        assert one.ratio_error < 0.05
