"""Issues planted one by one in the demo: each is found, and not before it was planted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.instrument import SOLUTIONS

Diagnose = Callable[..., dict[str, Finding]]
Profile = Callable[[float, int], np.ndarray]


def nothing(hdus: fits.HDUList, name: str) -> None:
    """Leave a product as it is."""


def test_as_it_is(diagnose_changed: Diagnose):
    found = diagnose_changed(nothing)
    assert found["MR-LRS01"].status == "found"  # what the demo is about
    for issue in ("wavelength", "background", "nods", "combined", "second_source", "slit_edge"):
        assert found[issue].status == "ok", found[issue].why
    for issue in ("MR-LRS02", "MR-LRS03", "saturation"):
        assert found[issue].status == "unknown"
        assert "_cal" in found[issue].why
    assert found["MR-LRS04"].status == "unknown"
    assert "no acquisition image tells" in found["MR-LRS04"].why
    assert found["acquisition"].status == "unknown"
    assert found["MR-LRS06"].status == "unknown"


def test_solution_of_the_other_mode(diagnose_changed: Diagnose):
    _, slit = np.array(SOLUTIONS["slit"]).T
    difference = (np.array(SOLUTIONS["slitless"]).T[1] - slit)[::-1]

    def change(hdus: fits.HDUList, name: str) -> None:
        if "WAVELENGTH" in hdus:
            data = hdus["WAVELENGTH"].data
            data += np.interp(data, slit[::-1], difference)

    found = diagnose_changed(change, ("s2d",))["wavelength"]
    assert found.status == "found"
    assert "slitless" in found.why


def test_products_from_before_a_fix(diagnose_changed: Diagnose):
    def change(hdus: fits.HDUList, name: str) -> None:
        hdus[0].header["CRDS_CTX"], hdus[0].header["CAL_VER"] = "jwst_1200.pmap", "1.13.4"

    found = diagnose_changed(change)["versions"]
    assert found.status == "found"
    assert found.evidence[0].value == 1
    assert "June 2025" in found.why


def test_wavelengths_from_before_october_2022(diagnose_changed: Diagnose):
    def change(hdus: fits.HDUList, name: str) -> None:
        hdus[0].header["DATE"] = "2022-07-15T00:00:00"

    found = diagnose_changed(change)["wavelength"]
    assert found.status == "found"
    assert "October 2022" in found.why


def test_background_that_nobody_subtracted(diagnose_changed: Diagnose):
    def change(hdus: fits.HDUList, name: str) -> None:
        hdus[0].header["S_BKDSUB"] = "SKIPPED"
        if "s2d" in name:
            hdus["SCI"].data += 60.0

    found = diagnose_changed(change)["background"]
    assert found.status == "found"
    assert found.evidence[3].value == pytest.approx(60.0, abs=4.0)


@pytest.mark.parametrize("share", [0.03, 0.2])
def test_second_source(diagnose_changed: Diagnose, column_profile: Profile, share: float):
    trace = lrs.find_trace(lrs.demo("slit"), lrs.Nods(exposure=1))
    assert trace is not None

    def change(hdus: fits.HDUList, name: str) -> None:
        if "00001" not in name or "s2d" not in name:
            return
        data = hdus["SCI"].data
        star = column_profile(trace.center, data.shape[1])
        height = np.nansum(data * star, axis=1) / (star**2).sum()
        data += share * height[:, None] * column_profile(trace.center - 8.0, data.shape[1])
        noise = hdus["VAR_POISSON"].data
        noise += share * np.nan_to_num(np.roll(noise, -8, axis=1))

    found = diagnose_changed(change)["second_source"]
    assert found.status == "found"
    assert found.evidence[1].value == pytest.approx(100 * share, rel=0.5)
    (place,) = found.figure.places
    assert place.pixel == pytest.approx(trace.center - 8.0, abs=1.0)


def test_nods_extracted_in_one_place(diagnose_changed: Diagnose):
    def change(hdus: fits.HDUList, name: str) -> None:
        if name.endswith("x1d.fits"):
            hdus["EXTRACT1D"].header["EXTRXSTR"] = 10.0
            hdus["EXTRACT1D"].header["EXTRXSTP"] = 17.0

    found = diagnose_changed(change)["nods"]
    assert found.status == "found"
    assert found.evidence[0].value == pytest.approx(17.0, abs=0.5)  # pixels between the nods
    assert found.remedy is not None
    assert found.remedy.aperture is not None


def test_combination_without_nods(diagnose_changed: Diagnose):
    nod = {}
    for number in (1, 2):
        nod[number] = lrs.demo("slit").image(lrs.Nods(exposure=number))

    def change(hdus: fits.HDUList, name: str) -> None:
        if "o001_t001" in name and "s2d" in name:
            # On top of each other: the traces of both nods cancel.
            rows = min(hdus["SCI"].data.shape[0], nod[1].shape[0])
            columns = min(hdus["SCI"].data.shape[1], nod[1].shape[1])
            for plane in ("SCI", "VAR_RNOISE", "VAR_POISSON"):
                attribute = {"SCI": "data"}.get(plane, plane.lower())
                mean = sum(getattr(image, attribute) for image in nod.values()) / 2
                hdus[plane].data[...] = np.nan
                hdus[plane].data[:rows, :columns] = mean[:rows, :columns]

    found = diagnose_changed(change, opened="o001")["combined"]
    assert found.status == "found"
    assert found.remedy is not None
    assert found.remedy.nods.exposure in (1, 2)


def test_source_at_the_slits_end(diagnose_changed: Diagnose):
    trace = lrs.find_trace(lrs.demo("slit"), lrs.Nods(exposure=1))
    assert trace is not None

    def change(hdus: fits.HDUList, name: str) -> None:
        if "s2d" in name and "00001" in name:
            shift = 3 - round(trace.center)
            for plane in ("SCI", "VAR_RNOISE", "VAR_POISSON"):
                data = np.roll(hdus[plane].data, shift, axis=1)
                data[:, :1] = np.nan
                hdus[plane].data[...] = data

    found = diagnose_changed(change)["slit_edge"]
    assert found.status in ("found", "suspect")
    assert found.evidence[1].value < 0.4


def test_saturated_and_rejected_pixels(diagnose_changed: Diagnose):
    """In one column of the trace: 10 saturated rows, and 4 rejected as jumps."""
    demo = lrs.demo("slit")
    cal = next(path for path in demo.products["cal"] if "00001" in path.name)
    with fits.open(cal) as hdus:
        data = np.where(np.isfinite(hdus["WAVELENGTH"].data), hdus["SCI"].data, np.nan)
    column = int(np.argmax(np.nan_to_num(data[300:320]).sum(axis=0)))

    def change(hdus: fits.HDUList, name: str) -> None:
        if "cal" not in name or "00001" not in name:
            return
        for rows, flag in ((slice(300, 310), "SATURATED"), (slice(330, 334), "JUMP_DET")):
            hdus["DQ"].data[rows, column] |= FLAGS[flag] | FLAGS["DO_NOT_USE"]
            hdus["SCI"].data[rows, column] = np.nan

    found = diagnose_changed(change, ("s2d", "x1d", "cal"))
    assert found["saturation"].status == "found"
    assert found["saturation"].evidence[0].value == 10
    assert found["MR-LRS03"].status == "found"
    assert found["MR-LRS03"].evidence[3].value >= 4
    planted = {(1, row, column) for row in range(330, 334)}
    assert planted <= set(found["MR-LRS03"].figure.pixels)
    assert found["MR-LRS03"].remedy is None  # there is no ramp
    assert "rejection_threshold" in found["MR-LRS03"].advice


def test_a_spike_and_a_missing_element(diagnose_changed: Diagnose):
    def change(hdus: fits.HDUList, name: str) -> None:
        table = hdus["EXTRACT1D"].data
        row = int(np.argmin(np.abs(table["WAVELENGTH"] - 9.0)))
        table["FLUX"][row] *= 1.5
        table["FLUX"][row + 30] = np.nan

    found = diagnose_changed(change, ("x1d",), opened="00002")
    assert found["spikes"].status == "found"
    assert any(low < 9.0 < high for low, high in found["spikes"].figure.wavelengths)
    assert found["MR-LRS01"].status == "unknown"


def cal_of_first_nod() -> np.ndarray:
    """Return the demo's first nod in detector pixels, NaN outside the slit."""
    demo = lrs.demo("slit")
    with fits.open(next(path for path in demo.products["cal"] if "00001" in path.name)) as hdus:
        return np.where(np.isfinite(hdus["WAVELENGTH"].data), hdus["SCI"].data, np.nan)


