"""Spectra of two nods compared, an extract1d reference for each, and lost nods recognised."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import Processed
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import COLUMN_UNITS, Spectrum
from lrs_explorer.model.files.image_file import read_image, read_spectrum
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.live.references import References
from lrs_explorer.model.measure.nod_combination import combined_without_nods
from lrs_explorer.model.measure.nods import compare_spectra, nod_reference
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.recipe.recipe import Aperture, Recipe
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import reference_path

DEMO = Path(__file__).parents[2] / "lrs_explorer" / "data" / "demo_slit"
WAVELENGTH = np.linspace(14.0, 4.5, 380)


def _spectrum(
    flux: NDArray[np.floating], error: NDArray[np.floating], wavelength: NDArray[np.floating]
) -> Spectrum:
    columns = dict.fromkeys(COLUMN_UNITS, np.zeros(len(flux)))
    return Spectrum(columns | {"WAVELENGTH": wavelength, "FLUX": flux, "FLUX_ERROR": error})


def _pair(
    ratio: float | NDArray[np.floating],
    signal_to_noise: float = 50.0,
    scatter: float = 1.0,
    seed: int = 1,
) -> tuple[Spectrum, Spectrum]:
    """Two spectra of one source on grids half an element apart, the second times ``ratio``."""
    rng = np.random.default_rng(seed)
    made = []
    for factor, shift in ((1.0, 0.0), (ratio, 0.5 * 9.5 / 379)):
        wavelength = WAVELENGTH - shift
        clean = 1e-3 * (wavelength / 8.0) ** -2 * (1 + 0.2 * np.sin(wavelength))
        error = np.full(len(clean), 1e-3 / signal_to_noise)
        noise = scatter * error * rng.standard_normal(len(clean))
        made.append(_spectrum(clean * factor + noise, error, wavelength))
    return made[0], made[1]


@pytest.mark.parametrize("signal_to_noise", [3.0, 30.0])
@pytest.mark.parametrize("scatter", [1.0, 2.0])
def test_the_ratio_is_right_and_its_error_honest(signal_to_noise: float, scatter: float) -> None:
    results = [compare_spectra(*_pair(0.97, signal_to_noise, scatter, seed)) for seed in range(100)]
    error = np.array([(c.overall - 0.97) / c.overall_error for c in results])
    assert abs(error.mean()) < 0.35  # unbiased, even where a wavelength has S/N 3
    assert 0.6 < error.std() < 1.25
    scales = np.array([c.error_scale for c in results])
    # Interpolation half-way between elements smooths the second one's noise a little.
    assert np.median(scales) == pytest.approx(scatter, rel=0.2)


def test_a_significant_difference_is_said_in_a_sentence() -> None:
    compared = compare_spectra(*_pair(0.969, 30.0))
    assert compared.overall_significance < -5.0
    assert compared.sentence.startswith("nod 2 is ")
    assert " % fainter than nod 1 over 5.5–11.5 µm" in compared.sentence
    amount = float(compared.sentence.split()[3])
    assert amount == pytest.approx(3.1, abs=1.0)


def test_agreement_is_said_as_agreement() -> None:
    compared = compare_spectra(*_pair(1.0), names=("box", "optimal"))
    assert compared.sentence.startswith("box and optimal agree over 5.5–11.5 µm: optimal is ")


def test_a_ratio_that_changes_with_wavelength_is_told() -> None:
    slope = 1.0 + 0.1 * (WAVELENGTH - 8.5) / 6.0
    compared = compare_spectra(*_pair(slope))
    assert compared.change == pytest.approx(0.1, abs=0.02)
    assert compared.change > 5 * compared.change_error
    assert "their ratio rises by" in compared.sentence
    steady = compare_spectra(*_pair(1.0))
    assert abs(steady.change) < 4 * steady.change_error
    assert compared.overall_error > steady.overall_error


def test_single_wavelengths_that_differ_are_named_and_do_not_count() -> None:
    first, second = _pair(1.0)
    flux = second.columns["FLUX"].copy()
    index = int(np.argmin(np.abs(second.columns["WAVELENGTH"] - 8.0)))
    flux[index] *= 3.0
    spoilt = dataclasses.replace(second, columns={**second.columns, "FLUX": flux})
    compared = compare_spectra(first, spoilt)
    assert 1 <= len(compared.odd) <= 2
    assert np.abs(compared.odd - 8.0).max() < 0.05
    assert "they differ at" in compared.sentence
    assert abs(compared.overall - 1.0) < 4 * compared.overall_error
    at = int(np.argmax(np.abs(compared.significance)))
    assert compared.wavelength[at] == pytest.approx(8.0, abs=0.05)


def test_missing_values_stay_missing_and_no_errors_are_made_from_scatter() -> None:
    first, second = _pair(1.02, scatter=1.0)
    flux = first.columns["FLUX"].copy()
    flux[100:103] = np.nan
    holes = dataclasses.replace(first, columns={**first.columns, "FLUX": flux})
    compared = compare_spectra(holes, second)
    assert np.isnan(compared.ratio).sum() == 3
    nothing = np.zeros(len(WAVELENGTH))
    blind = [
        dataclasses.replace(s, columns={**s.columns, "FLUX_ERROR": nothing})
        for s in (first, second)
    ]
    known, unknown = compare_spectra(first, second), compare_spectra(blind[0], blind[1])
    assert unknown.overall == pytest.approx(known.overall, abs=0.01)
    assert unknown.overall_error == pytest.approx(known.overall_error, rel=0.5)


def test_what_cannot_be_compared_is_refused() -> None:
    first, second = _pair(1.0)
    with pytest.raises(LRSExplorerError, match="valid wavelengths in common between 20 and 25"):
        compare_spectra(first, second, wavelength_range=(20.0, 25.0))
    counts = dataclasses.replace(second, unit="DN/s")
    with pytest.raises(LRSExplorerError, match="nod 2 in DN/s"):
        compare_spectra(first, counts)


def test_the_demo_nods_are_compared() -> None:
    nods = [read_spectrum(path) for path in sorted(DEMO.glob("*mirimage_x1d.fits"))]
    compared = compare_spectra(nods[0], nods[1])
    assert len(compared.wavelength) > 300
    assert "5.5–11.5 µm" in compared.sentence


def test_the_reference_alone_makes_extract_1d_follow_the_trace(
    processed: Processed, environment: Mapping[str, str], tmp_path: Path
) -> None:
    image = read_image(processed.s2d)
    path = reference_path(environment["CRDS_PATH"], "extract1d")
    delivered = json.loads(path.read_text(encoding="utf-8"))
    references = References(delivered, None, None, {}, ())
    extractor = Extractor(image, references)
    trace = find_trace(image)
    assert trace is not None
    recipe = Recipe()
    reference = nod_reference(extractor, trace, recipe, width=8.0)
    own = tmp_path / "extract1d.json"
    own.write_text(json.dumps(reference), encoding="utf-8")
    run = run_pipeline(
        "extract_1d",
        processed.s2d,
        tmp_path / "out",
        parameters={"override_extract1d": str(own), "apply_apcorr": False},
        crds=environment,
    )
    exact = read_spectrum(run.products[0])
    aperture = Aperture(trace.center, 8.0, trace.coefficients)
    live = extractor.extract(recipe.replace(aperture=aperture))
    np.testing.assert_array_equal(exact.flux, live.flux)
    lost = read_spectrum(processed.delivered_x1d)
    useful = (live.wavelength > 5.5) & (live.wavelength < 11.5)
    assert np.nanmedian((live.flux / lost.flux)[useful]) > 1.5


def test_a_combination_without_nods_is_recognised(
    cals: tuple[Path, Path], environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Both nods with the pointing of the first, as in jwst #8484, through the real step."""
    with fits.open(cals[0]) as first, fits.open(cals[1], memmap=False) as second:
        second["ASDF"].data = first["ASDF"].data
        for card in ("RA_REF", "DEC_REF"):
            second["SCI"].header[card] = first["SCI"].header[card]
        second.writeto(tmp_path / cals[1].name)
    wrong, right = (
        read_image(_combined([cals[0], other], tmp_path / name, environment))
        for other, name in ((tmp_path / cals[1].name, "wrong"), (cals[1], "right"))
    )
    lost = combined_without_nods(wrong)
    assert lost.without_nods is True
    assert lost.noise_step == pytest.approx(1.0, abs=0.2)
    assert "1 without" in lost.evidence
    kept = combined_without_nods(right)
    assert kept.without_nods is False
    assert kept.noise_step == pytest.approx(2.0, abs=0.2)
    assert kept.width > lost.width + 10


def _combined(paths: list[Path], folder: Path, environment: Mapping[str, str]) -> Path:
    (made,) = run_pipeline("resample_spec", paths, folder, crds=environment).products
    return made


def test_good_combinations_and_single_nods_are_left_alone(shared_slit: Path) -> None:
    for folder in (DEMO, shared_slit):
        (combined,) = folder.glob("*_miri_p750l_s2d.fits")
        assert combined_without_nods(read_image(combined)).without_nods is False
        for nod in folder.glob("*mirimage_s2d.fits"):
            single = combined_without_nods(read_image(nod))
            assert single.without_nods is False
            assert "not a combination" in single.evidence
