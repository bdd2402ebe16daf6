"""The instrument's numbers stand once, and are those of the flight instrument."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import SOLUTIONS, wavelength_at_row
from lrs_explorer.model.measure.wavelength import compare_solutions
from lrs_explorer.simulator import instrument, slitless_instrument

PACKAGE = Path(lrs.__file__).parent
SIMULATED = {"slit": instrument, "slitless": slitless_instrument}


@pytest.mark.parametrize("mode", ["slit", "slitless"])
def test_the_wavelength_solution_stands_once(mode: str) -> None:
    rows, wavelength = np.array(SOLUTIONS[mode]).T
    simulated = SIMULATED[mode].wavelength_at_row(rows)
    np.testing.assert_allclose(simulated, wavelength, atol=1e-9)
    fine = np.arange(6.5, 394.51, 0.1)
    assert (np.diff(wavelength_at_row(fine, mode)) < 0).all()


@pytest.mark.parametrize("mode", ["slit", "slitless"])
def test_the_demo_has_the_flight_wavelengths(mode: str) -> None:
    image = lrs.demo(mode).image()
    match = compare_solutions(image, mode)
    assert len(match.wavelength) > 200
    assert match.own < (0.002 if match.absolute else 0.01)


@pytest.mark.parametrize(
    ("folder", "pattern", "mode"),
    [
        ("slit-90001", "*00001*_cal.fits.gz", "slit"),
        ("slitless-90002", "*_calints.fits", "slitless"),
    ],
)
def test_an_independent_simulation_agrees(
    shared_data: Path, folder: str, pattern: str, mode: str
) -> None:
    """Its wavelengths are those of the flight specwcs references themselves."""
    (path,) = (shared_data / folder).glob(pattern)
    match = compare_solutions(lrs.open_observation(path).image(), mode)
    assert match.absolute or mode == "slit"
    assert match.own < 0.004


def test_the_instruments_numbers_stand_once() -> None:
    numbers = r"0\.1106|0\.1108|0\.1098|0\.1104|32[56]\.13|300\.70|299\.70|414\.85|400\.43|0\.15904"
    written = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(rf"\b({numbers})\b", path.read_text(encoding="utf-8"))
    }
    assert written == {"model/data/instrument.py"}
