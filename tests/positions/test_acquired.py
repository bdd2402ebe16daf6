"""Where all acquisition images together show the source, and what shows that acquisition failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lrs_explorer.model.data.instrument import REFERENCE_PIXELS
from lrs_explorer.model.slit.acquired import Acquired, acquired
from lrs_explorer.model.slit.frame import Pointing, SlitFrame, SlitPosition
from lrs_explorer.model.slit.ta_image import TAImage
from lrs_explorer.simulator.acquisition import ACQUISITIONS, FILTER, Acquisition, paint

TACQ, TACONFIRM = ACQUISITIONS
SHIFTS = {FILTER: (0.0, 0.0)}
ANGLE = 4.8


def _frame(pointing: Pointing, along: float = -0.94) -> SlitFrame:
    return SlitFrame(
        pointing=pointing,
        pixel_scale=0.1106,
        reference=REFERENCE_PIXELS["MIRIM_SLIT"],
        row=190.0,
        origin=22.0,
        step=9.0,
        nominal=SlitPosition(along, 0.0),
        header=None,
        extraction=13.5,
        pathloss=SlitPosition(along, 0.0),
        targ_centroid=None,
    )


def _pointed(star: tuple[float, float], place: SlitPosition) -> Pointing:
    """Return the pointing that puts a star at a place of the aperture."""
    towards = Pointing(star[0], star[1], 40.0, ANGLE, -1)
    ra, dec = towards.sky(SlitPosition(-place.along, -place.across))
    return replace(towards, ra_ref=ra, dec_ref=dec)


STAR = (150.0, 20.0)


def _image(
    taken: Acquisition,
    place: SlitPosition,
    *,
    flux: float = 1e-3,
    seed: int = 0,
    second: tuple[float, float, float] | None = None,
    **cards: object,
) -> TAImage:
    """Return an image of the star at a place, and of a second one with part of its light."""
    painted = paint(taken, flux, place.along, place.across, np.random.default_rng(seed))
    data = painted.rate / taken.frames
    if second is not None:
        part, along, across = second
        other = paint(
            taken,
            flux * part,
            place.along + along,
            place.across + across,
            np.random.default_rng(seed + 100),
        )
        data = data + other.rate / taken.frames
    pointing = _pointed(STAR, place)
    header = {
        "RA_REF": pointing.ra_ref,
        "DEC_REF": pointing.dec_ref,
        "ROLL_REF": pointing.roll_ref,
        "V3I_YANG": pointing.v3i_yang,
        "VPARITY": pointing.vparity,
    }
    return TAImage(
        data=data,
        err=painted.err / taken.frames,
        usable=np.isfinite(data),
        saturated=np.zeros(data.shape, dtype=bool),
        exp_type=taken.kind,
        filter=FILTER,
        readpatt=taken.readout,
        origin=(0, 0),
        reference=REFERENCE_PIXELS[taken.aperture],
        dither=SlitPosition(0.0, 0.0),
        path=Path(f"{taken.kind.lower()}_{seed}.fits"),
        header=header | cards,
    )


def _seen(
    before: SlitPosition, after: SlitPosition, *images: TAImage, nod: float = -0.94
) -> Acquired:
    """Return what images tell of an exposure with the star at ``after`` plus the nod."""
    science = _pointed(STAR, SlitPosition(after.along + nod, after.across))
    return acquired(images, _frame(science, nod), SHIFTS)


def test_the_telescope_has_moved_between_the_images() -> None:
    """The image before the move counts by its pointing, that through the slit by its dither."""
    before, after = SlitPosition(0.8, -0.6), SlitPosition(0.03, 0.08)
    images = _image(TACQ, before, seed=1), _image(TACONFIRM, after, seed=2)
    both = _seen(before, after, *images)
    assert len(both.used) == 2
    assert not both.failures
    assert not both.doubts
    assert both.position is not None
    assert both.position.along == pytest.approx(0.03 - 0.94, abs=4 * both.errors[0])
    assert both.position.across == pytest.approx(0.08, abs=4 * both.errors[1])
    alone = _seen(before, after, images[0])
    assert alone.position is not None
    assert alone.position.across == pytest.approx(0.08, abs=0.01)
    assert 0.02 < alone.errors[1] < 0.03
    assert both.errors[1] < alone.errors[1]


def test_the_stated_errors_hold() -> None:
    """Of 40 faint stars the places are within their covariance as often as they should be."""
    distances = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        before, after = (SlitPosition(*rng.uniform(-0.1, 0.1, 2)) for _ in range(2))
        images = [
            _image(TACQ, before, flux=4e-5, seed=3 * seed),
            _image(TACONFIRM, after, flux=4e-5, seed=3 * seed + 1),
        ]
        found = _seen(before, after, *images)
        assert found.position is not None
        off = np.array(
            [found.position.along - after.along + 0.94, found.position.across - after.across]
        )
        distances.append(off @ np.linalg.inv(found.covariance) @ off)
    inside = np.mean(np.array(distances) < 2.30)
    assert inside >= 0.6  # 68 % for normal errors; POINTING is an allowance, not in the simulation


def test_a_telescope_that_did_not_go_where_it_says() -> None:
    before, said, truly = SlitPosition(0.2, 0.1), SlitPosition(0.0, 0.0), SlitPosition(0.0, 0.19)
    science = _pointed(STAR, SlitPosition(said.along - 0.94, said.across))
    images = _image(TACQ, before, seed=4), _image(TACONFIRM, truly, seed=5)
    found = acquired(images, _frame(science), SHIFTS)
    assert found.used == (images[1].name,)
    assert found.position is not None
    assert found.position.across == pytest.approx(0.19, abs=0.02)
    assert "standard deviations from where mir_taconfirm_5.fits shows it" in found.doubts[0]


def test_outside_the_slit_is_a_failure() -> None:
    place = SlitPosition(0.0, -0.4)
    found = _seen(place, place, _image(TACQ, place, seed=6))
    assert found.failures[0].startswith("the source lies 0.4")
    assert "outside the slit" in found.failures[0]


def test_no_source_before_the_move_is_a_failure() -> None:
    place = SlitPosition(0.0, 0.0)
    empty = _image(TACQ, place, flux=0.0, seed=7)
    found = _seen(place, place, empty)
    assert found.position is None
    assert "the telescope cannot have found it there" in found.failures[0]


@pytest.mark.parametrize(("flux", "failed"), [(1e-3, True), (2e-6, False)])
def test_no_source_in_the_slit(flux: float, failed: bool) -> None:
    """A failure where the image before the move shows that it would be seen."""
    place = SlitPosition(0.0, 0.0)
    images = _image(TACQ, place, flux=flux, seed=8), _image(TACONFIRM, place, flux=0.0, seed=9)
    found = _seen(place, place, *images)
    assert bool(found.failures) is failed
    said = found.failures if failed else found.doubts
    assert any("no source is seen" in sentence for sentence in said)


def test_two_stars() -> None:
    """The one that the verification image shows counts, though it is the fainter."""
    before, after = SlitPosition(0.0, 0.0), SlitPosition(0.02, -0.05)
    double = _image(TACQ, before, seed=10, second=(1.6, 1.3, -0.9))
    found = _seen(before, after, double, _image(TACONFIRM, after, seed=11))
    assert len(found.used) == 2
    assert any("shows a second source of 59% of the light" in doubt for doubt in found.doubts)
    assert any(
        "the fainter of two sources is the one in the slit" in doubt for doubt in found.doubts
    )
    assert found.position is not None
    assert found.position.across == pytest.approx(-0.05, abs=0.02)


def test_a_faint_neighbour_is_not_mentioned() -> None:
    place = SlitPosition(0.0, 0.0)
    found = _seen(place, place, _image(TACQ, place, seed=12, second=(0.05, 1.3, -0.9)))
    assert not found.doubts


@pytest.mark.parametrize(
    ("cards", "why"),
    [
        ({"ENGQLPTG": "PLANNED"}, "the planned one and not measured"),
        ({"TARGTYPE": "MOVING"}, "the target moves"),
        ({"PCS_MODE": "COARSE"}, "not guiding finely"),
        ({"RA_REF": None}, "does not tell where the telescope pointed"),
    ],
)
def test_pointings_that_cannot_be_compared(cards: dict[str, object], why: str) -> None:
    place = SlitPosition(0.0, 0.05)
    before = _image(TACQ, place, seed=13, **cards)
    found = _seen(place, place, before, _image(TACONFIRM, place, seed=14))
    assert len(found.used) == 1
    assert any(why in doubt for doubt in found.doubts)
    alone = _seen(place, place, before)
    assert alone.position is None
    assert not alone.failures


def test_another_guide_star() -> None:
    place = SlitPosition(0.0, 0.05)
    science = replace(_pointed(STAR, SlitPosition(-0.94, 0.05)), guide_star="S1AB")
    image = _image(TACQ, place, seed=15, GDSTARID="S1CD")
    assert "guided on another star" in acquired([image], _frame(science), SHIFTS).doubts[0]


def test_an_unknown_shift_is_not_averaged_away() -> None:
    place = SlitPosition(0.0, 0.05)
    images = [_image(TACONFIRM, place, seed=seed) for seed in (16, 17, 18)]
    science = _pointed(STAR, SlitPosition(-0.94, 0.05))
    errors = [acquired(images, _frame(science), shifts).errors[1] for shifts in (SHIFTS, {})]
    assert errors[1] == pytest.approx(np.hypot(errors[0], 0.01), rel=0.05)


def test_saturated_and_blank() -> None:
    place = SlitPosition(0.0, 0.05)
    image = _image(TACQ, place, seed=19)
    row, column = np.unravel_index(int(np.nanargmax(image.data)), image.data.shape)
    saturated = image.saturated.copy()
    saturated[row, column] = True
    drowned = replace(image, saturated=saturated, usable=image.usable & ~saturated)
    blank = replace(
        _image(TACONFIRM, place, seed=20), blank=True, notes=("the slit region has no values",)
    )
    found = _seen(place, place, drowned, blank)
    assert found.used == (image.name,)
    assert not found.failures
    assert found.position is not None
    assert found.position.across == pytest.approx(0.05, abs=0.03)


def test_a_target_that_was_acquired_on_another_star() -> None:
    """The vector between both catalogue positions is added, and its doubt."""
    place, vector = SlitPosition(0.1, -0.05), SlitPosition(3.0, -12.0)
    science = _pointed(STAR, SlitPosition(place.along - 0.94, place.across))
    target = science.sky(SlitPosition(-0.94, 0.0))  # where the header has it, 0.1″ off
    acquired_on = science.sky(SlitPosition(-0.94 - vector.along, -vector.across))
    seen = science.sky(  # the star is off its catalogue position as the target is
        SlitPosition(place.along - 0.94 - vector.along, place.across - vector.across)
    )
    image = _image(TACQ, SlitPosition(0.2, 0.1), seed=21)
    pointing = _pointed(seen, SlitPosition(0.2, 0.1))
    cards = {
        "RA_REF": pointing.ra_ref,
        "DEC_REF": pointing.dec_ref,
        "TARG_RA": acquired_on[0],
        "TARG_DEC": acquired_on[1],
    }
    image = replace(image, header={**image.header, **cards})
    frame = replace(_frame(science), header=science.slit(*target))
    found = acquired([image], frame, SHIFTS)
    assert not found.failures
    assert "is of another target, 12.4″ away" in found.doubts[0]
    assert found.position is not None
    assert found.position.across == pytest.approx(-0.05, abs=0.01)
    assert found.position.along == pytest.approx(0.1 - 0.94, abs=0.01)
    assert found.errors[1] == pytest.approx(0.054, abs=0.005)
