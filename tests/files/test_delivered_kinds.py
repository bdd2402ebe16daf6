"""PSF-weighted spectra and means of several (c1d), as calwebb_spec3 makes them without resampling.

They are shown as what they are, and limits of a PSF's image are never taken for an aperture.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from common import Processed
from specutils import Spectrum as SpecutilsSpectrum

import lrs_explorer as lrs
from lrs_explorer.app.showing import delivered_aperture
from lrs_explorer.model.files.image_file import read_spectrum, write_spectrum
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

from .conftest import COMBINED, DEMO, STEM, Edit


@pytest.fixture(scope="session")
def extracted(
    processed: Processed, crds_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder with optimal x1ds of two exposures, and their c1d: nothing else."""
    folder, names = tmp_path_factory.mktemp("extracted"), []
    for number in (1, 2):
        name = f"jw90020001001_03102_0000{number}_mirimage_cal.fits"
        with fits.open(processed.cal, memmap=False) as hdus:
            hdus[0].header["EXPOSURE"] = str(number)
            hdus[0].header["PROGRAM"] = "90020"
            hdus.writeto(folder / name)
        names.append(name)
    association = folder / "jw90020-o001_spec3_00001_asn.json"
    members = [{"expname": name, "exptype": "science"} for name in names]
    products = [{"name": "jw90020-o001_t001_miri_p750l", "members": members}]
    association.write_text(
        json.dumps(
            {"asn_type": "spec3", "asn_id": "o001", "asn_pool": "none", "products": products}
        )
    )
    skipped = ("outlier_detection", "pixel_replace", "resample_spec")
    steps = {name: {"skip": True} for name in skipped}
    made = run_pipeline(
        "calwebb_spec3",
        association,
        tmp_path_factory.mktemp("made"),
        parameters={"steps": {**steps, "extract_1d": {"extraction_type": "optimal"}}},
        crds=crds_environment(crds_cache),
    )
    spectra = tmp_path_factory.mktemp("spectra")
    for path in made.products:
        if path.stem.endswith(("_x1d", "_c1d")):
            shutil.copy(path, spectra)
    return spectra


def test_spectra_of_single_exposures_are_not_the_combined_one(extracted: Path) -> None:
    observation = lrs.open_observation(extracted)
    assert sorted(observation.products) == ["c1d", "x1d"]
    assert (observation.exposures, observation.notes) == (2, ())
    names = [observation.delivered(lrs.Nods(exposure=n)) for n in (1, 2, "combined")]
    assert [s and s.path and s.path.stem.rpartition("p750l_")[2] for s in names] == [
        "0_x1d",
        "1_x1d",
        "c1d",
    ]


def test_limits_of_a_psf_are_no_aperture(extracted: Path) -> None:
    spectrum = lrs.open_observation(extracted).delivered(lrs.Nods(exposure=1))
    assert spectrum is not None
    assert spectrum.header["EXTRXSTP"] - spectrum.header["EXTRXSTR"] > 30  # the slit
    assert spectrum.extraction_type == "optimal"
    assert spectrum.box is delivered_aperture(spectrum) is None
    assert any("it has no aperture" in note for note in spectrum.notes)
    box = read_spectrum(DEMO / f"{STEM.format(1)}_x1d.fits")
    assert (box.extraction_type, box.notes) == ("box", ())
    assert box.box == (box.header["EXTRXSTR"] - 1, box.header["EXTRXSTP"] - 1)


def test_nothing_judges_a_psf_extraction_by_an_aperture(slit: Path, extracted: Path) -> None:
    """An x1d extracted by weights lies beside its s2d."""
    x1d = slit / f"{STEM.format(1)}_x1d.fits"
    with fits.open(next(extracted.glob("*_0_x1d.fits"))) as hdus, fits.open(x1d) as own:
        fits.HDUList([own[0], hdus["EXTRACT1D"]]).writeto(x1d, overwrite=True)
    observation = lrs.open_observation(slit / f"{STEM.format(1)}_s2d.fits")
    delivered = observation.delivered()
    assert delivered is not None
    assert delivered.extraction_type == "optimal"
    findings = {finding.issue: finding for finding in lrs.diagnose(observation)}
    assert "the pipeline's default" in findings["MR-LRS01"].why
    assert findings["nods"].status == "unknown"


def test_a_c1d_alone_is_shown(extracted: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(next(extracted.glob("*_c1d.fits")), tmp_path))
    observation = lrs.open_observation(tmp_path)
    spectrum = observation.delivered()
    assert spectrum is not None
    with fits.open(path) as hdus:
        table = hdus["COMBINE1D"].data
        np.testing.assert_array_equal(spectrum.columns["FLUX"], table["FLUX"])
        np.testing.assert_array_equal(spectrum.columns["FLUX_ERROR"], table["ERROR"])
    assert (spectrum.kind, spectrum.unit) == ("c1d", "Jy")
    assert observation.choices() == [("Combined (level 3), c1d", lrs.Nods("combined"))]
    assert "mean of 2 spectra" in spectrum.notes[0]
    with pytest.raises(lrs.LRSExplorerError, match="has no image to show"):
        lrs.extract(observation)


