"""The package of a paper: it holds what it says, opens again to the same, and does no harm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from test_exported import RUNNER, assert_same

import lrs_explorer as lrs
from lrs_explorer import LRSExplorerError
from lrs_explorer.cli import main
from lrs_explorer.handover.packaging import mast_identifier
from lrs_explorer.model.files.package_file import FORMAT, KEY, read_package, write_package
from lrs_explorer.model.references.crds_settings import crds_settings

DATA = Path(lrs.__file__).parent / "data"
SPECTRUM = "jw90010001001_03102_00001_mirimage_x1d.fits"


@dataclass(frozen=True)
class Made:
    """A package, what it was made of, and its files unpacked."""

    observation: lrs.Observation
    recipe: lrs.Recipe
    packed: lrs.Packaged
    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Return a function that returns the package of a demo."""
    found: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name in found:
            return found[name]
        observation = lrs.demo(name)
        recipe: lrs.Recipe | lrs.Rules = lrs.Recipe.from_observation(observation)
        sweep = None
        if name == "slit":
            errors = lrs.Uncertainty("bootstrap", 20, 3)
            recipe = lrs.Rules(recipe.replace(uncertainty=errors), center="trace", width=8.0)
            settled = lrs.settle(observation, recipe).recipe
            sweep = lrs.sweep(observation, settled, choices={"width": [7, 8, 9]})
        folder = tmp_path_factory.mktemp("package")
        packed = lrs.package(observation, recipe, folder / f"{name}.zip", sweep=sweep)
        with zipfile.ZipFile(packed.path) as archive:
            archive.extractall(folder / "unpacked")
        settled = lrs.settle(observation, recipe).recipe
        found[name] = Made(observation, settled, packed, folder / "unpacked")
        return found[name]

    return make


def refused(path: Path, **how: Any) -> str:
    with pytest.raises(LRSExplorerError) as error:
        lrs.open_observation(path, **how)
    return str(error.value)


# -- what is in it ---------------------------------------------------------------------------------


@pytest.mark.pipeline
@pytest.mark.parametrize("name", ["slit", "slitless"])
def test_it_opens_again_to_the_same_spectrum(made: Callable[[str], Made], name: str) -> None:
    one = made(name)
    again = lrs.open_observation(one.packed.path, data=one.observation.folder)
    assert again.recipe == one.recipe
    assert again.name == one.observation.name
    assert {p.path.name for p in again.files} == {p.path.name for p in one.observation.files}
    assert again.truth is not None
    before, after = (lrs.extract(o, one.recipe) for o in (one.observation, again))
    for column, values in before.columns.items():
        assert values.tobytes() == after.columns[column].tobytes(), column


@pytest.mark.pipeline
@pytest.mark.parametrize("name", ["slit", "slitless"])
def test_without_inputs_the_spectrum_opens_alone(made: Callable[[str], Made], name: str) -> None:
    one = made(name)
    alone = lrs.open_observation(one.packed.path)
    assert not alone.has_images
    assert alone.recipe == one.recipe
    assert f"{name}.zip opens as a spectrum alone: " in alone.notes[0]
    assert "its identifier at MAST is not known" in alone.notes[0]
    assert stat.S_IMODE(alone.folder.parent.parent.stat().st_mode) == 0o700
    expected = lrs.extract(one.observation, one.recipe)
    if name == "slit":
        found = alone.delivered()
        np.testing.assert_array_equal(found.flux, expected.flux)
        np.testing.assert_array_equal(found.flux_error, expected.flux_error)
        np.testing.assert_allclose(found.covariance, expected.covariance)
        assert found.systematic.variants == 3
    else:
        np.testing.assert_array_equal(alone.delivered_series().flux, expected.flux)


