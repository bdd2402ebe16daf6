"""Pathloss corrections against the table they come from, and against the pipeline's own step."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import COLUMN_UNITS, Spectrum
from lrs_explorer.model.recipe.recipe import Pathloss
from lrs_explorer.model.slit.frame import Pointing, SlitFrame, SlitPosition, read_slit_frame
from lrs_explorer.model.slit.pathloss import (
    UNCORRECTED,
    Correction,
    PathlossReference,
    delivered_correction,
    preview,
    read_pathloss,
    resolve,
)
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.reference_files import write_pathloss

from .conftest import NOD_1, NOD_2

RAMP = PathlossReference(
    wavelength=np.array([12.0, 8.0, 5.0]),
    # 1000 wave + 100 row + column: linear, so that every interpolation is known by hand.
    factor=1.0
    + 1000.0 * np.arange(3)[:, None, None]
    + 100.0 * np.arange(5)[None, :, None]
    + np.arange(7)[None, None, :],
    grid=(4.0, 0.0, 1.0, 3.0, 0.0, 0.5),
    name="ramp.fits",
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> PathlossReference:
    path = tmp_path_factory.mktemp("pathloss") / "pathloss.fits"
    write_pathloss(path)
    return read_pathloss(path)


def test_bilinear_by_hand() -> None:
    # Column 4 - 1 + 1.5 = 4.5, row 3 - 1 + 0.25 / 0.5 = 2.5.
    correction = RAMP.correction(across=0.25 * 0.1, along=1.5 * 0.1, pixel_scale=0.1)
    np.testing.assert_allclose(correction.wavelength, [5.0, 8.0, 12.0])
    np.testing.assert_allclose(correction.factor, [2255.5, 1255.5, 255.5])
    assert correction.at(6.5) == pytest.approx(1755.5)
    assert np.isnan(correction.at(5.0))  # as interpolate_onto_grid has it
    assert correction.at(12.0) == pytest.approx(255.5)
    assert np.isnan(correction.at(12.001))
    assert correction.notes == ()


@pytest.mark.parametrize("across", [-1.01, 1.0, 2.0])
def test_beyond_the_grid_is_the_slit_center_and_said(across: float) -> None:
    correction = RAMP.correction(across=across, pixel_scale=1.0)
    np.testing.assert_allclose(correction.factor, RAMP.correction().factor)
    assert "beyond the grid of ramp.fits" in correction.notes[-1]


def test_outside_the_slit_is_said_though_the_table_goes_on(own: PathlossReference) -> None:
    correction = own.correction(across=-0.30)
    assert correction.notes[0].startswith(
        "the source lies 0.30″ from the slit's center line, outside the slit (±0.255″)"
    )
    assert correction.at(8.0) > 1.5 * own.correction().at(8.0)


def test_unknown_position_is_an_error(own: PathlossReference) -> None:
    with pytest.raises(LRSExplorerError, match="choose the slit's center or an offset"):
        own.correction(across=np.nan)


def test_the_simulated_table_undoes_the_simulated_slit(own: PathlossReference) -> None:
    wavelength = np.array([5.5, 7.0, 9.3, 11.5])
    across = 0.75 * instrument.SCALE_ACROSS  # a node of the grid
    truth = 1.0 / instrument.slit_transmission(wavelength, across, 2 * instrument.SCALE_ALONG)
    found = own.correction(0.75, 2.0, pixel_scale=1.0).at(wavelength)
    np.testing.assert_allclose(found, truth, rtol=1e-3)


def test_truth_of_the_shared_observation(
    shared_slit: Path, shared_reference: PathlossReference
) -> None:
    truth = json.loads((shared_slit / "defects.json").read_text())["pathloss_true_over_centre"]
    frame = read_slit_frame(shared_slit / f"{NOD_1}_cal.fits.gz")
    moved = shared_reference.correction(0.12, 0.0, frame.pixel_scale)
    center = shared_reference.correction(0.0, 0.0, frame.pixel_scale)
    for wavelength, ratio in truth.items():
        found = moved.at(float(wavelength)) / center.at(float(wavelength))
        assert found == pytest.approx(ratio, rel=5e-4)


@pytest.mark.parametrize("nod", [NOD_1, NOD_2])
def test_delivered_correction_is_that_of_the_header_position(
    nod: str, shared_slit: Path, shared_reference: PathlossReference
) -> None:
    path = shared_slit / f"{nod}_cal.fits.gz"
    frame = read_slit_frame(path)
    delivered = delivered_correction(path)
    choice = resolve(Pathloss(), frame)
    expected = choice.correction(shared_reference, frame.pixel_scale)
    found = expected.at(delivered.wavelength)
    np.testing.assert_allclose(found, delivered.factor, rtol=3e-7)
    assert delivered.wavelength.size > 380


def test_parity_with_the_pipeline_at_many_offsets(shared_slit: Path, shared_crds: Path) -> None:
    """The pipeline's own do_correction, on its own data model, at 12 offsets and without one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jwst.pathloss.pathloss import do_correction
        from stdatamodels.jwst import datamodels

        folder = shared_crds / "references" / "jwst" / "miri"
        table = folder / "jwst_miri_pathloss_simslit.fits"
        path = shared_slit / f"{NOD_2}_cal.fits.gz"
        reference, frame = read_pathloss(table), read_slit_frame(path)
        random = np.random.default_rng(5)
        offsets = [None, 0.6, -0.7, *random.uniform(-0.5, 0.5, 10)]
        with datamodels.open(path) as model, datamodels.MirLrsPathlossModel(table) as known:
            for offset in offsets:
                do_correction(model, known, user_slit_loc=offset, return_corrections=False)
                theirs = np.array(model.pathloss_point)
                mode = Pathloss() if offset is None else Pathloss("offset", offset)
                choice = resolve(mode, frame)
                ours = choice.correction(reference, frame.pixel_scale).at(model.wavelength)
                np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
                known_pixels = np.isfinite(ours)
                np.testing.assert_allclose(ours[known_pixels], theirs[known_pixels], rtol=3e-7)
                assert bool(choice.warnings) == (abs(offset or 0.0) > 0.255)