def test_a_dead_pixel_among_rejected_ones(diagnose_changed: Diagnose):
    """The profile beside a run of missing pixels is not told, but that is beyond doubt."""
    data = cal_of_first_nod()
    column = int(np.argmax(np.nan_to_num(data[300:320]).sum(axis=0)))

    def change(hdus: fits.HDUList, name: str) -> None:
        if "cal" in name and "00001" in name:
            hdus["DQ"].data[330:334, column] |= FLAGS["JUMP_DET"] | FLAGS["DO_NOT_USE"]
            hdus["SCI"].data[330:334, column] = np.nan
            hdus["SCI"].data[336, column + 1] *= 0.02

    found = diagnose_changed(change, ("s2d", "x1d", "cal"))["MR-LRS02"]
    assert found.status == "found"
    assert (1, 336, column + 1) in found.figure.pixels
    assert found.remedy is not None
    assert (1, 336, column + 1) in found.remedy.pixel_replace.flagged


def test_a_hot_pixel_at_the_slits_end(diagnose_changed: Diagnose):
    """What the slit's end makes of a profile is not told, but that is no profile."""
    ends = np.flatnonzero(np.isfinite(cal_of_first_nod()[330]))
    column = int(ends[1])

    def change(hdus: fits.HDUList, name: str) -> None:
        if "cal" in name and "00001" in name:
            hdus["SCI"].data[330, column] += 2000.0

    recipe = lrs.Recipe(nods=lrs.Nods(1), aperture=lrs.Aperture(4.0, 7.0))
    found = diagnose_changed(change, ("s2d", "x1d", "cal"), recipe=recipe)["MR-LRS02"]
    assert found.status == "found"
    assert (1, 330, column) in found.figure.pixels


def test_a_hot_pixel_that_spoils_the_replacement_of_another(diagnose_changed: Diagnose):
    """On the negative trace, far from the aperture, in the row of a flagged one."""
    data = cal_of_first_nod()[300:340]
    peak, negative = (int(pick(np.nansum(data, axis=0))) for pick in (np.argmax, np.argmin))

    def change(hdus: fits.HDUList, name: str) -> None:
        if "cal" in name and "00001" in name:
            hdus["DQ"].data[320, peak] |= FLAGS["DO_NOT_USE"]
            hdus["SCI"].data[320, peak] = np.nan
            for row in (320, 325):
                hdus["SCI"].data[row, negative] += 50 * np.nanmax(data)

    found = diagnose_changed(change, ("s2d", "x1d", "cal"))["MR-LRS02"]
    assert found.status == "found"
    assert (1, 320, negative) not in found.figure.pixels  # nothing is spoiled yet
    assert found.remedy is not None
    assert (1, 320, negative) in found.remedy.pixel_replace.flagged
    assert (1, 325, negative) not in found.remedy.pixel_replace.flagged
