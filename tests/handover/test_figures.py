"""Figures for print: real files, read back, and the numbers in them."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.handover.contents import (
    ImageContent,
    LightCurvesContent,
    SpectrumContent,
    image_content,
    light_curves_content,
    spectrum_content,
)
from lrs_explorer.handover.figures import CURVES, MANY, drawn
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.extract import kept_stages

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


@pytest.fixture(scope="module")
def slit() -> lrs.Observation:
    return lrs.demo("slit")


@pytest.fixture(scope="module")
def slitless() -> lrs.Observation:
    return lrs.demo("slitless")


def on_trace(obs: lrs.Observation) -> lrs.Recipe:
    trace = lrs.find_trace(obs)
    assert trace is not None
    return lrs.Recipe.from_observation(obs).replace(aperture=lrs.Aperture(trace.center, 8.0))


def texts(svg: Path) -> list[str]:
    return [
        "".join(element.itertext()).strip()
        for element in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_the_spectrum_is_that_of_extract(slit: lrs.Observation, tmp_path: Path) -> None:
    recipe = on_trace(slit)
    lrs.figure(slit, recipe, path=tmp_path / "a.svg", unit="Jy", data=True)
    table = Table.read(tmp_path / "a.ecsv")
    own, delivered = (table[table["curve"] == name] for name in ("spectrum", "delivered"))
    expected, archive = lrs.extract(slit, recipe), lrs.extract(slit)
    assert isinstance(expected, lrs.Spectrum)
    assert isinstance(archive, lrs.Spectrum)  # the demo's x1d is the pipeline's own extraction
    for name in ("wavelength", "flux", "flux_error"):
        np.testing.assert_array_equal(own[name], getattr(expected, name))
    np.testing.assert_array_equal(delivered["flux"], archive.flux)
    assert str(table["flux"].unit) == "Jy"
    assert table.meta["recipe"] == json.loads(json.dumps(recipe.to_dict()))
    (spikes,) = (f for f in lrs.diagnose(slit, recipe) if f.issue == "spikes")
    assert own["spike"].sum() == {e.name: e.value for e in spikes.evidence}["spikes and divots"]
    told = texts(tmp_path / "a.svg")
    for text in ("Wavelength (µm)", "Flux density (Jy)", "extracted ± 1σ", "delivered"):
        assert text in told  # text stays text


@pytest.mark.parametrize(
    ("unit", "column", "factor"), [("mJy", "FLUX", 1e3), ("MJy/sr", "SURF_BRIGHT", 1)]
)
def test_units(slit: lrs.Observation, unit: str, column: str, factor: float) -> None:
    shown = spectrum_content(kept_stages(slit), on_trace(slit), unit=unit)
    expected = lrs.extract(slit, on_trace(slit))
    assert isinstance(expected, lrs.Spectrum)
    np.testing.assert_allclose(shown.curve.value, factor * expected.column(column), rtol=1e-12)
    (axes,) = drawn(shown, 3.5).axes
    assert axes.get_ylabel().endswith(f"({unit})")


def test_errors_are_those_that_the_recipe_asks_for(slit: lrs.Observation) -> None:
    recipe = on_trace(slit).replace(uncertainty=lrs.Uncertainty("bootstrap", draws=20))
    shown = spectrum_content(kept_stages(slit), recipe, unit="Jy")
    expected = lrs.extract(slit, recipe)
    np.testing.assert_array_equal(shown.curve.error, expected.flux_error)
    assert "bootstrap" in shown.caption
    assert any("errors by bootstrap" in note for note in shown.notes)


def test_a_systematic_error_is_drawn_where_the_spectrum_has_one(
    slit: lrs.Observation, tmp_path: Path
) -> None:
    recipe = on_trace(slit)
    found = lrs.sweep(slit, recipe, choices={"width": [7, 8, 9]})
    path = tmp_path / "a.svg"
    lrs.figure(slit, recipe, path=path, spectrum=found.spectrum, unit="Jy", data=True)
    assert "systematic error" in texts(path)
    table = Table.read(tmp_path / "a.ecsv")
    own = table[table["curve"] == "spectrum"]
    np.testing.assert_array_equal(own["systematic_low"], found.systematic.low)
    np.testing.assert_array_equal(own["systematic_high"], found.systematic.high)


def test_the_image_shows_where_the_spectrum_is_taken_from(
    slit: lrs.Observation, tmp_path: Path
) -> None:
    regions = ((2.0, 8.0), (25.0, 29.0))
    recipe = on_trace(slit).replace(background=lrs.Background(regions))
    lrs.figure(slit, recipe, "image", path=tmp_path / "a.svg", data=True)
    table = Table.read(tmp_path / "a.ecsv")
    assert recipe.aperture is not None
    assert np.allclose(table["aperture_lower"], recipe.aperture.lower)
    assert np.allclose(table["aperture_upper"], recipe.aperture.upper)
    assert set(table["background_2_upper"]) == {29.0}
    assert np.all(np.diff(table["wavelength"]) > 0)
    image = slit.image()
    row = image.row_at(8.0)
    assert row is not None
    drawn_row = table[np.argmin(abs(table["wavelength"] - image.row_wavelength[row]))]
    np.testing.assert_array_equal(drawn_row["signal"], image.data[row])
    told = texts(tmp_path / "a.svg")
    for text in ("aperture", "background", "trace", "Surface brightness (MJy/sr)"):
        assert text in told


def test_light_curves_are_those_of_the_spectra(slitless: lrs.Observation, tmp_path: Path) -> None:
    lrs.figure(slitless, None, "light_curves", path=tmp_path / "a.svg", bins=[(6, 8)], data=True)
    series = lrs.extract(slitless)
    assert isinstance(series, TimeSeries)
    table = Table.read(tmp_path / "a.ecsv")
    for low, high in ((5.0, 12.0), (6.0, 8.0)):
        rows = table[(table["wavelength_min"] == low) & (table["wavelength_max"] == high)]
        curve = series.light_curve((low, high))
        assert curve.flux_error is not None
        np.testing.assert_array_equal(rows["time"], curve.time)
        np.testing.assert_array_equal(rows["relative_flux"], curve.relative)
        np.testing.assert_allclose(
            rows["relative_flux_error"], curve.flux_error / np.median(curve.flux)
        )
    assert table.meta["time_scale"] == "BJD_TDB - 2400000.5"
    told = texts(tmp_path / "a.svg")
    assert f"Time since BJD_TDB {series.time[0] + 2400000.5:.5f} (h)" in told
    assert "5.00–12.00 µm, white light" in told
    (moved,) = (text for text in told if text.startswith("6.00–8.00 µm (−"))
    step = float(moved.partition("−")[2].rstrip(")"))
    extent = max(np.ptp(series.light_curve(limits).relative) for limits in ((5, 12), (6, 8)))
    assert step > extent  # none reaches into another


def test_each_integration_has_its_error_bar_until_there_are_too_many(
    slitless: lrs.Observation,
) -> None:
    shown = light_curves_content(kept_stages(slitless), lrs.Recipe.from_observation(slitless), ())
    series = shown.series
    (axes,) = drawn(shown, 3.5).axes
    (bars,) = axes.collections
    assert len(bars.get_paths()) == len(series)  # type: ignore[arg-type]
    times = MANY // len(series) + 1
    columns = {
        name: values if values.ndim == 1 else np.tile(values, (times, 1))
        for name, values in series.columns.items()
    }
    many = TimeSeries(columns, 60000.0 + np.arange(times * len(series)) / 1e3)
    long = LightCurvesContent(slitless, shown.recipe, {}, many, shown.bins, "made longer")
    (axes,) = drawn(long, 3.5).axes
    (bar,) = axes.collections
    assert len(bar.get_paths()) == 1  # type: ignore[arg-type]
    assert axes.get_xlabel() == "Time since MJD 60000.00000 (UTC) (h)"


def test_of_a_series_the_spectrum_is_the_median_in_time(slitless: lrs.Observation) -> None:
    shown = spectrum_content(
        kept_stages(slitless), lrs.Recipe.from_observation(slitless), unit="Jy"
    )
    series = lrs.extract(slitless)
    assert isinstance(series, TimeSeries)
    np.testing.assert_array_equal(shown.curve.value, series.median.flux)
    assert f"median of {len(series)} integrations" in shown.caption
    assert "of a single integration" in shown.caption
    image = image_content(kept_stages(slitless), shown.recipe)
    assert "typical image" in image.caption


def test_files_are_what_their_endings_say(slit: lrs.Observation, tmp_path: Path) -> None:
    for width, inches in (("column", 3.5), ("page", 7.1), (5.0, 5.0)):
        lrs.figure(slit, path=tmp_path / "a.png", width=width, overwrite=True)
        with Image.open(tmp_path / "a.png") as picture:
            assert picture.width == pytest.approx(300 * inches, abs=1)
            assert picture.info["Description"].startswith("SIM-DUSTY-STAR, MIRI LRS fixed slit")
    lrs.figure(slit, path=tmp_path / "a.PDF")
    content = (tmp_path / "a.PDF").read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/CIDFontType2" in content  # TrueType, which can be edited, not outlines (Type 3)
    assert b"/Type3" not in content


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
@pytest.mark.parametrize("kind", ["spectrum", "image"])
def test_the_same_figure_gives_the_same_bytes(
    slit: lrs.Observation, tmp_path: Path, ending: str, kind: str
) -> None:
    for name in "ab":
        lrs.figure(slit, None, kind, path=tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_the_user_s_settings_neither_change_nor_matter(
    slit: lrs.Observation, tmp_path: Path
) -> None:
    import matplotlib as mpl

    lrs.figure(slit, path=tmp_path / "a.svg")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        lrs.figure(slit, path=tmp_path / "b.svg")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_names_are_taken_as_they_are(tmp_path: Path) -> None:
    """Neither mathematics nor markup is read into what a header or a file name says."""
    name = "$\\frac{1$<script>&_x1d.fits"
    with fits.open(next(DEMO.glob("*00001*x1d.fits"))) as hdus:
        hdus[0].header["TARGNAME"] = "<script>$x^2$&"
        hdus.writeto(tmp_path / name)
    obs = lrs.open_observation(tmp_path / name)
    for ending in ("svg", "pdf", "png"):
        lrs.figure(obs, path=tmp_path / f"a.{ending}")
    root = ET.parse(tmp_path / "a.svg").getroot()
    (told,) = root.iter("{http://purl.org/dc/elements/1.1/}description")
    assert told.text is not None
    assert told.text.startswith("<script>$x^2$&, MIRI LRS fixed slit")
    assert name in told.text
    assert not [e for e in root.iter() if str(e.tag).rpartition("}")[2] == "script"]


def test_a_delivered_spectrum_without_an_image(tmp_path: Path) -> None:
    source = next(DEMO.glob("*00001*x1d.fits"))
    obs = lrs.open_observation(shutil.copy(source, tmp_path))
    shown = spectrum_content(kept_stages(obs), lrs.Recipe.from_observation(obs))
    assert isinstance(shown, SpectrumContent)
    assert shown.delivered is None
    assert shown.caption.startswith("SIM-DUSTY-STAR")
    assert f"delivered spectrum {source.name}" in shown.caption
    (axes,) = drawn(shown, 3.5).axes
    assert axes.get_title() == ""
    with pytest.raises(lrs.LRSExplorerError, match="no image to show"):
        lrs.figure(obs, None, "image")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "light_curves"}, "is no time series and has no light curves"),
        ({"kind": "pie"}, "choose one of spectrum, image, light_curves"),
        ({"unit": "erg"}, "unit must be one of mJy, Jy, MJy/sr"),
        ({"width": "huge"}, "column, page or 2 to 20 inches, not 'huge'"),
        ({"width": 90}, "column, page or 2 to 20 inches, not 90"),
        ({"path": "a.eps"}, "a figure's name ends in .pdf, .png, .svg"),
        ({"data": True}, "give path as well"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    slit: lrs.Observation, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=message):
        lrs.figure(slit, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [(8.0, 6.0), (6.0, 6.0), (6.0, float("nan"))])
def test_a_bin_has_two_ends(slitless: lrs.Observation, limits: tuple[float, float]) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="from a lower to a higher wavelength"):
        lrs.figure(slitless, None, "light_curves", bins=[limits])


@pytest.mark.parametrize("there", ["a.pdf", "a.ecsv"])
def test_no_file_is_replaced_unasked(slit: lrs.Observation, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(lrs.LRSExplorerError, match=f"{there} exists"):
        lrs.figure(slit, path=tmp_path / "a.pdf", data=True)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    lrs.figure(slit, path=tmp_path / "a.pdf", data=True, overwrite=True)
    assert (tmp_path / there).read_bytes() != b"mine"


def test_what_lacks_reference_files_is_written_only_if_asked(
    slit: lrs.Observation, tmp_path: Path
) -> None:
    recipe = lrs.Recipe.from_observation(slit)
    found = lrs.extract(slit, recipe)
    assert isinstance(found, lrs.Spectrum)
    lacking = lrs.Spectrum(found.columns, missing={"apcorr": "the server does not answer"})
    with pytest.raises(lrs.LRSExplorerError, match=r"the aperture correction \(apcorr\)"):
        lrs.figure(slit, recipe, path=tmp_path / "a.pdf", spectrum=lacking)
    lrs.figure(slit, recipe, path=tmp_path / "a.pdf", spectrum=lacking, without_references=True)
    assert (tmp_path / "a.pdf").stat().st_size > 0


def test_the_command_draws_what_python_draws(
    slit: lrs.Observation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.svg"
    command = ["figure", str(DEMO), "-o", str(output), "--on-trace", "--width", "8", "--numbers"]
    assert main(command) == 0
    assert capsys.readouterr().out.split() == [str(output), str(tmp_path / "a.ecsv")]
    lrs.figure(slit, on_trace(slit), path=tmp_path / "b.svg")
    assert output.read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert main(["figure", str(DEMO), "-o", str(tmp_path / "a.eps")]) == 2
    assert "ends in .pdf, .png, .svg" in capsys.readouterr().err


def test_curves_can_be_told_apart_in_grey() -> None:
    from matplotlib.colors import to_rgb

    weights = np.array([0.299, 0.587, 0.114])
    greys = [float(weights @ to_rgb(color)) for color in CURVES]
    assert max(greys) < 0.75  # all of them on white


def test_an_image_before_photom_says_so(slit: lrs.Observation) -> None:
    from dataclasses import replace

    shown = image_content(kept_stages(slit), lrs.Recipe.from_observation(slit))
    assert isinstance(shown, ImageContent)
    rate = replace(shown, image=replace(shown.image, unit="DN/s"))
    labels = [axes.get_ylabel() for axes in drawn(rate, 3.5).axes]
    assert labels == ["Cross-dispersion (px)", "Signal (DN/s)"]
