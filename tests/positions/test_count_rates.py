"""Count rates of acquisition images: measured on the star, decided against headers that lie."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS
from lrs_explorer.model.slit.count_rates import RateFactor, judged_rates
from lrs_explorer.model.slit.frame import SlitPosition
from lrs_explorer.model.slit.pathloss import PathlossReference, read_pathloss
from lrs_explorer.model.slit.slit_loss import transmission
from lrs_explorer.model.slit.ta_image import TAImage, count_rate_factor
from lrs_explorer.model.slit.ta_photometry import Circle, star_light
from lrs_explorer.simulator.acquisition import (
    ACQUISITIONS,
    FILTER,
    enclosed_in_circle,
    filter_transmission,
    paint,
)
from lrs_explorer.simulator.reference_files import write_pathloss

TACQ, TACONFIRM = ACQUISITIONS
RIGHT = {"TFRAME": 2.775, "TGROUP": 2.775, "TARGNAME": "STAR"}


@pytest.fixture(scope="module")
def pathloss(tmp_path_factory: pytest.TempPathFactory) -> PathlossReference:
    path = tmp_path_factory.mktemp("pathloss") / "jwst_miri_pathloss_0001.fits"
    write_pathloss(path)
    return read_pathloss(path)


def seen(
    kind: str = "MIR_TACQ",
    *,
    flux: float = 1e-3,
    stored: float = 1.0,
    pattern: str | None = None,
    across: float = 0.05,
    along: float = 0.3,
    seed: int = 1,
    **cards: Any,
) -> TAImage:
    """Return an image whose stored rate is ``stored`` times the true one, as it would be read."""
    taken = TACQ if kind == "MIR_TACQ" else TACONFIRM
    painted = paint(taken, flux, along, across, np.random.default_rng(seed))
    header = {"EXP_TYPE": kind, **RIGHT, **cards}
    if pattern is not None:
        header["READPATT"] = pattern
    factor, note = count_rate_factor(header)
    data = painted.rate / taken.frames * stored / factor
    return TAImage(
        data=data,
        err=painted.err / taken.frames * stored / factor,
        usable=np.isfinite(data),
        saturated=np.zeros(data.shape, dtype=bool),
        exp_type=kind,
        filter=FILTER,
        readpatt=pattern or "",
        origin=(0, 0),
        reference=REFERENCE_PIXELS[taken.aperture],
        dither=SlitPosition(0.0, 0.0),
        rate_factor=factor,
        notes=(note,) if note else (),
        path=Path(f"{kind}_rate.fits"),
        header=header,
    )


def judged(*images: TAImage, pathloss: PathlossReference | None) -> list[RateFactor]:
    return judged_rates(images, pathloss)


@pytest.mark.parametrize("across", [-0.12, 0.0, 0.1, 0.2])
@pytest.mark.parametrize("flux", [1e-4, 1e-2])
def test_factor_is_measured(across: float, flux: float, pathloss: PathlossReference) -> None:
    acquired = seen(stored=8, pattern="FASTGRPAVG8", across=across, flux=flux)
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", across=across, flux=flux, seed=2)
    one, other = judged(acquired, verified, pathloss=pathloss)
    # The slit's edges make it 0.5 to 1 % too low; noise of the faint star is 0.9 %.
    assert one.measured == pytest.approx(8.0, rel=0.03 if flux > 1e-3 else 0.04)
    assert one.error == pytest.approx(0.4, rel=0.4)
    assert (one.factor, one.decided_by, one.agrees) == (8.0, "header", True)
    assert re.match(r"measured [78]\.\d+ ± 0\.\d+, header says 8", one.why)
    assert one.image.notes[0] == one.why
    assert (other.factor, other.why) == (1.0, "")


@pytest.mark.parametrize(
    ("stored", "pattern", "header"),
    [
        (1, "FASTGRPAVG8", 8),  # somebody has divided it already
        (1, "FASTGRPAVG64", 64),
        (8, None, 1),  # the header is silent
        (8, "FASTR1", 1),  # the header lies: only an average is too bright
        (8, "FASTGRPAVG16", 16),
        (4, "FASTR1", 1),
    ],
)
def test_star_decides_against_the_header(
    stored: int, pattern: str | None, header: int, pathloss: PathlossReference
) -> None:
    acquired = seen(stored=stored, pattern=pattern)
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=2)
    true = seen(seed=1, pattern="FASTR1")
    one, other = judged(acquired, verified, pathloss=pathloss)
    assert (one.factor, one.header, one.decided_by, one.agrees) == (stored, header, "star", False)
    assert one.measured == pytest.approx(stored, rel=0.05)
    assert "contradicts the header, and the star decides" in one.why
    # Everything that uses the image has the same answer.
    assert one.image.rate_factor == stored
    np.testing.assert_allclose(one.image.data, true.data, rtol=1e-5)
    np.testing.assert_allclose(one.image.err, true.err, rtol=1e-5)
    assert one.image.notes == (one.why,)
    assert other.factor == 1.0


def test_verification_image_that_is_averaged(pathloss: PathlossReference) -> None:
    acquired = seen(pattern="FASTR1")
    verified = seen("MIR_TACONFIRM", stored=1, pattern="FASTGRPAVG", seed=2)
    one, other = judged(acquired, verified, pathloss=pathloss)
    assert one.factor == 1.0
    assert (other.factor, other.header, other.decided_by) == (1.0, 4.0, "star")
    assert other.measured == pytest.approx(1.0, rel=0.05)


def test_both_averaged(pathloss: PathlossReference) -> None:
    """One of them is right: the ratio tells which, as no readout makes 64 of 8 frames."""
    acquired = seen(stored=8, pattern="FASTGRPAVG8")
    verified = seen("MIR_TACONFIRM", stored=1, pattern="FASTGRPAVG8", seed=2)
    one, other = judged(acquired, verified, pathloss=pathloss)
    assert (one.factor, other.factor, other.decided_by) == (8.0, 1.0, "star")
    # Both as their headers say: the ratio cannot tell that from both right.
    verified = seen("MIR_TACONFIRM", stored=8, pattern="FASTGRPAVG8", seed=2)
    one, other = judged(acquired, verified, pathloss=pathloss)
    assert (one.factor, other.factor) == (8.0, 8.0)
    assert one.agrees is None
    assert "the ratio of both images agrees with their headers" in one.why


def test_without_a_pathloss_reference_the_slit_takes_at_most_half() -> None:
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=2)
    one, _ = judged(seen(stored=8, pattern="FASTGRPAVG8"), verified, pathloss=None)
    assert (one.factor, one.agrees) == (8.0, True)
    assert one.bounds[1] == pytest.approx(2 * one.bounds[0])
    one, _ = judged(seen(stored=1, pattern="FASTGRPAVG8"), verified, pathloss=None)
    assert (one.factor, one.decided_by) == (1.0, "star")


def test_what_cannot_be_measured_is_said(pathloss: PathlossReference) -> None:
    acquired = seen(stored=8, pattern="FASTGRPAVG8")
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=2)
    y, x = np.unravel_index(np.nanargmax(acquired.data), acquired.data.shape)
    saturated = acquired.saturated.copy()
    saturated[y, x] = True
    dark = seen("MIR_TACONFIRM", pattern="FASTR1", flux=0.0, seed=2)
    blank = replace(verified, blank=True, notes=("the slit region has no values",))
    for one, other, why in (
        (acquired, replace(verified, filter="F1000W"), "another filter (F1000W, not F560W)"),
        (replace(acquired, saturated=saturated), verified, "the star is saturated"),
        (acquired, dark, "no source is seen"),
        (acquired, blank, "no values"),
        (
            acquired,
            replace(verified, header={**verified.header, "TARGNAME": "OTHER"}),
            "different targets (STAR, OTHER)",
        ),
    ):
        found, _ = judged(one, other, pathloss=pathloss)
        assert (found.factor, found.decided_by, found.agrees) == (8.0, "header", None)
        assert np.isnan(found.measured)
        assert "not measured: " in found.why
        assert why in found.why
    (found,) = judged(acquired, pathloss=pathloss)
    assert found.factor == 8.0
    assert "no verification image is here" in found.why
    assert judged(pathloss=pathloss) == []


@pytest.mark.parametrize("known", [True, False])
def test_star_outside_the_slit_decides_nothing(known: bool, pathloss: PathlossReference) -> None:
    where: dict[str, Any] = {"across": -0.3, "along": 1.84}
    acquired = seen(stored=8, pattern="FASTGRPAVG8", **where)
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=2, **where)
    one, _ = judged(acquired, verified, pathloss=pathloss if known else None)
    assert (one.factor, one.agrees) == (8.0, None)
    assert "outside the slit" in one.why


def test_faint_star_near_the_end_of_the_slit(pathloss: PathlossReference) -> None:
    """Sky that the slit's end cuts off is not taken from it; the slit's edges are no stars."""
    for seed in range(6):
        where: dict[str, Any] = {"along": -1.87, "flux": 1.5e-5, "across": -0.08}
        acquired = seen(stored=1, pattern="FASTGRPAVG8", seed=seed, **where)
        verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=100 + seed, **where)
        one, _ = judged(acquired, verified, pathloss=pathloss)
        assert (one.factor, one.decided_by) == (1.0, "star"), one.why


def test_number_that_cannot_be_told_is_not_chosen() -> None:
    """Without knowing what the slit takes, 8 may be 4."""
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=2)
    one, _ = judged(seen(stored=8, pattern="FASTR1"), verified, pathloss=None)
    assert (one.factor, one.agrees) == (1.0, False)
    assert "it may be 4 or 8" in one.why


def test_another_star_decides_nothing(pathloss: PathlossReference) -> None:
    acquired = seen(stored=8, pattern="FASTGRPAVG8", flux=1e-3)
    verified = seen("MIR_TACONFIRM", pattern="FASTR1", flux=4.1e-4, seed=2)  # 19.5 times
    one, _ = judged(acquired, verified, pathloss=pathloss)
    assert (one.factor, one.decided_by, one.agrees) == (8.0, "header", False)
    assert "no number of averaged frames" in one.why


@pytest.mark.exhaustive
@pytest.mark.parametrize("known", [True, False])
def test_many_stars_half_of_whose_headers_lie(known: bool, pathloss: PathlossReference) -> None:
    """10 µJy to 10 mJy, anywhere in the slit; other seeds than it was made on."""
    random, right, wrong = np.random.default_rng(777), 0, 0
    for seed in range(300):
        where: dict[str, Any] = {
            "flux": 10 ** random.uniform(-5, -2),
            "across": random.normal(0, 0.08),
            "along": random.uniform(-1.9, 1.9),
        }
        honest, stored = random.random() < 0.5, int(random.choice([1, 8]))
        averaged = (stored == 8) == honest
        pattern = "FASTGRPAVG8" if averaged else "FASTR1"
        acquired = seen(stored=stored, pattern=pattern, seed=50_000 + seed, **where)
        verified = seen("MIR_TACONFIRM", pattern="FASTR1", seed=60_000 + seed, **where)
        one, other = judged(acquired, verified, pathloss=pathloss if known else None)
        assert other.factor == 1
        right += one.factor == stored
        wrong += one.factor != stored and (one.agrees is not False or one.decided_by == "star")
    assert wrong == 0  # what is not right is called so
    assert right == 300 if known else right > 220


# -- brightness on one image ---------------------------------------------------------------------


@pytest.mark.parametrize("radius", [1.8, 2.5, 6.0])
def test_light_in_a_circle(radius: float) -> None:
    image = seen(along=0.217, across=-0.04, flux=2e-3)
    light = star_light(image, Circle(radius, (9.0, 15.0)))
    true = 2e-3 / (0.46 * 2.861e-7)
    assert light.value / enclosed_in_circle(radius, 9.0, 15.0) == pytest.approx(true, rel=0.01)
    assert 0 < light.error < 0.01 * light.value


@pytest.mark.parametrize("across", [0.0, 0.1, -0.2])
def test_light_behind_the_slit(across: float, pathloss: PathlossReference) -> None:
    image = seen("MIR_TACONFIRM", across=across, along=1.0, flux=2e-3, pattern="FASTR1")
    light = star_light(image)
    true = 2e-3 / (0.46 * 2.861e-7)
    assert light.value / true == pytest.approx(filter_transmission(1.0, across), rel=0.01)
    passed = transmission(light, FILTER, pathloss)
    assert passed.known
    assert passed.value == pytest.approx(filter_transmission(1.0, across), rel=0.01)
    assert "passes the slit" in passed.words
    bounded = transmission(light, FILTER, None)
    assert not bounded.known
    assert bounded.bounds == (0.5, 1.0)


def test_error_is_the_scatter() -> None:
    lights = [star_light(seen(flux=2e-5, seed=seed)) for seed in range(40)]
    scatter = np.std([light.value for light in lights], ddof=1)
    assert np.mean([light.error for light in lights]) == pytest.approx(scatter, rel=0.35)


def test_a_bad_pixel_is_filled_and_counts_as_uncertain() -> None:
    image = seen(flux=1e-3)
    whole = star_light(image)
    y, x = np.unravel_index(np.nanargmax(image.data), image.data.shape)
    usable = image.usable.copy()
    usable[y, x + 2] = False
    filled = star_light(replace(image, usable=usable))
    assert filled.value == pytest.approx(whole.value, rel=0.03)
    assert filled.error > whole.error
    assert "1 bad pixel of the aperture filled" in filled.notes[0]


def test_stars_that_cannot_be_measured() -> None:
    image = seen()
    y, x = np.unravel_index(np.nanargmax(image.data), image.data.shape)

    def with_star(away: int, share: float) -> TAImage:
        data = image.data.copy()
        star = image.data[y - 4 : y + 5, x - 4 : x + 5] - np.nanmedian(image.data)
        data[y - 4 : y + 5, x - 4 + away : x + 5 + away] += share * star
        return replace(image, data=data)

    with pytest.raises(LRSExplorerError, match=r"another star, \d+ % as bright, .* aperture"):
        star_light(with_star(8, 0.5))
    light = star_light(with_star(17, 0.5))
    assert "another star" in light.notes[0]
    assert light.value == pytest.approx(star_light(image).value, rel=0.01)

    saturated = image.saturated.copy()
    saturated[y, x] = True
    with pytest.raises(LRSExplorerError, match=r"MIR_TACQ_rate\.fits: the star is saturated"):
        star_light(replace(image, saturated=saturated))

    cut = replace(
        image,
        data=image.data[:, : x + 4],
        err=image.err[:, : x + 4],
        usable=image.usable[:, : x + 4],
        saturated=image.saturated[:, : x + 4],
    )
    with pytest.raises(LRSExplorerError, match="near the edge of the image"):
        star_light(cut)
    hidden = np.where(np.arange(image.data.shape[1]) > x + 3, np.nan, image.data)
    with pytest.raises(LRSExplorerError, match="near the edge of the field"):
        star_light(replace(image, data=hidden, usable=np.isfinite(hidden)))
    usable = image.usable.copy()
    usable[y - 1 : y + 2, x - 1 : x + 2] = False
    with pytest.raises(LRSExplorerError):
        star_light(replace(image, usable=usable))
    with pytest.raises(LRSExplorerError, match="no source is seen"):
        star_light(seen(flux=0.0))


# -- the finding ---------------------------------------------------------------------------------


def _changed(tmp_path: Path, scale: float, **cards: Any) -> Finding:
    """Diagnose the demo with another acquisition image."""
    demo = lrs.demo("slit")
    for path in (p for paths in demo.products.values() for p in paths):
        name = path.name.removesuffix(".gz")
        if "_02101_" not in name:
            (tmp_path / path.name).symlink_to(path)
            continue
        with fits.open(path) as hdus:
            hdus["SCI"].data *= scale
            hdus["ERR"].data *= scale
            hdus[0].header.update(cards)
            hdus["SCI"].header.update({k: v for k, v in cards.items() if k in hdus["SCI"].header})
            hdus.writeto(tmp_path / name)
    opened = lrs.open_observation(tmp_path)
    (found,) = (f for f in lrs.diagnose(opened) if f.issue == "MR-LRS06")
    return found


def test_finding_says_both(crds_cache: Path) -> None:
    (found,) = (f for f in lrs.diagnose(lrs.demo("slit")) if f.issue == "MR-LRS06")
    assert (found.status, found.verdict) == ("found", "corrected")
    assert "measured 7.9" in found.why
    assert "header says 8" in found.why
    numbers = {e.name: e.value for e in found.evidence}
    assert numbers["MIR_TACQ is too bright by"] == 8.0
    assert numbers["MIR_TACQ: measured by the star"] == pytest.approx(8.0, rel=0.02)
    assert numbers["MIR_TACQ: by the header"] == 8.0


def test_finding_of_a_file_that_was_divided_already(tmp_path: Path, crds_cache: Path) -> None:
    found = _changed(tmp_path, 1 / 8)
    assert found.status == "suspect"
    assert not found.corrected
    assert "header says 8" in found.why
    assert found.evidence[0].value == 1.0
    card = lrs.open_observation(tmp_path)
    from lrs_explorer.model.recipe.recipe import Nods
    from lrs_explorer.model.stages.stages import Stages

    images = Stages(card).score_card(Nods(exposure=1)).images
    assert [image.rate_factor for image in images] == [1.0, 1.0]
    assert "the star decides" in images[0].notes[0]


def test_finding_of_a_silent_header(tmp_path: Path, crds_cache: Path) -> None:
    found = _changed(tmp_path, 1.0, READPATT="FASTR1", TGROUP=2.775)
    assert (found.status, found.verdict) == ("found", "corrected")
    assert found.evidence[0].value == 8.0
    assert "header says 1 (FASTR1)" in found.why


def test_finding_that_nothing_can_measure(tmp_path: Path, crds_cache: Path) -> None:
    found = _changed(tmp_path, 1.0, FILTER="F1000W")
    assert (found.status, found.verdict) == ("found", "corrected")
    assert "another filter" in found.why
