"""The simulated slitless frame and a real one, by the same statistics.

The real frame has 256 levels, 1.8 DN/s apart, and is clipped at either end: so is the simulated
one, which has its brightness. Both are looked at in the detector's orientation, in which the real
one is mirrored (`lrs_explorer.simulator.sky_structure`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import scipy
from common import SHARED
from real_frame import FRAME, STEP

from lrs_explorer.simulator import slitless_instrument
from lrs_explorer.simulator.sky_structure import FLIGHT_SKY, PLAIN_SKY, SkyStructure
from lrs_explorer.simulator.slitless_scene import SlitlessScene, simulate_integrations

Array = np.ndarray

LOWEST, HIGHEST = 40.0, 500.0  # DN/s
SKY_COLUMNS = np.r_[14:22, 50:60]
DIP = np.arange(4, 11)
BESIDE = 15.0  # pixels from the trace, beyond which light is taken for sky


@dataclass(frozen=True, eq=False)
class Statistics:
    """What is measured on a frame in the detector's orientation, DN/s."""

    frame: Array

    @property
    def sky(self) -> Array:
        """Brightness of each row beside the trace."""
        return self.frame[:, SKY_COLUMNS].mean(axis=1)

    def column(self, first: int, last: int, columns: Array) -> float:
        """Mean of columns, over the sky of each row."""
        rows = slice(first, last)
        return float((self.frame[rows][:, columns] / self.sky[rows, None]).mean())

    @property
    def dip(self) -> tuple[float, float]:
        """Depth of its seven columns, where the sky is faint and where it is bright.

        Against the columns beside it: where the sky is faint, above the lowest level.
        """
        return tuple(
            1 - self.column(*rows, DIP) / self.column(*rows, np.arange(15, 22))
            for rows in ((20, 110), (210, 280))
        )

    @property
    def bright_column(self) -> float:
        """Column 67 against its neighbours that are not odd."""
        around = np.r_[64:67, 69:72]
        return self.column(20, 280, np.array([67])) / self.column(20, 280, around) - 1

    @property
    def right_of_left(self) -> float:
        """Sky right of the trace against that left of it."""
        return self.column(20, 280, np.arange(51, 64)) / self.column(20, 280, np.arange(12, 20)) - 1

    @property
    def odd_even(self) -> float:
        """By how much rows of even number are brighter than their neighbours."""
        sky = self.sky
        off = sky[1:-1] - 0.5 * (sky[:-2] + sky[2:])
        sign = (-1.0) ** np.arange(1, len(sky) - 1)
        return float((off * sign / sky[1:-1]).mean())

    def rise(self, row: int) -> float:
        """Sky at a row against that at row 208."""
        return float(self.sky[row - 4 : row + 5].mean() / self.sky[204:213].mean())

    def light(self, row: int) -> Array:
        """The star's light in each column, mean of 16 rows, adding up to 1 within `BESIDE`."""
        rows, columns = slice(row - 8, row + 8), np.arange(72)
        shape = (self.frame[20:60] / self.sky[20:60, None]).mean(axis=0)
        sides = [shape[14:26].mean(), shape[47:60].mean()]
        shape[26:47] = np.interp(np.arange(26, 47), [20, 53], sides)
        seen = (self.frame[rows] - self.sky[rows, None] * shape).mean(axis=0)
        sides = [seen[14:22].mean(), seen[50:60].mean()]
        seen = seen - np.interp(columns, [18, 54.5], sides)
        return np.asarray(seen / seen[np.abs(columns - 36.0) < BESIDE].sum())

    def center(self, row: int) -> float:
        """Where a Gaussian with its core has its middle."""
        columns, light = np.arange(31, 42), self.light(row)[31:42]

        def gaussian(x: Array, height: float, at: float, sigma: float, level: float) -> Array:
            return height * np.exp(-0.5 * ((x - at) / sigma) ** 2) + level

        found, _ = scipy.optimize.curve_fit(gaussian, columns, light, [0.2, 36.0, 1.4, 0.01])
        return float(found[1])

    def fwhm(self, row: int) -> float:
        """Full width at half maximum of a cubic spline through the pixels."""
        fine = np.linspace(28, 44, 8001)
        light = scipy.interpolate.CubicSpline(np.arange(72), self.light(row))(fine)
        return float(np.ptp(fine[light > light.max() / 2]))

    def beyond(self, row: int, radius: float) -> float:
        """Part of the light more than a radius from the trace."""
        edges = np.arange(73) - 0.5
        inside = np.r_[0.0, np.cumsum(self.light(row))]
        at = self.center(row)
        return float(1 - np.diff(np.interp([at - radius, at + radius], edges, inside))[0])


