"""The simulated CRDS cache: valid to CRDS itself, and true to the simulated optics."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import asdf
import numpy as np
import pytest
from astropy.io import fits
from stdatamodels.jwst import datamodels

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.references import (
    build_crds_cache,
    crds_environment,
    reference_path,
)

USED = [
    *("apcorr", "distortion", "extract1d", "filteroffset", "flat", "gain"),
    *("pathloss", "photom", "psf", "readnoise", "specwcs"),
]

# CRDS must be asked in a process of its own: its settings are read from the environment once.
ASK_CRDS = """
import json, sys
import crds
header = {
    "META.INSTRUMENT.NAME": "MIRI", "META.EXPOSURE.TYPE": sys.argv[1], "META.SUBARRAY.NAME": "FULL"
}
found = crds.getreferences(header, reftypes=sys.argv[2:], observatory="jwst")
print(json.dumps(found))
"""


def ask_crds(cache: Path, *reftypes: str) -> dict[str, str]:
    environment = os.environ | crds_environment(cache) | {"CRDS_IGNORE_MAPPING_CHECKSUM": "0"}
    answer = subprocess.run(
        [sys.executable, "-c", ASK_CRDS, "MIR_LRS-FIXEDSLIT", *reftypes],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout.splitlines()[-1])


def test_crds_finds_every_reference_of_the_slit(crds_cache: Path) -> None:
    found = ask_crds(crds_cache, *USED, "barshadow")
    assert found.pop("barshadow").startswith("NOT FOUND")
    assert sorted(found) == USED
    for name, path in found.items():
        assert Path(path) == reference_path(crds_cache, name)
        assert Path(path).is_file()


def test_crds_refuses_a_changed_mapping(crds_cache: Path, tmp_path: Path) -> None:
    """The checksums are real: CRDS notices a change of one character."""
    broken = tmp_path / "crds"
    shutil.copytree(crds_cache / "config", broken / "config")
    shutil.copytree(crds_cache / "mappings", broken / "mappings")
    rmap = broken / "mappings" / "jwst" / "jwst_miri_flat_0001.rmap"
    rmap.write_text(rmap.read_text().replace("flat_0001.fits", "flat_0002.fits"))
    with pytest.raises(AssertionError, match=r"[Cc]hecksum"):
        ask_crds(broken, "flat")


@pytest.mark.parametrize("reftype", USED)
def test_every_reference_says_it_is_simulated(crds_cache: Path, reftype: str) -> None:
    path = reference_path(crds_cache, reftype)
    if path.suffix == ".fits":
        header = fits.getheader(path)
        pedigree, description = header["PEDIGREE"], header["DESCRIP"]
    elif path.suffix == ".json":
        content = json.loads(path.read_text())
        pedigree, description = content["pedigree"], content["description"]
    else:
        with asdf.open(path) as tree:
            pedigree, description = tree["meta"]["pedigree"], tree["meta"]["description"]
    assert pedigree == "DUMMY"
    assert description.startswith("SIMULATED")


def test_cache_is_built_once_and_never_over_other_files(crds_cache: Path, tmp_path: Path) -> None:
    flat = reference_path(crds_cache, "flat")
    before = flat.stat().st_mtime_ns
    assert build_crds_cache(crds_cache) == crds_cache
    assert flat.stat().st_mtime_ns == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="choose another folder"):
        build_crds_cache(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_two_processes_may_make_the_cache_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lrs_explorer.simulator", "crds", str(tmp_path / "crds")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert printed == f"{tmp_path / 'crds'}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["crds"]
    folders = {path.name for path in (tmp_path / "crds").iterdir()}
    assert folders == {"config", "mappings", "references"}


def test_distortion_maps_the_slit(crds_cache: Path) -> None:
    with datamodels.DistortionModel(reference_path(crds_cache, "distortion")) as model:
        forward = model.model
        center = forward(instrument.REFERENCE_COLUMN, instrument.REFERENCE_ROW)
        assert center == pytest.approx((instrument.V2_REF, instrument.V3_REF))
        ten_on = forward(instrument.REFERENCE_COLUMN + 10, instrument.REFERENCE_ROW)
        distance = np.hypot(ten_on[0] - center[0], ten_on[1] - center[1])
        assert distance == pytest.approx(10 * instrument.SCALE_ALONG)
        # Columns run against V2 (parity -1).
        assert ten_on[0] < center[0]
        assert forward.inverse(*forward(301.0, 42.0)) == pytest.approx((301.0, 42.0))


def test_specwcs_corners_are_those_of_the_siaf_slit(crds_cache: Path) -> None:
    header = fits.getheader(reference_path(crds_cache, "specwcs"))
    corners = np.array([[header[f"V{axis}VERT{n}"] for axis in (2, 3)] for n in (1, 2, 3, 4)])
    sides = np.hypot(*np.diff(corners, axis=0).T)
    assert sides == pytest.approx([0.51, 4.7, 0.51])
    assert corners.mean(axis=0) == pytest.approx([instrument.V2_REF, instrument.V3_REF])


def test_pathloss_undoes_the_slit(crds_cache: Path) -> None:
    path = reference_path(crds_cache, "pathloss")
    table, header = fits.getdata(path, 1), fits.getheader(path, 1)
    assert (np.diff(table["wavelength"]) < 0).all()
    for row, column in ((20, 23), (24, 10), (12, 30)):
        across = (row + 1 - header["CRPIX2"]) * header["CDELT2"] * instrument.SCALE_ACROSS
        along = (column + 1 - header["CRPIX1"]) * header["CDELT1"] * instrument.SCALE_ALONG
        passed = instrument.slit_transmission(table["wavelength"], across, along)
        np.testing.assert_allclose(table["pathloss"][:, row, column] * passed, 1.0, rtol=1e-5)
    assert (table["pathloss"][:, 20, 23] == table["pathloss"].min(axis=(1, 2))).all()


def test_apcorr_undoes_the_aperture_and_falls_with_its_width(crds_cache: Path) -> None:
    table = fits.getdata(reference_path(crds_cache, "apcorr"), 1)
    factor = table["apcorr"][0]
    assert factor.shape == (61, 44)
    assert (np.diff(factor, axis=1) <= 0).all()
    assert (np.diff(factor[:, :12], axis=1) < 0).all()
    inside = instrument.enclosed_fraction(table["wavelength"][0], 8)
    np.testing.assert_allclose(factor[:, 7] * inside, 1.0, rtol=1e-5)


def test_psf_has_unit_sum_and_the_width_of_the_instrument(crds_cache: Path) -> None:
    with datamodels.SpecPsfModel(reference_path(crds_cache, "psf")) as model:
        aperture = model.apertures[0]
        data, wave = np.array(aperture.data), np.array(aperture.wave)
        subpix, center = int(aperture.subpix), int(aperture.center_col)
    pixels = data[:, center % subpix :: subpix]
    np.testing.assert_allclose(pixels.sum(axis=1), 1.0, atol=2e-3)
    assert (np.argmax(data, axis=1) == center).all()
    ten_micron = data[np.argmin(np.abs(wave - 10.0))]
    wide = np.flatnonzero(ten_micron > ten_micron.max() / 2)
    fwhm = (wide[-1] - wide[0] + 1) / subpix * instrument.SCALE_ALONG
    assert fwhm == pytest.approx(0.36, abs=0.04)
