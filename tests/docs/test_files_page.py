"""docs/files.md has the columns and units of the files that are really written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.batch.applied import Applied
from lrs_explorer.batch.summary import TABLE, write_summary
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.series.spectrum_file import write_series

PAGE = Path(__file__).parents[2] / "docs" / "files.md"

Columns = list[tuple[str, str]]


def told(after: str) -> Columns:
    """Return names and units in the first table of the page after some words."""
    assert PAGE.read_text().count(after) == 1
    text = PAGE.read_text().partition(after)[2].partition("|---|---|---|\n")[2]
    rows = re.match(r"(?:\|.*\n)+", text)
    assert rows
    return [(row.split("|")[1].strip(), row.split("|")[2].strip()) for row in rows[0].splitlines()]


def columns(path: Path) -> Columns:
    table = Table.read(path)
    return [(name, str(table[name].unit or "")) for name in table.colnames]


@pytest.fixture(scope="module")
def swept() -> lrs.Sweep:
    """Return the demo's spectrum with errors by bootstrap and a systematic error."""
    obs = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(obs).replace(
        aperture=lrs.Aperture(18.33, 8.0), uncertainty=lrs.Uncertainty("bootstrap", draws=20)
    )
    return lrs.sweep(obs, recipe, choices={"center": (18.2, 18.4), "width": (7, 8)})


def test_a_spectrum(swept: lrs.Sweep, tmp_path: Path) -> None:
    with fits.open(swept.write(tmp_path / "a_x1d.fits")) as hdus:
        assert [hdu.name for hdu in hdus] == [
            "PRIMARY", "EXTRACT1D", "ASDF", "COVARIANCE", "SYSTEMATIC", "SYSTEMATIC_BINS",
        ]  # fmt: skip
        for name in ("EXTRACT1D", "SYSTEMATIC", "SYSTEMATIC_BINS"):
            written = [(column.name, column.unit or "") for column in hdus[name].columns]
            assert told(f"**{name}**") == written
        text = PAGE.read_text()
        assert all(card in text for card in hdus[0].header if card.startswith("LRSXV"))
        assert {"RHO1", "BUNIT"} <= set(hdus["COVARIANCE"].header)
        for card in ("NVARIANT", "NFAILED", "LOWPCT", "HIGHPCT", "CHOICE1", "VALUES1"):
            assert card in text
            assert card in hdus["SYSTEMATIC"].header


def test_a_spectrum_as_a_table(swept: lrs.Sweep, tmp_path: Path) -> None:
    written = [name for name, _ in columns(swept.write(tmp_path / "a.ecsv"))]
    systematic = [f"SYSTEMATIC_{name}" for name, _ in told("**SYSTEMATIC**")[1:]]
    assert written == [*COLUMN_UNITS, *systematic]


def test_the_numbers_of_figures(swept: lrs.Sweep, tmp_path: Path) -> None:
    slit, series = lrs.demo("slit"), lrs.demo("slitless")
    kinds = {
        "spectrum": "Spectrum (`curve`",
        "image": "Image, a row",
        "light_curves": "Light curves, one",
    }
    for kind, words in kinds.items():
        obs = series if kind == "light_curves" else slit
        recipe = None if obs is series else swept.recipe
        spectrum = swept.spectrum if kind == "spectrum" else None
        lrs.figure(obs, recipe, kind, path=tmp_path / f"{kind}.svg", data=True, spectrum=spectrum)
        assert columns(tmp_path / f"{kind}.ecsv") == told(words)


def test_spectra_of_a_series_and_a_light_curve(tmp_path: Path) -> None:
    series = lrs.demo("slitless").delivered_series()  # type: ignore[attr-defined]
    series.light_curve().table.write(tmp_path / "light.ecsv")
    assert columns(tmp_path / "light.ecsv") == told("## Light curves")
    written = columns(write_series(series, tmp_path / "spectra.ecsv"))
    first = told("## Spectra of a time series")[:2]
    assert written[:2] == first
    assert [name for name, _ in written[2:]] == list(COLUMN_UNITS)


def test_the_table_of_many(tmp_path: Path) -> None:
    write_summary([Applied(Path("a"), "failed", error="why")], tmp_path)
    assert columns(tmp_path / TABLE) == told("## Applied to many")