def digitized(rate: Array) -> Array:
    """Return a frame as the colours of the figure have it."""
    return LOWEST + STEP * np.round((np.clip(rate, LOWEST, HIGHEST) - LOWEST) / STEP)


@pytest.fixture(scope="module")
def real() -> Statistics:
    if not FRAME.is_file():
        pytest.skip("no real frame beside the repository")
    return Statistics(np.load(FRAME).astype(float)[:, ::-1])


def painted(sky: SkyStructure) -> Statistics:
    scene = SlitlessScene(
        n_integrations=16, flux_level=0.0115, background_level=98.4, sky=sky, offset=-1.2,
        cosmic_rays=0, bad_pixels=0, hot_pixels=0, depth=0, features=(), systematic=0,
        background_drift=0, background_settling=0,
    )  # fmt: skip
    (piece,) = simulate_integrations(scene)
    return Statistics(digitized(np.median(piece.rate, axis=0)))


@pytest.fixture(scope="module")
def simulated() -> Statistics:
    return painted(FLIGHT_SKY)


def test_the_sky_has_its_dip(real: Statistics, simulated: Statistics) -> None:
    """Over seven columns; two fifths of a level of the figure are 0.01 of the faint sky."""
    assert real.dip == pytest.approx((0.16, 0.11), abs=0.015)
    assert simulated.dip == pytest.approx(real.dip, abs=0.015)


def test_a_column_is_brighter_and_the_right_is_not_the_left(
    real: Statistics, simulated: Statistics
) -> None:
    assert real.bright_column == pytest.approx(0.03, abs=0.01)
    assert simulated.bright_column == pytest.approx(real.bright_column, abs=0.01)
    assert simulated.right_of_left == pytest.approx(real.right_of_left, abs=0.01)


def test_rows_of_even_number_are_brighter(real: Statistics, simulated: Statistics) -> None:
    assert real.odd_even == pytest.approx(0.0175, abs=0.002)
    assert simulated.odd_even == pytest.approx(real.odd_even, abs=0.002)


@pytest.mark.parametrize("row", [30, 115, 160, 265, 295, 350, 400])
def test_the_sky_rises_with_the_row(real: Statistics, simulated: Statistics, row: int) -> None:
    assert simulated.rise(row) == pytest.approx(real.rise(row), rel=0.02)


def test_the_trace_leans_as_much(real: Statistics, simulated: Statistics) -> None:
    """From row 115 to 265, the last ones whose core is not clipped: the flight trace, mirrored."""
    tilt = [one.center(265) - one.center(115) for one in (real, simulated)]
    flight = np.ptp(slitless_instrument.trace_shift([115, 265]))
    assert tilt == pytest.approx([flight, flight], abs=0.05)
    assert simulated.center(265) == pytest.approx(real.center(265), abs=0.15)


@pytest.mark.parametrize(("row", "allowed"), [(115, 0.3), (150, 0.15), (190, 0.1), (265, 0.1)])
def test_the_star_is_as_wide(
    real: Statistics, simulated: Statistics, row: int, allowed: float
) -> None:
    """In row 115 the star is nine levels of the figure high."""
    assert simulated.fwhm(row) == pytest.approx(real.fwhm(row), abs=allowed)


@pytest.mark.parametrize("row", [150, 190, 230, 265])
@pytest.mark.parametrize("radius", [3, 4, 5, 6, 8, 10, 12])
def test_as_much_light_is_in_its_wings(
    real: Statistics, simulated: Statistics, row: int, radius: int
) -> None:
    """A twentieth of a level, in 30 columns, is 0.01 of the light of row 150 and 0.003 of 265."""
    assert simulated.beyond(row, radius) == pytest.approx(real.beyond(row, radius), abs=0.03)
    assert real.beyond(row, 4) > 0.12, "a sixth of the light: no Gaussian"


def test_what_the_frame_shows_is_no_plain_sky(simulated: Statistics) -> None:
    plain = painted(PLAIN_SKY)
    assert max(map(abs, plain.dip)) < 0.005
    assert abs(plain.bright_column) < 0.01
    assert plain.rise(115) == pytest.approx(1.0, abs=0.005)
    assert plain.odd_even == pytest.approx(simulated.odd_even, abs=0.002), "in the flat field"


def test_the_shared_data_say_the_same(real: Statistics) -> None:
    told = (SHARED / "third_party" / "README.md").read_text(encoding="utf-8")
    assert "FWHM 3.9 px at row 115, 3.2 px at row 265" in told
    assert real.fwhm(115) == pytest.approx(3.9, abs=0.3)
    assert real.fwhm(265) == pytest.approx(3.2, abs=0.15)