@pytest.mark.pipeline
@pytest.mark.parametrize("name", ["slit", "slitless"])
def test_the_readme_names_each_file_hdu_column_and_unit(
    made: Callable[[str], Made], name: str
) -> None:
    one = made(name)
    readme = (one.folder / "README.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in readme.splitlines()]
    files = {p.relative_to(one.folder).as_posix() for p in one.folder.rglob("*") if p.is_file()}
    assert files == {*one.packed.files}
    assert files <= {row[0] for row in cells if row}
    for path in one.folder.rglob("*.fits"):
        part = readme.partition(f"### {path.relative_to(one.folder).as_posix()}\n")[2]
        part = part.partition("\n### ")[0].partition("\n## ")[0]
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines()]
        with fits.open(path) as hdus:
            for number, hdu in enumerate(hdus):
                assert any(row[:2] == [str(number), hdu.name] for row in rows)
                for column in getattr(hdu, "columns", ()):
                    row = [f"{number} {hdu.name}", column.name, column.format, column.unit or "–"]
                    (found,) = (told for told in rows if told[:4] == row)
                    assert found[4] not in ("", "–"), column.name
    for path in one.folder.rglob("*.ecsv"):
        table = Table.read(path)
        part = readme.partition(f"### {path.relative_to(one.folder).as_posix()}\n")[2]
        for column in table.colnames:
            unit = table[column].unit
            (row,) = (
                line for line in part.partition("\n##")[0].splitlines() if f"| {column} |" in line
            )
            assert f"| {unit.to_string() if unit else '–'} |" in row
            assert not row.endswith("| – |")


@pytest.mark.pipeline
def test_what_a_package_holds(made: Callable[[str], Made]) -> None:
    one = made("slit")
    names = {
        name.replace("jw90010001001_03102_00001_mirimage", "ROOT") for name in one.packed.files
    }
    assert names >= {
        "README.md", "CITATION.md", "CITATION.cff", "manifest.json", "recipe.json", "rules.json",
        "report.html", "pipeline/ROOT_pipeline.py", "pipeline/ROOT_pipeline.sh",
        "pipeline/ROOT_extract1d.json", "pipeline/ROOT_pars-extract1dstep.asdf",
        "spectra/ROOT_x1d.fits", "spectra/ROOT_x1d.ecsv", "spectra/ROOT_explorer_x1d.fits",
        "figures/spectrum.pdf", "figures/spectrum.png", "figures/spectrum.ecsv",
        "figures/image.pdf", "figures/image.png", "figures/image.ecsv",
    }  # fmt: skip
    assert "figures/light_curves.pdf" in made("slitless").packed.files
    assert lrs.Recipe.from_json(one.folder / "recipe.json") == one.recipe
    assert lrs.Rules.from_json(one.folder / "rules.json").width == 8.0
    table = Table.read(one.folder / "figures" / "spectrum.ecsv")
    assert "systematic_low" in table.colnames
    manifest = one.manifest
    for told in manifest["files"]:
        content = (one.folder / told["name"]).read_bytes()
        assert told["bytes"] == len(content)
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
    inputs = {told["name"]: told for told in manifest["inputs"]}
    for name, told in inputs.items():
        content = (one.observation.folder / name).read_bytes()
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert told["mast"] is None  # simulated
    assert [name for name, told in inputs.items() if told["needed"]] == [
        "jw90010001001_03102_00001_mirimage_s2d.fits"
    ]
    references = {told["name"]: told["type"] for told in manifest["crds"]["references"]}
    assert references["jwst_miri_photom_0001.fits"] == "photom"
    assert references["jwst_miri_extract1d_0001.json"] == "extract1d"
    assert references["jwst_miri_apcorr_0001.fits"] == "apcorr"
    assert not any("N/A" in name or name == "A" for name in references)
    assert manifest["crds"]["context"] == "jwst_0001.pmap"
    assert manifest["versions"]["jwst"]
    assert "simulated" in (one.folder / "CITATION.md").read_text()
    for path in one.folder.rglob("*"):
        if path.suffix in (".json", ".md", ".py", ".sh", ".html", ".ecsv"):
            text = path.read_text()
            assert str(one.observation.folder) not in text, path
            assert str(one.packed.path.parent) not in text, path


