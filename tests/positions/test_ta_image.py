"""Acquisition images: their count rate, what cannot be seen on them, and where the source is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SUBARRAYS
from lrs_explorer.model.slit.acquired import place_without_slit, ta_position
from lrs_explorer.model.slit.frame import Pointing, SlitFrame, SlitPosition
from lrs_explorer.model.slit.ta_centroid import Centroid, centroid
from lrs_explorer.model.slit.ta_image import (
    FRAMES_AVERAGED,
    TAImage,
    count_rate_factor,
    read_filter_offset,
    read_ta_image,
)
from lrs_explorer.simulator.acquisition import ACQUISITIONS, FILTER, AcquisitionImage, paint

TACQ, TACONFIRM = ACQUISITIONS
SHARED_TACQ = "jw90001001001_02101_00001_mirimage_rate.fits.gz"
SHARED_TACONFIRM = "jw90001001001_03101_00001_mirimage_rate.fits.gz"


def _image(painted: AcquisitionImage, kind: str = "MIR_TACONFIRM") -> TAImage:
    taken = TACQ if kind == "MIR_TACQ" else TACONFIRM
    data = painted.rate / taken.frames
    return TAImage(
        data=data,
        err=painted.err / taken.frames,
        usable=np.isfinite(data),
        saturated=np.zeros(data.shape, dtype=bool),
        exp_type=kind,
        filter=FILTER,
        readpatt=taken.readout,
        origin=(0, 0),
        reference=REFERENCE_PIXELS[taken.aperture],
        dither=SlitPosition(0.0, 0.0),
    )


@pytest.mark.parametrize(("pattern", "frames"), FRAMES_AVERAGED.items())
def test_rate_is_divided_by_the_frames_averaged(pattern: str, frames: int) -> None:
    header = {"READPATT": pattern, "TFRAME": 2.775, "TGROUP": 2.775, "NFRAMES": frames}
    factor, note = count_rate_factor(header)
    assert factor == pytest.approx(frames)
    assert f"{pattern} averages {frames} frames" in note
    right, note = count_rate_factor(header | {"TGROUP": frames * 2.775})
    assert right == 1.0
    assert "the count rate is right as it is" in note
    unknown, note = count_rate_factor({"READPATT": pattern})
    assert unknown == frames
    assert "could not be checked" in note


def test_needless_group_scaling_is_undone() -> None:
    header = {
        "READPATT": "FASTGRPAVG",
        "TFRAME": 2.775,
        "TGROUP": 2.775,
        "NFRAMES": 1,
        "FRMDIVSR": 4,
    }
    assert count_rate_factor(header | {"S_GRPSCL": "SKIPPED"})[0] == pytest.approx(4.0)
    factor, note = count_rate_factor(header | {"S_GRPSCL": "COMPLETE"})
    assert factor == pytest.approx(16.0)
    assert "group_scale" in note


def test_single_frames_are_left_alone() -> None:
    assert count_rate_factor({"READPATT": "FASTR1", "TFRAME": 2.775, "TGROUP": 2.775}) == (1.0, "")


def test_shared_images(shared_slit: Path) -> None:
    record = json.loads((shared_slit / "defects.json").read_text())
    for name, key in ((SHARED_TACQ, "tacq"), (SHARED_TACONFIRM, "taconfirm")):
        image, truth = read_ta_image(shared_slit / name), record[key]
        assert image.rate_factor == pytest.approx(truth["stored_rate_is_true_times"])
        assert not image.blank
        found = centroid(image)
        assert found.column == pytest.approx(truth["source_x0"], abs=0.02)
        assert found.row == pytest.approx(truth["source_y0"], abs=0.02)
        assert abs(found.row - truth["source_y0"]) < 2 * found.row_uncertainty
        mean = centroid(image, "flux")
        assert mean.column == pytest.approx(truth["source_x0"], abs=0.03)
        assert mean.count_rate == pytest.approx(truth["true_source_DN_s"], rel=0.04)


@pytest.mark.parametrize("across", [-0.24, -0.12, 0.0, 0.06, 0.18])
@pytest.mark.parametrize("kind", ["MIR_TACQ", "MIR_TACONFIRM"])
def test_gaussian_centroid_is_true_within_its_error(kind: str, across: float) -> None:
    """Behind the slit too: only pixels that it leaves whole are fitted."""
    taken = TACQ if kind == "MIR_TACQ" else TACONFIRM
    for seed, (along, flux) in enumerate([(0.45, 1e-3), (-0.311, 1e-4), (1.702, 2e-5)]):
        painted = paint(taken, flux, along, across, np.random.default_rng(seed))
        found = centroid(_image(painted, kind))
        assert found.column == pytest.approx(painted.column, abs=0.05)
        error = abs(found.row - painted.row)
        assert error < 0.05 or error < found.row_uncertainty
        assert error < 0.25


def test_flux_weighted_mean_is_drawn_to_the_middle_of_the_slit() -> None:
    painted = paint(TACONFIRM, 1e-3, 0.45, 0.12, np.random.default_rng(3))
    mean, gaussian = centroid(_image(painted), "flux"), centroid(_image(painted))
    assert -0.25 < mean.row - painted.row < -0.1
    assert abs(gaussian.row - painted.row) < 0.02
    assert "drawn towards the slit's middle" in mean.notes[0]


def test_hot_and_dead_pixels_do_not_matter() -> None:
    painted = paint(TACQ, 1e-4, 0.2, -0.1, np.random.default_rng(8))
    image = _image(painted, "MIR_TACQ")
    row, column = round(painted.row), round(painted.column)
    data = image.data.copy()
    data[row + 9, column - 7] = 40 * data[row, column]  # hot, away from the source
    data[row - 1, column + 2] = 5 * data[row, column]  # hot, on its wing
    data[row + 1, column] = 0.0  # dead, beside the peak
    found = centroid(replace(image, data=data))
    assert found.column == pytest.approx(painted.column, abs=0.06)
    assert found.row == pytest.approx(painted.row, abs=0.06)


def test_bad_and_saturated_pixels_are_left_out() -> None:
    painted = paint(TACQ, 1e-3, 0.2, -0.1, np.random.default_rng(9))
    image = _image(painted, "MIR_TACQ")
    row, column = round(painted.row), round(painted.column)
    saturated = image.saturated.copy()
    saturated[row, column] = saturated[row, column + 1] = True
    data = np.where(saturated, np.nan, image.data)
    usable = np.isfinite(data)
    usable[row - 1, column] = False
    found = centroid(replace(image, data=data, usable=usable, saturated=saturated))
    assert found.column == pytest.approx(painted.column, abs=0.15)
    assert found.row == pytest.approx(painted.row, abs=0.15)
    assert "saturated" in found.notes[0]


def test_a_saturated_hot_pixel_is_no_star() -> None:
    painted = paint(TACQ, 1e-3, 0.2, -0.1, np.random.default_rng(9))
    image = _image(painted, "MIR_TACQ")
    row, column = round(painted.row), round(painted.column)
    saturated = image.saturated.copy()
    saturated[row + 12, column - 15] = True
    found = centroid(replace(image, saturated=saturated, usable=image.usable & ~saturated))
    assert found.column == pytest.approx(painted.column, abs=0.03)
    assert not found.notes


def test_the_sky_in_the_slit_is_no_star() -> None:
    painted = paint(TACONFIRM, 0.0, 0.0, 0.0, np.random.default_rng(4))
    with pytest.raises(LRSExplorerError, match="no source is seen within 24 pixels"):
        centroid(_image(painted))


def test_no_source_is_said() -> None:
    painted = paint(TACQ, 0.0, 0.0, 0.0, np.random.default_rng(4))
    with pytest.raises(LRSExplorerError, match="no source is seen within 24 pixels"):
        centroid(_image(painted, "MIR_TACQ"))


def _write(path: Path, painted: AcquisitionImage, **cards: object) -> Path:
    primary = fits.PrimaryHDU()
    primary.header.update(
        {"EXP_TYPE": "MIR_TACONFIRM", "APERNAME": "MIRIM_SLIT", "FILTER": FILTER} | cards
    )
    planes = {"SCI": painted.rate, "ERR": painted.err, "DQ": painted.dq}
    extensions = [fits.ImageHDU(plane, name=name) for name, plane in planes.items()]
    fits.HDUList([primary, *extensions]).writeto(path)
    return path


def test_blank_slit_is_recognised(tmp_path: Path) -> None:
    """The flat of the cal product has no values in the slit (jwst issue 8906)."""
    painted = paint(TACONFIRM, 1e-3, 0.4, 0.1, np.random.default_rng(1))
    blanked = painted.rate.copy()
    blanked[296:305, 302:349] = np.nan
    path = _write(tmp_path / "x_cal.fits", replace(painted, rate=blanked), S_WCS="COMPLETE")
    image = read_ta_image(path)
    assert image.blank
    assert "open the rate" in image.notes[-1]
    with pytest.raises(LRSExplorerError, match=r"x_cal\.fits: the slit region .* has no values"):
        centroid(image)
    assert not read_ta_image(_write(tmp_path / "x_rate.fits", painted)).blank


def test_flags_are_read(tmp_path: Path) -> None:
    painted = paint(TACONFIRM, 1e-3, 0.4, 0.1, np.random.default_rng(1))
    dq = painted.dq.copy()
    dq[300, 329], dq[300, 330] = FLAGS["SATURATED"], FLAGS["DO_NOT_USE"]
    image = read_ta_image(_write(tmp_path / "x_rate.fits", replace(painted, dq=dq)))
    assert image.saturated[300, 329]
    assert not image.saturated[300, 330]
    assert not image.usable[300, 329:331].any()


def test_subarray_and_dither_move_the_expected_place(tmp_path: Path) -> None:
    painted = paint(TACONFIRM, 1e-3, 0.4, 0.1, np.random.default_rng(1))
    cut = replace(
        painted,
        rate=painted.rate[250:350, 280:400].copy(),
        err=painted.err[250:350, 280:400].copy(),
        dq=painted.dq[250:350, 280:400].copy(),
    )
    path = _write(tmp_path / "x_rate.fits", cut, SUBSTRT1=281, SUBSTRT2=251, XOFFSET=0.2212)
    image = read_ta_image(path)
    assert image.expected == pytest.approx((325.13 + 2.0 - 280, 299.70 - 250))
    found = centroid(image)
    assert (found.column, found.row) == pytest.approx((painted.column, painted.row), abs=0.03)


def test_dithers_of_both_exposures_count() -> None:
    """By hand: 3 columns and 2 rows from the reference with the filter, scale 0.1 arcsec."""
    frame = SlitFrame(
        pointing=Pointing(10.0, 20.0, 30.0, 4.75, -1),
        pixel_scale=0.1,
        reference=(325.0, 300.0),
        row=190.0,
        origin=22.0,
        step=9.0,
        nominal=SlitPosition(0.9, 0.01),
        header=None,
        extraction=30.1,
        pathloss=SlitPosition(0.9, 0.0),
        targ_centroid=None,
    )
    painted = paint(TACONFIRM, 1e-3, 0.4, 0.1, np.random.default_rng(1))
    image = replace(_image(painted), dither=SlitPosition(0.2, 0.03))
    found = Centroid("gaussian", 328.5, 301.8, 0.1, 0.1, 1.0)
    place = ta_position(image, found, frame, (-0.5, 0.2))
    assert place.along == pytest.approx(0.3 - 0.2 + 0.9)
    assert place.across == pytest.approx(0.2 - 0.03 + 0.01)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(LRSExplorerError, match="no target acquisition image"):
        read_ta_image(path)


def test_filter_offsets(filter_offsets: Path, tmp_path: Path) -> None:
    assert read_filter_offset(filter_offsets, "F560W") == pytest.approx((-0.08, -0.06))
    assert read_filter_offset(filter_offsets, "F1W") is None
    path = tmp_path / "x.asdf"
    path.write_text("nothing")
    with pytest.raises(LRSExplorerError, match=r"x\.asdf cannot be read"):
        read_filter_offset(path, "F560W")


def test_a_verification_image_without_the_slit(tmp_path: Path) -> None:
    """Nothing cuts it, and what it shows is a place along the dispersion."""
    subarray = SUBARRAYS["SLITLESSPRISM"]
    painted = paint(TACQ, 1e-3, 0.2, 0.35, np.random.default_rng(5))
    column, row = (int(value) for value in REFERENCE_PIXELS["MIRIM_TALRS"])
    shape, (first, middle) = subarray.shape, subarray.reference
    planes = {}
    for name in ("rate", "err", "dq"):
        plane = np.zeros(shape, np.uint32 if name == "dq" else np.float32)
        cut = getattr(painted, name)[row - 30 : row + 31, column - 30 : column + 31]
        at = int(first) - 30, int(middle) - 30
        plane[at[0] : at[0] + 61, at[1] : at[1] + 61] = cut
        planes[name] = plane
    cards = {**subarray.cards, "APERNAME": "MIRIM_SLITLESSPRISM"}
    path = _write(tmp_path / "x_rate.fits", replace(painted, **planes), **cards)
    image = read_ta_image(path)
    assert image.without_slit
    assert not image.through_slit
    assert not image.blank
    across, error = place_without_slit(image, {"YOFFSET": 0.1})
    # The reference point of the acquisition region lies half a pixel further than it was cut.
    expected = (painted.row - row) * 0.1104 - (first - int(first)) * 0.1104 + 0.1
    assert across == pytest.approx(expected, abs=0.005)
    assert 0 < error < 0.01