def _spectrum() -> Spectrum:
    wavelength = np.array([12.5, 11.0, 8.0, 6.0])
    columns = {name: np.full(4, 2.0) for name in COLUMN_UNITS}
    columns |= {"WAVELENGTH": wavelength, "DQ": np.zeros(4, np.uint32)}
    return Spectrum(columns, origin="delivered", notes=("a note",))


def test_preview_scales_fluxes_errors_and_variances() -> None:
    spectrum = _spectrum()
    old = Correction(np.array([5.0, 12.0]), np.array([2.0, 2.0]))
    new = Correction(np.array([5.0, 12.0]), np.array([3.0, 3.0]))
    shown = preview(spectrum, old, new)
    for name in ("FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR", "BACKGROUND", "BKGD_ERROR"):
        np.testing.assert_allclose(shown.columns[name], [np.nan, 3.0, 3.0, 3.0])
    for name in ("FLUX_VAR_POISSON", "SB_VAR_FLAT", "BKGD_VAR_RNOISE"):
        np.testing.assert_allclose(shown.columns[name], [np.nan, 4.5, 4.5, 4.5])
    np.testing.assert_array_equal(shown.columns["NPIXELS"], np.full(4, 2.0))
    np.testing.assert_array_equal(shown.columns["DQ"], [1, 0, 0, 0])
    assert list(shown.columns) == list(COLUMN_UNITS)
    assert shown.notes[0] == "a note"
    assert shown.notes[1].startswith("approximate")
    back = preview(preview(spectrum, UNCORRECTED, new), new, UNCORRECTED)
    np.testing.assert_allclose(back.columns["FLUX"][1:], spectrum.columns["FLUX"][1:])


FRAME = SlitFrame(
    pointing=Pointing(10.0, 20.0, 30.0, 4.75, -1),
    pixel_scale=0.11,
    reference=(325.13, 299.7),
    row=190.0,
    origin=22.0,
    step=9.0,
    nominal=SlitPosition(0.9, 0.0),
    header=SlitPosition(0.9, 0.02),
    extraction=30.1,
    pathloss=SlitPosition(0.9, 0.0),
    targ_centroid=None,
)


def test_modes_of_the_recipe() -> None:
    assert resolve(Pathloss(), FRAME).position == SlitPosition(0.9, 0.0)
    assert resolve(Pathloss(), FRAME).user_slit_loc is None
    assert "does not know how far across" in resolve(Pathloss(), FRAME).sentence
    for corrected, told in ((False, "no pathloss correction"), (None, "is not known")):
        delivered = resolve(Pathloss(), dataclasses.replace(FRAME, corrected=corrected))
        assert delivered.position is None
        assert told in delivered.sentence
    assert resolve(Pathloss("center"), FRAME).user_slit_loc == 0.0
    chosen = resolve(Pathloss("offset", -0.1), FRAME)
    assert chosen.position == SlitPosition(0.9, -0.1)
    assert "−0.10″ across and +0.90″ along" in chosen.sentence
    assert chosen.warnings == ()
    assert resolve(Pathloss("offset", 0.3), FRAME).warnings[0].startswith("the source lies 0.30″")
    off = resolve(Pathloss("off"), FRAME)
    assert off.correction(RAMP) is UNCORRECTED
    seen = resolve(Pathloss("ta"), FRAME, SlitPosition(1.35, 0.12))
    assert (seen.position, seen.user_slit_loc) == (SlitPosition(1.35, 0.12), 0.12)
    with pytest.raises(LRSExplorerError, match="add the verification image"):
        resolve(Pathloss("ta"), FRAME)


def test_files_that_are_no_pathloss_reference(tmp_path: Path) -> None:
    path = tmp_path / "other.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 4)), name="SCI")]).writeto(path)
    with pytest.raises(LRSExplorerError, match=r"other\.fits is no pathloss reference"):
        read_pathloss(path)
    assert "has no pathloss correction" in delivered_correction(path).notes[0]