@pytest.mark.pipeline
def test_the_script_in_it_gives_its_spectrum(made: Callable[[str], Made], tmp_path: Path) -> None:
    one = made("slit")
    (script,) = (one.folder / "pipeline").glob("*.py")
    job = ["it", str(script), str(one.observation.folder), str(tmp_path / "theirs")]
    run = subprocess.run(
        [sys.executable, "-P", "-c", f"JOBS, PARS = {[job]!r}, []\n{RUNNER}"],
        env={**os.environ, **crds_settings(one.observation)[0]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.endswith("SAID{}\n")
    assert_same(one.folder / "spectra" / SPECTRUM, tmp_path / "theirs" / SPECTRUM)


@pytest.mark.pipeline
def test_a_sweep_of_another_recipe_is_refused(made: Callable[[str], Made], tmp_path: Path) -> None:
    one = made("slit")
    sweep = lrs.sweep(one.observation, one.recipe, choices={"width": [7, 9]})
    other = one.recipe.replace(aperture=lrs.Aperture(17.0, 6.0))
    with pytest.raises(LRSExplorerError, match="vary choices again"):
        lrs.package(one.observation, other, tmp_path / "a.zip", sweep=sweep)
    assert not list(tmp_path.iterdir())


def test_spectra_alone_are_packed_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spectra = tmp_path / "spectra"
    spectra.mkdir()
    shutil.copy(DATA / "demo_slit" / SPECTRUM, spectra)
    path = tmp_path / "paper.zip"
    command = ["export", str(spectra), "--package", "-o", str(path)]
    assert main(command) == 0
    told = capsys.readouterr()
    assert told.out == f"{path}\n"
    assert "no image to extract from: the package holds the delivered spectrum" in told.err
    packed = read_package(path)
    assert packed.content["recipe"] is None
    assert {name.partition("/")[0] for name in packed.files} == {
        "CITATION.cff", "CITATION.md", "README.md", "figures", "report.html", "spectra",
    }  # fmt: skip
    again = lrs.open_observation(path)
    assert again.recipe is None
    assert again.notes == (
        "paper.zip opens as a spectrum alone: it holds a delivered spectrum, of which there was "
        "no image",
    )
    assert (again.folder / SPECTRUM).read_bytes() == (spectra / SPECTRUM).read_bytes()
    before = path.read_bytes()
    assert main(command) == 2
    assert "exists" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main([*command[:-1], str(tmp_path / "paper.tar")]) == 2
    assert "must end in .zip" in capsys.readouterr().err
    assert main([*command[:-1], str(tmp_path / "nowhere" / "paper.zip")]) == 2
    assert "could not be written: no such file or directory" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == [path, spectra]


def test_which_files_have_an_identifier_at_mast() -> None:
    names = {
        "jw01536022001_03102_00001_mirimage_rate.fits": True,
        "jw01536022001_03102_00001-seg001_mirimage_x1dints.fits": True,
        "jw01536-o022_t001_miri_p750l_s2d.fits": True,
        "jw01536-o022_20240101t120000_spec2_00001_asn.json": True,
        "jw01536022001_03102_00001_mirimage_rate.fits.gz": False,
        "jw01536022001_03102_00001_mirimage_s2d_mine.fits": False,
        "jw01536022001_03102_00001_mirimage_mine_s2d.fits": False,
        "mine_x1d.fits": False,
        "truth.ecsv": False,
    }
    for name, known in names.items():
        assert mast_identifier(name) == (f"mast:JWST/product/{name}" if known else None)


# -- a package from anybody ------------------------------------------------------------------------


INPUT = "jw90010001001_03102_00001_mirimage_s2d.fits"


def content_of(folder: Path, data: Path, **changes: Any) -> dict[str, Any]:
    """Return the manifest of a small package with a spectrum, whose files lie in ``folder``."""
    source = data / INPUT
    spectrum = folder / "spectra" / SPECTRUM
    spectrum.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / "demo_slit" / SPECTRUM, spectrum)
    (folder / "README.md").write_text("read me")
    return {
        KEY: FORMAT,
        "observation": {"fetch": "90010/1"},
        "opened": INPUT,
        "join": False,
        "recipe": lrs.Recipe(aperture=lrs.Aperture(18.3, 8.0)).to_dict(),
        "spectra": [f"spectra/{SPECTRUM}"],
        "inputs": [
            entry(INPUT, source.read_bytes(), mast=f"mast:JWST/product/{INPUT}", needed=True)
        ],
        "files": [
            entry("README.md", b"read me", what="read me"),
            entry(f"spectra/{SPECTRUM}", spectrum.read_bytes(), what="spectrum"),
        ],
        **changes,
    }


def entry(name: str, content: bytes, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "bytes": len(content), "sha256": digest, **more}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(DATA / "demo_slit" / INPUT, folder)
    return folder


@pytest.fixture
def paper(tmp_path: Path, data: Path, empty_cache: Path) -> Path:
    """Return a small package, whose input is in a folder beside it."""
    path = tmp_path / "paper.zip"
    write_package(path, content_of(tmp_path / "staged", data), tmp_path / "staged")
    return path


def rewritten(
    paper: Path, change: Callable[[str, bytes], Iterator[tuple[str | zipfile.ZipInfo, bytes]]]
) -> Path:
    """Return the package with each file in it replaced by what ``change`` yields of it."""
    with zipfile.ZipFile(paper) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(paper, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            for new, text in change(name, content):
                archive.writestr(new, text)
    return paper


def test_the_same_content_gives_the_same_bytes(paper: Path, tmp_path: Path, data: Path) -> None:
    again = tmp_path / "again.zip"
    write_package(again, content_of(tmp_path / "staged", data), tmp_path / "staged")
    assert again.read_bytes() == paper.read_bytes()


def test_inputs_are_found_in_folders_below_by_their_checksum(paper: Path, data: Path) -> None:
    """Nothing that lies beside an input is opened with it."""
    other = data / "old"
    other.mkdir()
    for path in (DATA / "demo_slit").glob("*mirimage_x1d.fits"):
        shutil.copy(path, data)
    (data / INPUT).rename(other / INPUT)
    (data / INPUT).write_bytes(b"another file of that name")
    found = lrs.open_observation(paper)
    assert found.recipe == lrs.Recipe(aperture=lrs.Aperture(18.3, 8.0))
    assert [one.path.name for one in found.files] == [INPUT]
    assert found.files[0].path.resolve() == other / INPUT


def test_a_changed_input(paper: Path, data: Path) -> None:
    with (data / INPUT).open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"x")
    told = (
        f"{data / INPUT} is another file than the package was made of (its checksum is another); "
        f"fetch mast:JWST/product/{INPUT} from MAST (lrs-explorer fetch 90010/1), then put it "
        "beside paper.zip, or name its folder (data=, --inputs)."
    )
    assert told in refused(paper, data=data)
    alone = lrs.open_observation(paper)
    assert told in alone.notes[0]
    assert not alone.has_images


def test_a_missing_input(paper: Path, data: Path, tmp_path: Path) -> None:
    (data / INPUT).unlink()
    told = refused(paper, data=data)
    assert told.startswith(f"{INPUT} is not in {data} or the folders below; fetch mast:JWST/")
    assert "is no folder" in refused(paper, data=tmp_path / "nowhere")
    assert not lrs.open_observation(paper).has_images
    assert "is no package" in refused(DATA / "demo_slit" / SPECTRUM, data=data)


def test_one_that_is_gone_is_said_on_the_command_line(
    paper: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine_x1d.fits"
    options = ["-o", str(output), "--no-apcorr"]
    assert main(["extract", str(paper), "--inputs", str(tmp_path / "staged"), *options]) == 2
    assert f"{INPUT} is not in" in capsys.readouterr().err
    assert main(["extract", str(paper), *options]) == 0
    header = fits.getheader(output, "EXTRACT1D")  # by the recipe of the package
    assert (header["EXTRXSTR"], header["EXTRXSTP"]) == pytest.approx((15.8, 22.8))


def test_a_changed_file_is_named(paper: Path) -> None:
    rewritten(paper, lambda n, c: iter([(n, c[::-1] if n.endswith(".fits") else c)]))
    told = refused(paper)
    assert told.startswith(f"spectra/{SPECTRUM} in {paper} is not as it was when the package was")
    assert "\n" not in told


def test_a_missing_file_is_named(paper: Path) -> None:
    rewritten(paper, lambda n, c: iter([(n, c)] if n != "README.md" else []))
    assert refused(paper) == f"README.md is missing in {paper}; get the package again."


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def manifest_with(**changes: Any) -> Callable[[str, bytes], Iterator[tuple[str, bytes]]]:
    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        if name == "manifest.json":
            content = json.dumps({**json.loads(content), **changes}).encode()
        yield name, content

    return change


def and_also(*more: tuple[str | zipfile.ZipInfo, bytes]) -> Callable[..., Iterator[Any]]:
    def change(name: str, content: bytes) -> Iterator[Any]:
        yield name, content
        if name == "README.md":
            yield from more

    return change


HARM: dict[str, tuple[Callable[..., Iterator[Any]], str]] = {
    "one more": (and_also(("more.txt", b"")), "holds more.txt, which its manifest.json does not"),
    "outside": (and_also(("../evil.txt", b"")), "'../evil.txt', which could lead out of its"),
    "absolute": (and_also(("/tmp/evil.txt", b"")), "could lead out of its folder"),
    "of another system": (and_also(("a\\..\\evil", b"")), "could lead out of its folder"),
    "of a drive": (and_also(("c:evil", b"")), "could lead out of its folder"),
    "twice": (and_also(("readme.MD", b"read me")), "holds readme.MD twice"),
    "a link": (and_also((linked("link"), b"/etc/passwd")), "link in .* is a link or a device"),
    "newer": (manifest_with(**{KEY: 99}), r"newer LRS Explorer \(format 99, here 1\)"),
    "another manifest": (manifest_with(**{KEY: "1"}), "is not that of a package"),
    "a name that is none": (manifest_with(files=[{"name": ["x"]}]), "could lead out"),
    "no files": (manifest_with(files=None), "cannot be read"),
    "an input outside": (
        manifest_with(inputs=[entry("../../.bashrc", b"")]),
        "could lead out of its folder",
    ),
    "opened outside": (manifest_with(opened="../../x.fits"), "could lead out of its folder"),
    "opened unknown": (manifest_with(opened="x.fits"), "does not say which of its inputs opens"),
    "no spectrum": (manifest_with(spectra=["manifest.json"]), "does not say which are its spectra"),
    "no recipe": (manifest_with(recipe={"lrs_explorer_recipe": 99}), "paper.zip"),
    "no manifest": (
        lambda n, c: iter([(n, c)] if n != "manifest.json" else []),
        "is no package of LRS Explorer",
    ),
    "no json": (
        lambda n, c: iter([(n, b"{" if n == "manifest.json" else c)]),
        "is not that of a package",
    ),
    "a bomb": (
        lambda n, c: iter([(n, bytes(40_000_000) if n == "README.md" else c)]),
        "README.md in .* is not as it was",
    ),
    "a large manifest": (
        lambda n, c: iter([(n, c + b" " * 17_000_000 if n == "manifest.json" else c)]),
        "too large",
    ),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_package_that_would_do_harm_is_refused(
    paper: Path, empty_cache: Path, tmp_path: Path, harm: str
) -> None:
    change, sentence = HARM[harm]
    rewritten(paper, change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LRSExplorerError, match=sentence) as error:
        lrs.open_observation(paper)
    assert "\n" not in str(error.value)
    after = [one for one in tmp_path.rglob("*") if empty_cache not in (one, *one.parents)]
    assert sorted(after) == before
    assert not list(empty_cache.glob("**/evil*"))


def test_sizes_that_lie_are_refused(paper: Path) -> None:
    """The directory says 7 bytes, and more would come out."""
    content = rewritten(
        paper, lambda n, c: iter([(n, bytes(40_000_000) if n == "README.md" else c)])
    ).read_bytes()
    real, told = (size.to_bytes(4, "little") for size in (40_000_000, 7))
    assert content.count(real) == 2
    paper.write_bytes(content.replace(real, told))
    assert "README.md in " in refused(paper)


@pytest.mark.parametrize("damage", ["cut", "page", "empty", "middle"])
def test_a_damaged_package(paper: Path, damage: str) -> None:
    content = paper.read_bytes()
    middle = len(content) // 2
    paper.write_bytes(
        {
            "cut": content[:middle],
            "page": b"<html>log in</html>",
            "empty": b"",
            "middle": content[:middle] + bytes(64) + content[middle + 64 :],
        }[damage]
    )
    told = refused(paper)
    assert "is no zip file, or is damaged" in told or "is not as it was" in told


def test_what_was_unpacked_is_used_again_and_goes_at_last(
    paper: Path, tmp_path: Path, data: Path, empty_cache: Path
) -> None:
    place = lrs.open_observation(paper).folder.parent
    assert lrs.open_observation(paper).folder.parent == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    os.utime(place, (0, 0))
    for number in range(9):
        other = tmp_path / f"{number}.zip"
        staged = tmp_path / "staged"
        write_package(other, content_of(staged, data, notes=[number]), staged)
        lrs.open_observation(other)
    assert not place.exists()
    assert len(list((empty_cache / "packages").iterdir())) == 9


def test_several_paths_with_a_package_are_refused(paper: Path, data: Path) -> None:
    with pytest.raises(LRSExplorerError, match="a package is opened alone"):
        lrs.open_observation([paper, data])
