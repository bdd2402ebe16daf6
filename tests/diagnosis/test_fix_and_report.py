"""Remedies in one recipe, findings as text and JSON, gains."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.diagnosis.report import Findings, groups, table
from lrs_explorer.diagnosis.words import spans
from lrs_explorer.model.data.products import Spectrum

RECIPE = lrs.Recipe(pixel_replace=lrs.PixelReplace("off", 3, ((1, 5, 5),)))
REMEDIES = {
    "MR-LRS01": RECIPE.replace(aperture=lrs.Aperture(20.0, 8.0)),
    "MR-LRS02": RECIPE.replace(
        pixel_replace=lrs.PixelReplace("fit_profile", 3, ((1, 5, 5), (1, 7, 8)))
    ),
    "MR-LRS03": RECIPE.replace(jump=lrs.Jump(8.0)),
    "MR-LRS04": RECIPE.replace(pathloss=lrs.Pathloss("offset", 0.12)),
    "nods": RECIPE.replace(aperture=lrs.Aperture(30.0, 8.0)),
    "other pixels": RECIPE.replace(
        pixel_replace=lrs.PixelReplace("off", 3, ((1, 5, 5), (2, 9, 9)))
    ),
}


def finding(issue: str, status: str = "found") -> Finding:
    return Finding(
        issue,
        "Title",
        status,  # type: ignore[arg-type]
        "Why.",
        (Evidence("size", 8.0, "pixels", 2.0), Evidence("other", float("nan"))),
        Figure(((5.0, 5.5),), ((1, 2, 3),)),
        REMEDIES.get(issue),
        "Advice.",
    )


def test_all_remedies_in_any_order():
    findings = [finding(issue) for issue in REMEDIES]
    made = {lrs.fix(RECIPE, order) for order in itertools.permutations(findings)}
    (recipe,) = made
    assert recipe.aperture == lrs.Aperture(20.0, 8.0)  # MR-LRS01 before nods
    assert recipe.pixel_replace.algorithm == "fit_profile"
    assert recipe.pixel_replace.flagged == ((1, 5, 5), (1, 7, 8), (2, 9, 9))
    assert recipe.jump.rejection_threshold == 8
    assert recipe.pathloss.user_slit_loc == 0.12


def test_what_is_only_suspect_is_left_alone():
    assert lrs.fix(RECIPE, [finding("MR-LRS01", "suspect"), finding("MR-LRS03", "ok")]) == RECIPE
    assert lrs.fix(RECIPE, [finding("versions")]) == RECIPE


def test_strength_is_the_decisive_number_over_its_threshold():
    assert finding("MR-LRS01").strength == 4.0
    assert np.isnan(Finding("x", "X", "ok", "Why.").strength)


def test_json_has_no_nan():
    entry = json.loads(json.dumps(finding("MR-LRS01").to_dict(), allow_nan=False))
    assert entry["evidence"][1]["value"] is None
    assert lrs.Recipe.from_dict(entry["remedy"]) == REMEDIES["MR-LRS01"]


def test_text_tells_the_urgent_first():
    lines = table([finding("range", "ok"), finding("MR-LRS03"), finding("x", "unknown")])
    assert [line.split()[0] for line in lines.splitlines()] == ["problem", "undetermined", "OK"]
    assert "Advice." in lines.splitlines()[0]
    assert "Advice." not in lines.splitlines()[2]


def test_what_one_product_leaves_unknown_is_one_sentence():
    lacking = "there is no image."
    findings = Findings(
        [
            Finding("range", "Outside the range", "ok", lacking),
            Finding("MR-LRS01", "Wrong place", "unknown", lacking),
            Finding("spikes", "Spikes", "unknown", "there is no spectrum."),
            Finding("wavelength", "Wavelengths", "unknown", lacking),
        ]
    )
    assert [len(group) for group in groups(findings)] == [2, 1, 1]
    assert repr(findings) == str(findings) == table(findings)
    assert " ".join(table(findings).split()) == (
        "undetermined 2 issues Aperture position (MR-LRS01), Wavelength solution: "
        "there is no image. "
        "undetermined spikes Spikes and divots: there is no spectrum. "
        "OK range Wavelength range: there is no image."
    )


@pytest.mark.parametrize(("mode", "kind"), [("slit", "rate"), ("slitless", "x1dints")])
def test_no_sentence_is_printed_twice_of_an_observation_without_images(
    tmp_path: Path, mode: str, kind: str
):
    for path in lrs.demo(mode).products[kind]:
        shutil.copy(path, tmp_path)
    findings = lrs.diagnose(lrs.open_observation(tmp_path))
    unknown = [finding.why for finding in findings if finding.status == "unknown"]
    assert len(set(unknown)) < len(unknown), "as many as there are issues"
    printed = " ".join(str(findings).split())
    for why in set(unknown):
        assert printed.count(why) == 1


def test_spans_in_falling_wavelengths():
    wavelength = np.array([9.0, 8.0, 7.0, 6.0, 5.0])
    chosen = np.array([False, True, True, False, True])
    assert spans(wavelength, chosen) == ((4.5, 5.5), (6.5, 8.5))
    assert spans(wavelength, np.zeros(5, bool)) == ()


def spectrum_of(flux: np.ndarray) -> Spectrum:
    wavelength = np.linspace(12.0, 5.0, len(flux))
    return Spectrum(
        {"WAVELENGTH": wavelength, "FLUX": flux, "FLUX_ERROR": np.full(len(flux), 0.01)}
    )


def test_gain_of_a_removed_spike():
    random = np.random.default_rng(2)
    clean = 1.0 + 0.01 * random.standard_normal(300)
    spiked = clean.copy()
    spiked[150] += 0.5
    gain = lrs.gained(finding("MR-LRS02"), spectrum_of(0.5 * spiked), spectrum_of(clean))
    values = {e.name: e.value for e in gain.evidence}
    assert values["median change of the flux"] == pytest.approx(100, abs=1)
    assert (values["spikes before"], values["spikes after"]) == (1, 0)
    assert isinstance(gain.ratio, FindingCurve)
    assert "+100.0 % (median at 5–12 µm), most at " in gain.sentence
    assert "1 before, 0 after" in gain.sentence
    with pytest.raises(lrs.LRSExplorerError, match="no element in common"):
        lrs.gained(finding("x"), spectrum_of(np.full(9, np.nan)), spectrum_of(np.ones(9)))
