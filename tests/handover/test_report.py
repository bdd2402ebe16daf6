"""The report: written, opened, read; and what anybody may have put into headers and names."""

from __future__ import annotations

import base64
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from playwright.sync_api import Browser

import lrs_explorer as lrs
from lrs_explorer.cli import main

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


class Page(HTMLParser):
    """What a browser makes of a page: its elements, and its text by element."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def on_trace(obs: lrs.Observation) -> lrs.Recipe:
    trace = lrs.find_trace(obs)
    assert trace is not None
    return lrs.Recipe.from_observation(obs).replace(aperture=lrs.Aperture(trace.center, 8.0))


@pytest.fixture(scope="module")
def slit() -> lrs.Observation:
    return lrs.demo("slit")


@pytest.fixture(scope="module")
def written(slit: lrs.Observation, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert lrs.report(slit, on_trace(slit), path=path, catalogue="F770W = 2.6 mJy ± 0.1") == path
    return Page(path)


def test_it_tells_what_python_tells(slit: lrs.Observation, written: Page) -> None:
    recipe = on_trace(slit)
    left = [finding for finding in lrs.diagnose(slit, recipe) if finding.status != "ok"]
    for finding in (*lrs.diagnose(slit), *left):
        assert finding.why[1:] in written.text
    archive, mine = lrs.extract(slit), lrs.extract(slit, recipe)
    assert isinstance(archive, lrs.Spectrum)
    assert isinstance(mine, lrs.Spectrum)
    (finding,) = (f for f in lrs.diagnose(slit) if f.issue == "MR-LRS01")
    assert lrs.gained(finding, archive, mine).sentence in written.text
    for line in lrs.photometry(slit, recipe, "F770W = 2.6 mJy ± 0.1").comparisons:
        assert line.why in written.text
    for path in slit.products["s2d"]:
        assert path.name in written.text
    assert "10.22 to 18.22 px" in written.text
    assert '"center": 18.33' in written.text
    assert f"jwst {__import__('jwst').__version__}" in written.text


def test_the_change_in_each_micron_is_that_of_the_spectra(
    slit: lrs.Observation, written: Page
) -> None:
    archive, mine = lrs.extract(slit), lrs.extract(slit, on_trace(slit))
    assert isinstance(archive, lrs.Spectrum)
    assert isinstance(mine, lrs.Spectrum)
    np.testing.assert_array_equal(archive.wavelength, mine.wavelength)
    inside = (mine.wavelength >= 9) & (mine.wavelength < 10)
    ratio = (mine.flux / archive.flux)[inside]
    error = np.median(mine.flux_error[inside] / mine.flux[inside])
    cells = [" ".join(text.split()) for text in written.texts if text.strip()]
    row = cells[cells.index("9–10") : cells.index("9–10") + 6]
    assert row[1:3] == [str(inside.sum()), f"{100 * (np.median(ratio) - 1):+.2f}"]
    assert float(row[5]) == pytest.approx(100 * error, abs=0.006)


def test_it_stands_alone_and_can_be_read_aloud(written: Page) -> None:
    assert not {tag for tag, _ in written.elements} & {"script", "link", "iframe", "object"}
    for _, attributes in written.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:image/svg+xml;base64,"))
    anchors = {a["href"] for a in written.all("a")}
    assert anchors == {f"#{section['id']}" for section in written.all("section") if "id" in section}
    pictures = written.all("img")
    assert len(pictures) >= 8
    for picture in pictures:
        assert len(picture["alt"] or "") > 20
        assert picture["src"] is not None
        drawing = base64.b64decode(picture["src"].partition(",")[2])
        assert ET.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    assert len(written.all("caption")) == len(written.all("table"))
    assert all(cell.get("scope") in ("col", "row") for cell in written.all("th"))
    assert written.all("html") == [{"lang": "en"}]


def test_a_browser_shows_all_of_it_on_paper_too(
    browser: Browser, slit: lrs.Observation, tmp_path: Path
) -> None:
    path = lrs.report(slit, path=tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 640, "height": 900})  # A4 between its margins
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for medium in ("print", "screen"):
        page.emulate_media(media=medium)
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        assert page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
    page.close()
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert said == []


def test_what_anybody_wrote_is_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=a()>"
    name = "<script>$&'\"\udcff_x1d.fits"
    with fits.open(next(DEMO.glob("*00001*x1d.fits"))) as hdus:
        for card in ("TARGNAME", "TARGPROP", "CAL_VER", "CRDS_CTX", "R_PHOTOM", "READPATT"):
            hdus[0].header.remove(card, ignore_missing=True)  # with its comment
            hdus[0].header[card] = hostile
        hdus.writeto(tmp_path / "plain.fits")
    (tmp_path / "plain.fits").rename(tmp_path / name)
    obs = lrs.open_observation(tmp_path / name)
    assert obs.target == hostile
    page = Page(lrs.report(obs, path=tmp_path / "report.html"))
    assert page.text.count(hostile) >= 4
    assert "<script>$&'\"�_x1d.fits" in page.text
    assert not page.all("script")
    assert all("onerror" not in attributes for attributes in page.all("img"))
    shell = next(text for text in page.texts if "lrs-explorer reprocess" in text)
    assert "reprocess '<script>$&'\"'\"'\"" in shell  # what a shell takes for one word


def test_without_changes_it_says_so(tmp_path: Path) -> None:
    source = next(DEMO.glob("*00001*x1d.fits"))
    obs = lrs.open_observation(shutil.copy(source, tmp_path))
    page = Page(lrs.report(obs, path=tmp_path / "report.html"))
    assert "Nothing: the recipe is what the pipeline does by default." in page.text
    assert "Not known: there is no acquisition image here" in page.text
    assert f"delivered spectrum {source.name}" in page.text


def test_of_a_time_series(tmp_path: Path) -> None:
    obs = lrs.demo("slitless")
    recipe = on_trace(obs)
    page = Page(lrs.report(obs, recipe, path=tmp_path / "report.html"))
    series = lrs.extract(obs, recipe)
    assert isinstance(series, lrs.TimeSeries)
    curve = series.light_curve()
    cells = [text.strip() for text in page.texts if text.strip()]
    at = cells.index("5.00–12.00 µm")
    assert cells[at + 1] == f"{1e6 * curve.scatter.point_to_point:.0f}"
    assert cells[at + 2] == f"{1e6 * curve.expected_scatter:.0f}"
    assert "Scatter in time over the quoted error" in page.text
    assert "median of 30 integrations" in page.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "report.pdf"}, r"report.pdf must end in .html"),
        ({"path": "a.html", "catalogue": "bright"}, "bright"),
    ],
)
def test_bad_input_is_said_before_the_work(
    slit: lrs.Observation, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=message):
        lrs.report(slit, **arguments)  # type: ignore[arg-type]


def test_no_report_is_replaced_unasked(slit: lrs.Observation, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(lrs.LRSExplorerError, match=r"report.html exists"):
        lrs.report(slit, path=path)
    assert path.read_text() == "mine"


def test_a_recipe_that_the_pipeline_has_not_run_is_refused(
    slit: lrs.Observation, tmp_path: Path, empty_cache: Path
) -> None:
    recipe = lrs.Recipe.from_observation(slit).replace(pixel_replace=lrs.PixelReplace("mingrad"))
    with pytest.raises(lrs.LRSExplorerError, match=r"run the pipeline with lrs.reprocess"):
        lrs.report(lrs.demo("slit"), recipe, path=tmp_path / "report.html")
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.pipeline
def test_the_command_has_the_pipeline_make_what_a_recipe_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.html"
    command = ["report", str(DEMO), "-o", str(output), "--on-trace"]
    assert main([*command, "--pixel-replace", "fit_profile"]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    page = Page(output)
    assert "pixel_replace fit_profile, 0 pixels flagged by hand" in page.text
    assert "Images: made with this recipe." in page.text
    assert main(command) == 2
    assert "report.html exists" in capsys.readouterr().err
