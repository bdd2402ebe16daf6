"""Is the flux right? On the demo, in Python, at the command line, and by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import write_spectrum
from lrs_explorer.model.measure.bandpass import bandpass, through
from lrs_explorer.model.slit.pathloss import read_pathloss
from lrs_explorer.model.slit.ta_flux import conversion, imager_aperture
from lrs_explorer.model.slit.ta_image import read_ta_image
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.photometry import FluxComparison, Photometry, compared_fluxes
from lrs_explorer.simulator.instrument import slit_transmission

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
TACQ = "jw90010001001_02101_00001_mirimage_rate.fits"
ON_TRACE = lrs.Aperture(18.326, 8.0)


def truth(name: str, folder: Path = DEMO) -> float:
    """Return the true flux of an observation in a filter, Jy."""
    table = Table.read(folder / "truth.ecsv", format="ascii.ecsv")
    flux = np.asarray(table["flux"])
    return through(bandpass(name), np.asarray(table["wavelength"]), flux, 0 * flux).flux


def by(result: Photometry, source: str, light: str = "whole star") -> FluxComparison:
    (one,) = (c for c in result.comparisons if (c.source, c.light) == (source, light))
    return one


@pytest.fixture(scope="module")
def on_trace(crds_cache: Path) -> Photometry:
    demo = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(demo).replace(aperture=ON_TRACE)
    entries = [f"F770W = {1e3 * truth('F770W')} mJy ± 0.03", "F2100W = 3 mJy", "F1280W=3 mJy"]
    return lrs.photometry(demo, recipe, entries)


def test_photometry_of_the_acquisition_images_is_true(on_trace: Photometry) -> None:
    """Whatever the spectrum: of the star's whole flux, and of that behind the slit."""
    true = truth("F560W")
    for source in ("acquisition image", "verification image"):
        one = by(on_trace, source)
        assert one.photometry == pytest.approx(true, rel=0.01)
        assert abs(one.photometry - true) < one.photometry_error
        assert 0.01 < one.photometry_error / one.photometry < 0.03
        assert one.status == "comparable"
    behind = by(on_trace, "verification image", "light in the slit")
    passed = float(slit_transmission(5.6, 0.05, 0.45))
    assert behind.transmission == pytest.approx(passed, abs=0.01)
    assert behind.photometry == pytest.approx(passed * true, rel=0.015)
    assert behind.status == "comparable"


def test_ratio_is_that_of_spectrum_and_photometry(on_trace: Photometry) -> None:
    one = by(on_trace, "acquisition image")
    spectrum = on_trace.spectrum
    alone = through(
        bandpass("F560W"), spectrum.wavelength, spectrum.flux, np.nan_to_num(spectrum.flux_error)
    )
    assert one.flux == alone.flux
    assert one.ratio == pytest.approx(one.flux / one.photometry)
    relative = np.hypot(one.error / one.flux, one.photometry_error / one.photometry)
    assert one.ratio_error == pytest.approx(relative * one.ratio)
    # The demo's spectrum lacks light that jumps and the slit take: some per cent.
    assert 0.92 < one.ratio < 0.99
    assert one.ratio == pytest.approx(one.flux / truth("F560W"), rel=0.01)
    assert "spectrum / photometry = 0.9" in one.why


def test_slit_is_told_apart(on_trace: Photometry, crds_cache: Path) -> None:
    """Corrected for the center line, the spectrum lacks what the star's true place costs."""
    behind = by(on_trace, "verification image", "light in the slit")
    whole = by(on_trace, "verification image")
    path = next(crds_cache.rglob("jwst_miri_pathloss_0001.fits"))
    reference = read_pathloss(path)
    factor = reference.correction(0.0, 0.45).at(5.6) / reference.correction(0.05, 0.45).at(5.6)
    assert whole.ratio / behind.ratio == pytest.approx(float(factor), rel=0.004)
    assert whole.ratio < behind.ratio


def test_partly_covered_and_not_covered(on_trace: Photometry) -> None:
    far, near = on_trace.comparisons[-2:]
    assert (far.filter, far.status, far.result) == ("F2100W", "not comparable", "not comparable")
    assert far.why == "the spectrum does not reach F2100W (18.5–23.2 µm): not comparable"
    assert np.isnan(far.ratio)
    assert (near.filter, near.status) == ("F1280W", "limited")
    assert "lies beyond 5–12 µm" in near.why
    assert "the photometry has no error" in near.why
    assert near.result.endswith("(limited, error of the spectrum alone)")


