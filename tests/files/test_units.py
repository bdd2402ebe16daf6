"""A spectrum tells its unit, also when photom has not been run: on the screen and in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS, column_units
from lrs_explorer.model.files.image_file import read_spectrum, write_spectrum
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment
from lrs_explorer.widgets.spectrum_view import SpectrumView

from .conftest import Edit

PHOTOMETRY = ("PHOTMJSR", "PHOTUJA2", "PIXAR_SR", "PIXAR_A2")


@pytest.fixture
def counts(s2d: Path, edit: Edit) -> Path:
    """Return an image of which photom was skipped."""

    def change(hdus: fits.HDUList) -> None:
        hdus["SCI"].header["BUNIT"] = "DN/s"
        for card in PHOTOMETRY:
            hdus["SCI"].header.remove(card, ignore_missing=True)

    return edit(s2d, {"S_PHOTOM": "SKIPPED"}, change=change)


def stored_units(path: Path) -> dict[str, str | None]:
    with fits.open(path) as hdus:
        return {column.name: column.unit for column in hdus["EXTRACT1D"].columns}


@pytest.mark.pipeline
def test_a_spectrum_in_counts_is_saved_as_the_step_saves_it(
    counts: Path, crds_cache: Path, tmp_path: Path
) -> None:
    live = lrs.extract(lrs.open_observation(counts))
    assert isinstance(live, lrs.Spectrum)
    assert live.unit == "DN/s"
    saved = write_spectrum(live, tmp_path / "mine_x1d.fits")
    environment = crds_environment(crds_cache)
    (step,) = run_pipeline("extract_1d", counts, tmp_path / "step", crds=environment).products
    assert stored_units(saved) == stored_units(step)
    assert stored_units(saved)["FLUX_VAR_FLAT"] == "DN^2 / s^2"
    for path in (saved, step):
        read = read_spectrum(path)
        assert read.unit == "DN/s"
        np.testing.assert_array_equal(read.flux, live.flux)
    table = Table.read(write_spectrum(live, tmp_path / "mine.ecsv"))
    assert table["FLUX"].unit == u.Unit("DN/s")
    assert table["FLUX_VAR_POISSON"].unit == u.Unit("DN2/s2")
    assert table["BACKGROUND"].unit == u.Unit("DN/s")
    assert live.to_specutils().flux.unit == u.Unit("DN/s")


def test_the_screen_tells_the_unit(counts: Path) -> None:
    live = lrs.extract(lrs.open_observation(counts))
    assert isinstance(live, lrs.Spectrum)
    view = SpectrumView()
    view.show_live(live)
    assert view.live_at(8.0)[2] == "DN/s"
    assert view.flux.figure.axes[1].label == "signal [DN/s]"
    assert "DN/s" in view.notes.value


@pytest.mark.parametrize(
    ("photom", "unit"), [("COMPLETE", "Jy"), ("SKIPPED", "DN/s"), (None, "Jy")]
)
def test_a_table_without_units_is_what_photom_made_it(
    x1d: Path, edit: Edit, photom: str | None, unit: str
) -> None:
    def change(hdus: fits.HDUList) -> None:
        for card in [card for card in hdus["EXTRACT1D"].header if card.startswith("TUNIT")]:
            hdus["EXTRACT1D"].header.remove(card)

    assert read_spectrum(edit(x1d, {"S_PHOTOM": photom}, change=change)).unit == unit


def test_flux_without_the_size_of_a_pixel_is_not_in_jansky(s2d: Path, edit: Edit) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["SCI"].header.remove("PIXAR_SR")

    live = lrs.extract(lrs.open_observation(edit(s2d, change=change)))
    assert isinstance(live, lrs.Spectrum)
    assert live.unit == "Jy/sr"
    assert live.table["FLUX_VAR_RNOISE"].unit == u.Unit("Jy2/sr2")
    assert live.table["SURF_BRIGHT"].unit == u.Unit("MJy/sr")
    assert "flux is in Jy/sr, not Jy" in " ".join(live.notes)


def test_units_of_calibrated_columns() -> None:
    assert column_units("Jy") == COLUMN_UNITS