def test_a_c1d_beside_images_is_named_and_opens_by_its_file(slit: Path, extracted: Path) -> None:
    path = slit / f"{COMBINED}_c1d.fits"
    with (
        fits.open(next(extracted.glob("*_c1d.fits"))) as hdus,
        fits.open(slit / f"{COMBINED}_x1d.fits") as own,
    ):
        primary = own[0].copy()
        primary.header["DATAMODL"] = hdus[0].header["DATAMODL"]
        fits.HDUList([primary, hdus["COMBINE1D"]]).writeto(path)
    combined = lrs.Nods(exposure="combined")
    beside = lrs.open_observation(slit)
    assert any(path.name in note and "open it by that file" in note for note in beside.notes)
    shown = beside.delivered(combined)
    assert shown is not None
    assert (shown.kind, shown.path) == ("x1d", slit / f"{COMBINED}_x1d.fits")
    itself = lrs.open_observation(path)
    assert itself.number() == "combined"
    shown = itself.delivered()
    assert shown is not None
    assert (shown.kind, shown.path) == ("c1d", path)
    assert not any(path.name in note for note in itself.notes)
    # It is no extraction from the image beside it.
    live = lrs.extract(itself)
    (spikes,) = [f for f in lrs.diagnose(itself) if f.issue == "spikes"]
    wavelengths = spikes.figure.curves[0].wavelength
    np.testing.assert_array_equal(wavelengths, live.wavelength)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("WAVELENGTH", "Angstrom", 1e4),
        ("FLUX", "mJy", 1e3),
        ("FLUX_VAR_POISSON", "mJy2", 1e6),
        ("SURF_BRIGHT", "Jy/arcsec2", 1e6 * 2.3504430539e-11),
    ],
)
def test_other_units_are_converted(
    x1d: Path, edit: Edit, name: str, unit: str, factor: float
) -> None:
    before = read_spectrum(x1d)

    def change(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].data[name] *= factor
        hdus["EXTRACT1D"].columns[name].unit = unit

    after = read_spectrum(edit(x1d, change=change))
    np.testing.assert_allclose(after.columns[name], before.columns[name], rtol=1e-9)
    assert after.unit == "Jy"


def test_flux_per_wavelength_is_converted(x1d: Path, edit: Edit) -> None:
    before = read_spectrum(x1d)
    wavelength = before.columns["WAVELENGTH"] * u.um
    unit = u.Unit("W/(m2 um)")
    flux = (before.columns["FLUX"] * u.Jy).to_value(unit, u.spectral_density(wavelength))

    def change(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].data["FLUX"] = flux
        hdus["EXTRACT1D"].columns["FLUX"].unit = "W/(m2 um)"

    after = read_spectrum(edit(x1d, change=change))
    np.testing.assert_allclose(after.flux, before.flux, rtol=1e-9)


def test_a_unit_that_is_none_of_a_spectrum_is_refused(x1d: Path, edit: Edit) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].columns["FLUX"].unit = "m/s"

    with pytest.raises(lrs.LRSExplorerError, match="has FLUX in m/s, which cannot be converted"):
        read_spectrum(edit(x1d, change=change))


def test_a_unit_of_a_further_column_keeps_no_spectrum_from_being_shown(
    x1d: Path, edit: Edit
) -> None:
    before = read_spectrum(x1d)

    def change(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].columns["BACKGROUND"].unit = "furlong"

    after = read_spectrum(edit(x1d, change=change))
    np.testing.assert_array_equal(after.flux, before.flux)
    assert np.isnan(after.column("BACKGROUND")).all()


def test_what_specutils_has_exported_is_read(x1d: Path, tmp_path: Path) -> None:
    path = tmp_path / "export_x1d.fits"
    SpecutilsSpectrum.read(x1d).write(path, format="tabular-fits")
    before, after = read_spectrum(x1d), lrs.open_observation(path).delivered()
    assert after is not None
    np.testing.assert_allclose(after.flux, before.flux, rtol=1e-12)
    np.testing.assert_allclose(after.flux_error, before.flux_error, rtol=1e-12)
    assert after.unit == "Jy"
    assert after.extraction_type is after.box is None  # not known


def test_a_spectrum_in_dn_per_s_is_written_and_opened_again(
    s2d: Path, edit: Edit, tmp_path: Path
) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["SCI"].header["BUNIT"] = "DN/s"
        hdus["SCI"].header.remove("PIXAR_SR")

    edit(s2d, {"S_PHOTOM": "SKIPPED"}, change=change)
    live = lrs.extract(lrs.open_observation(s2d))
    assert isinstance(live, lrs.Spectrum)
    path = write_spectrum(live, tmp_path / "mine_x1d.fits")
    assert fits.getheader(path)["S_PHOTOM"] == "SKIPPED"
    again = lrs.open_observation(path).delivered()
    assert again is not None
    assert (again.kind, again.unit) == ("live", "DN/s")
    for name, values in live.columns.items():
        np.testing.assert_array_equal(again.columns[name], values)
    assert again.table["SURF_BRIGHT"].unit == live.table["SURF_BRIGHT"].unit == u.Unit("DN/s")


def test_what_exposures_are_called_together(slit: Path) -> None:
    """A slitless series had a row "Nods" of segments."""
    for observation, row in (
        (lrs.demo("slitless"), ("Segments", "Exposure 1, segment 1, Exposure 1, segment 2")),
        (lrs.demo("slit"), ("Nods", "Nod 1 (−0.94″), Nod 2 (+0.94″)")),
        (lrs.open_observation(slit), ("Nods", "Nod 1 (−0.94″), Nod 2 (+0.94″)")),
    ):
        assert row in observation.information()
    labels = [label for label, _ in lrs.demo("slit").information()]
    assert {"Steps done (as delivered)", "Steps skipped (as delivered)"} & set(labels)
    assert not {"Steps done", "Steps skipped"} & set(labels)
    for path in slit.glob("*_00002_*"):
        path.unlink()
    assert ("Exposures", "Exposure 1") in lrs.open_observation(slit).information()