def test_error_of_the_bootstrap_is_its_covariance(crds_cache: Path) -> None:
    demo = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(demo).replace(
        aperture=ON_TRACE, uncertainty=lrs.Uncertainty("bootstrap", draws=60)
    )
    found = lrs.photometry(demo, recipe, ["F1000W = 4 mJy"])
    assert "covariance of the bootstrap" in found.errors
    errors = stages_of(demo)
    errors.find_references()
    told = errors.bootstrap(recipe)
    alone = through(
        bandpass("F1000W"), told.wavelength, told.flux, told.flux_error, told.covariance()
    )
    assert found.comparisons[-1].error == pytest.approx(alone.error)
    assert found.comparisons[-1].flux == pytest.approx(alone.flux, rel=1e-6)


def test_command_line_says_the_same(
    on_trace: Photometry, capsys: pytest.CaptureFixture[str]
) -> None:
    product = str(DEMO / "jw90010001001_03102_00001_mirimage_s2d.fits")
    asked = [f"F770W = {1e3 * truth('F770W')} mJy +- 0.03", "F2100W=3mJy", "F1280W = 3 mJy"]
    options = [part for entry in asked for part in ("--catalogue", entry)]
    place = ["--center", str(ON_TRACE.center), "--width", "8"]
    assert main(["photometry", product, *place, *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    wanted = on_trace.to_dict()
    assert said == json.loads(json.dumps(wanted))
    assert main(["photometry", product, *place, *options]) == 0
    assert capsys.readouterr().out.splitlines() == on_trace.lines
    assert repr(on_trace).splitlines()[1:] == on_trace.lines


@pytest.mark.parametrize(
    ("entry", "why"),
    [("F770W=3 furlong", 'unit "furlong"'), ("F1W=3 Jy", "bandpass of F1W"), ("3", "cannot be")],
)
def test_command_line_refuses_in_one_sentence(
    entry: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["photometry", str(DEMO), "--catalogue", entry]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_nothing_to_compare_with(
    tmp_path: Path, crds_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "jw90010001001_03102_00001_mirimage_s2d.fits"
    shutil.copy(DEMO / name, tmp_path)
    assert main(["photometry", str(tmp_path / name)]) == 1
    said = capsys.readouterr().out
    assert "there is nothing to compare with" in said
    assert "no acquisition image lies beside" in said


def test_series_is_its_mean() -> None:
    series = lrs.demo("slitless")
    found = lrs.photometry(series, catalogue=["F1000W = 20 mJy ± 0.2"])
    spectra = lrs.extract(series)
    (one,) = found.comparisons
    flux = np.nanmean(spectra.flux, axis=0)
    mean = through(bandpass("F1000W"), spectra.wavelength, flux, np.zeros_like(flux))
    assert one.flux == pytest.approx(mean.flux, rel=1e-6)
    assert "mean of 30 integrations" in found.errors
    assert one.status == "comparable"


def test_delivered_spectrum_where_there_is_no_image(tmp_path: Path, crds_cache: Path) -> None:
    demo = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(demo).replace(aperture=ON_TRACE)
    path = write_spectrum(lrs.extract(demo, recipe), tmp_path / "mine_x1d.fits")
    found = lrs.photometry(lrs.open_observation(path), catalogue=["F770W = 3 mJy ± 0.1"])
    assert "there is no image" in found.errors
    assert found.comparisons[-1].ratio > 0.8
    assert found.comparisons[-1].status == "limited"
    assert "whether the spectrum is corrected for pathloss is not known" in found.lines[0]


def test_spectrum_without_photom_has_no_flux(crds_cache: Path) -> None:
    demo = lrs.demo("slit")
    stages = stages_of(demo)
    stages.find_references()
    made = stages.spectrum(lrs.Recipe.from_observation(demo))
    stages.spectrum = lambda _recipe: replace(made, unit="DN/s")  # type: ignore[method-assign]
    found = compared_fluxes(stages, lrs.Recipe.from_observation(demo), ["F770W=3 mJy"])
    assert any("in DN/s, not in Jy" in note for note in found.notes)
    assert all(np.isnan(one.ratio) for one in found.comparisons)


# -- from count rates to Jy ------------------------------------------------------------------------


def _photom(path: Path, times: dict[str, dict[str, float]], error: float = 0.01) -> Path:
    from stdatamodels.jwst import datamodels

    model = datamodels.MirImgPhotomModel()
    kinds = {"filter": "S12", "subarray": "S17", "photmjsr": "f4", "uncertainty": "f4"}
    rows = [
        ("F770W", "FULL", 9.0, 0.1),
        ("F560W", "FULL", 0.5, error),
        ("F560W", "BRIGHTSKY", 7, 0),
    ]
    model.phot_table = np.array(rows, dtype=list(kinds.items()))
    for kind, values in times.items():
        names = ["filter", "subarray", *values]
        cells = [tuple(row[:2]) + tuple(values.values()) for row in rows]
        dtype = [(n, kinds.get(n, "f4")) for n in names]
        setattr(model, f"timecoeff_{kind}", np.array(cells, dtype=dtype))
    model.meta.photometry.pixelarea_steradians = 2.8e-13
    model.meta.instrument.name = "MIRI"
    model.save(path)
    model.close()
    return path


def test_sensitivity_of_a_time_is_that_of_the_pipeline(tmp_path: Path) -> None:
    from jwst.photom.time_dependence import get_correction_table
    from stdatamodels.jwst import datamodels

    times = {
        "linear": {"t0": 59700.0, "lossperyear": 0.01},
        "exponential": {"t0": 59700.0, "amplitude": 0.2, "tau": 200.0, "const": 0.8},
        "powerlaw": {"t0": 59720.0, "year1value": 0.9, "tsoft": 1.5, "alpha": -0.05},
    }
    image = read_ta_image(DEMO / f"{TACQ}.gz")
    for number, chosen in enumerate([{}, *({k: v} for k, v in times.items()), times]):
        path = _photom(tmp_path / f"photom{number}.fits", chosen)
        found = conversion(image, path)
        with datamodels.MirImgPhotomModel(path) as model:
            left = get_correction_table(model, image.header["EXPMID"])[1]
        assert found is not None
        assert found.factor == pytest.approx(0.5 / left * 2.8e-13 * 1e6, rel=1e-6)
        assert found.error == pytest.approx(0.01 / (0.5 / left), rel=1e-5)
    timeless = replace(image, header={k: v for k, v in image.header.items() if k != "EXPMID"})
    assert conversion(timeless, path) is None


def test_where_the_conversion_is_from(tmp_path: Path) -> None:
    image = read_ta_image(DEMO / f"{TACQ}.gz")
    photom = _photom(tmp_path / "photom.fits", {})
    assert conversion(image, None) is None
    assert conversion(replace(image, filter="F1000W"), photom) is None
    cards = {"PHOTMJSR": 0.4, "PIXAR_SR": 2e-13}
    own = replace(image, header={**image.header, **cards})
    assert conversion(own, photom).factor == pytest.approx(0.4 * 2e-7)
    calibrated = replace(own, unit="MJy/sr")
    assert conversion(calibrated, photom).factor == pytest.approx(2e-7)
    assert conversion(replace(image, unit="MJy/sr"), photom) is None
    rate = tmp_path / TACQ
    beside = replace(image, path=rate)
    assert conversion(beside, None) is None
    cal = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(name="SCI")])
    cal[0].header["FILTER"] = "F560W"
    cal["SCI"].header.update(cards)
    cal.writeto(tmp_path / TACQ.replace("_rate", "_cal"))
    found = conversion(beside, photom)
    assert found.factor == pytest.approx(0.4 * 2e-7)
    assert "_cal.fits" in found.words


@pytest.mark.parametrize("function", [conversion, imager_aperture])
def test_other_files_are_refused(function: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    fits.PrimaryHDU().writeto(path)
    image = read_ta_image(DEMO / f"{TACQ}.gz")
    with pytest.raises(lrs.LRSExplorerError, match=r"x\.fits is no .* of the imager"):
        function(image, path)


def test_flux_that_is_not_known_is_not_guessed(shared_slit: Path) -> None:
    """The shared reference files have no photometry of the imager."""
    observation = lrs.open_observation(shared_slit / "jw90001001001_03102_00001_mirimage_s2d.fits")
    entries = [f"{n} = {truth(n, shared_slit)} Jy ± 0.00001" for n in ("F560W", "F770W", "F1000W")]
    trace = lrs.find_trace(observation)
    recipe = lrs.Recipe.from_observation(observation)
    found = lrs.photometry(
        observation, recipe.replace(aperture=lrs.Aperture(trace.center, 8.0)), entries
    )
    record = json.loads((shared_slit / "defects.json").read_text())
    for key, one in zip(("tacq", "taconfirm"), found.comparisons[:2], strict=True):
        assert one.result == "flux not known"
        assert one.light == ("light in the slit" if key == "taconfirm" else "whole star")
        assert "PHOTMJSR" in one.why
        assert one.count_rate == pytest.approx(record[key]["true_source_DN_s"], rel=0.03)
        assert np.isnan(one.photometry)
    # As its README has it: aperture alone, 10.3 % too faint.
    for one in found.comparisons[2:]:
        assert one.ratio == pytest.approx(0.89, abs=0.012)
