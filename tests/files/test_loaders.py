"""specutils reads x1dints of the LRS once `lrs_explorer.loaders` is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from specutils import Spectrum, SpectrumList

import lrs_explorer as lrs
from lrs_explorer.loaders import LABEL
from lrs_explorer.model.series.spectrum_file import read_series


@pytest.fixture(scope="module")
def x1dints() -> Path:
    (first, *_) = lrs.demo("slitless").products["x1dints"]
    return first


@pytest.mark.parametrize("given", [{}, {"format": LABEL}])
def test_all_integrations_are_one_spectrum(x1dints: Path, given: dict[str, str]) -> None:
    expected = read_series([x1dints])
    spectrum = Spectrum.read(str(x1dints), **given)
    np.testing.assert_array_equal(spectrum.flux.value, expected.flux)
    np.testing.assert_array_equal(spectrum.spectral_axis.to_value("micron"), expected.wavelength)
    np.testing.assert_array_equal(spectrum.uncertainty.array, expected.flux_error)
    assert str(spectrum.flux.unit) == "Jy"
    assert spectrum.meta["header"]["EXP_TYPE"] == "MIR_LRS-SLITLESS"
    np.testing.assert_array_equal(spectrum.meta["time"], expected.time)


def test_each_integration_is_a_spectrum(x1dints: Path) -> None:
    expected = read_series([x1dints])
    spectra = SpectrumList.read(str(x1dints))
    assert len(spectra) == len(expected)
    for number in (0, len(spectra) - 1):
        np.testing.assert_array_equal(spectra[number].flux.value, expected.flux[number])
        assert spectra[number].meta["time"] == expected.time[number]
        assert spectra[number].meta["time_scale"].startswith("BJD")


def test_other_products_are_left_to_specutils() -> None:
    path = next(p for p in lrs.demo("slit").products["x1d"] if "_03102_" in p.name)
    spectrum = Spectrum.read(str(path))
    assert spectrum.flux.ndim == 1
    assert "time" not in spectrum.meta


def test_importing_the_package_registers_nothing() -> None:
    code = "import sys, lrs_explorer; sys.exit('specutils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
