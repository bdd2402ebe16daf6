"""A spectrum through filters, against sums by hand and against sedpy's own projection."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.measure.bandpass import bandpass, through
from lrs_explorer.model.measure.catalogue import CatalogueFlux, catalogue_flux

GRID = np.linspace(4.0, 14.0, 401)
FILTERS = ("F560W", "F770W", "F1000W", "F1130W")


def by_hand(name: str, power: float, low: float = 0.0, high: float = 99.0) -> float:
    """Integrate a power law through a filter on a fine grid, from low to high micron."""
    band = bandpass(name)
    fine = np.linspace(band.wavelength[0], band.wavelength[-1], 200_001)
    fine = fine[(fine >= low) & (fine <= high)]
    photons = np.interp(fine, band.wavelength, band.response) / fine
    return float(np.trapezoid(photons * fine**power, fine) / np.trapezoid(photons, fine))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("power", [0.0, -2.0, 4.0])
def test_flat_and_steep_spectra(name: str, power: float) -> None:
    flux = GRID**power
    seen = through(bandpass(name), GRID, flux, np.zeros_like(flux))
    assert seen.flux == pytest.approx(by_hand(name, power), rel=3e-5)
    assert seen.covered == pytest.approx(1.0)
    assert seen.error == 0.0


@pytest.mark.parametrize("name", FILTERS)
def test_as_sedpy_projects_it(name: str) -> None:
    from sedpy.observate import getSED, lightspeed, load_filters

    fine = np.linspace(3.0, 16.0, 30_001)
    per_wavelength = 1e-23 * fine**-2.0 * lightspeed / (fine * 1e4) ** 2
    magnitude = getSED(fine * 1e4, per_wavelength, load_filters([f"jwst_{name.lower()}"]))[0]
    seen = through(bandpass(name), GRID, GRID**-2.0, np.zeros_like(GRID))
    assert seen.flux == pytest.approx(3631 * 10 ** (-0.4 * magnitude), rel=3e-4)


def test_pivot_and_zero_points() -> None:
    band = bandpass("f770w")
    assert band.name == "F770W"
    assert band.pivot == pytest.approx(7.64, abs=0.01)
    assert band.edges == pytest.approx((6.58, 8.69), abs=0.05)
    assert band.vega == pytest.approx(65.0, rel=0.04)  # Rieke et al. 2015: 64 to 66 Jy
    assert bandpass("wise_w3").pivot == pytest.approx(12.08, abs=0.1)


@pytest.mark.parametrize("name", ["FND", "", "F1065C", "../etc/passwd"])
def test_unknown_filter(name: str) -> None:
    with pytest.raises(LRSExplorerError, match=r"bandpass of .* is not known: choose one of F560W"):
        bandpass(name)


def test_part_that_is_covered() -> None:
    """The mean is that of the part with spectrum, and the part is told in photons."""
    band, short = bandpass("F1280W"), GRID[GRID <= 12.5]
    seen = through(band, short, short**2.0, np.zeros_like(short))
    assert seen.flux == pytest.approx(by_hand("F1280W", 2.0, high=short[-1]), rel=1e-4)
    fine = np.linspace(band.wavelength[0], band.wavelength[-1], 200_001)
    photons = np.interp(fine, band.wavelength, band.response) / fine
    assert seen.covered == pytest.approx(photons[fine <= short[-1]].sum() / photons.sum(), abs=1e-4)
    assert 0 < seen.nominal < seen.covered < 0.5


def test_no_overlap() -> None:
    seen = through(bandpass("F2100W"), GRID, GRID, GRID)
    assert seen.covered == 0.0
    assert np.isnan(seen.flux)
    assert np.isnan(seen.error)


def test_few_missing_elements_are_bridged_and_a_hole_is_not() -> None:
    flux = GRID**-1.0
    flux[[150, 151 + 10]] = np.nan
    seen = through(bandpass("F770W"), GRID, flux, np.zeros_like(flux))
    assert seen.covered == pytest.approx(1.0)
    assert seen.flux == pytest.approx(by_hand("F770W", -1.0), rel=1e-4)
    flux[140:180] = np.nan
    seen = through(bandpass("F770W"), GRID, flux, np.zeros_like(flux))
    assert 0.4 < seen.covered < 0.6
    nothing = through(bandpass("F770W"), GRID, np.full(401, np.nan), np.zeros(401))
    assert nothing.covered == 0.0


def test_errors_independent_and_correlated() -> None:
    """Against the scatter of many draws; fully correlated errors do not average out."""
    random = np.random.default_rng(4)
    error = np.full(401, 0.1)
    band = bandpass("F1000W")
    draws = [
        through(band, GRID, 1 + 0.1 * random.standard_normal(401), error).flux for _ in range(400)
    ]
    alone = through(band, GRID, np.ones(401), error)
    assert alone.error == pytest.approx(np.std(draws), rel=0.12)
    together = through(band, GRID, np.ones(401), error, np.full((401, 401), 0.01))
    assert together.error == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "jansky", "error"),
    [
        ("F770W = 12.3 mJy ± 0.2", 0.0123, 0.0002),
        ("F770W=12.3±0.2 mJy", 0.0123, 0.0002),
        ("f770w: 1.5e-3 Jy +- 1e-5", 1.5e-3, 1e-5),
        ("F770W=12.3 µJy +/- 0.2 µJy", 12.3e-6, 0.2e-6),
        ("F770W=12.3 uJy", 12.3e-6, np.nan),
        ("F770W = 8.9 AB mag", 3631 * 10**-3.56, np.nan),
        ("F770W = 8.9±0.1 mag (AB)", 3631 * 10**-3.56, 3631 * 10**-3.56 * 0.0921034),
        ("F770W = -1.2 Vega mag", None, np.nan),
    ],
)
def test_catalogue_entries(text: str, jansky: float | None, error: float) -> None:
    entry = catalogue_flux(text)
    expected = bandpass("F770W").vega * 10**0.48 if jansky is None else jansky
    assert entry.jansky() == pytest.approx((expected, error), rel=1e-5, nan_ok=True)
    assert catalogue_flux(entry) is entry


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("F770W = 12 parsec", 'unit "parsec"'),
        ("F770W = 12 mag", "say AB mag or Vega mag"),
        ("F770W = 12", "has no unit"),
        ("F770W 12 mJy", "cannot be read"),
        ("F770W = twelve mJy", "cannot be read"),
        ("", "cannot be read"),
        ("F770W = 0 mJy", "has to be positive"),
        ("F770W = 1e999 mJy", "is inf"),
        ("F770W = 1 mJy ± -2", "0 or more"),
        ("F770W = 1 ± 2 mJy ± 2", "cannot be read"),
        ("F770W = 1 mJy ± 2 Jy", "cannot be read"),
    ],
)
def test_catalogue_entries_that_are_none(text: str, why: str) -> None:
    with pytest.raises(LRSExplorerError, match=why) as caught:
        catalogue_flux(text)
    assert "\n" not in str(caught.value)


def test_catalogue_values_from_python() -> None:
    assert CatalogueFlux("F560W", 3, "µJy").unit == "uJy"
    for bad in ({"value": "3"}, {"value": True}, {"unit": None}, {"error": np.inf}):
        with pytest.raises(LRSExplorerError):
            CatalogueFlux(**({"filter": "F560W", "value": 3.0, "unit": "Jy"} | bad))
    with pytest.raises(LRSExplorerError, match="cannot be read"):
        catalogue_flux(3.0)
