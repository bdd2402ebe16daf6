"""``--crds``: one cache for every command and for the screen, when the user says so."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
NOD_2 = DEMO / "jw90010001001_03102_00002_mirimage_s2d.fits"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return an image that is not of this project's own simulator, in a folder of its own."""
    folder = tmp_path / "download"
    folder.mkdir()
    path = Path(shutil.copy(NOD_2, folder))
    fits.setval(path, "TITLE", value="SIMULATED by someone else")
    return path


@pytest.mark.parametrize(
    "command",
    [
        "{file} --crds {folder}",
        "extract {file} --crds {folder} -o {folder}/mine_x1d.fits",
        "reprocess {file} --crds {folder} -o {folder}/mine",
        "diagnose {file} --crds {folder}",
        "apply {folder}/recipe.json {file} --crds {folder} -o {folder}/mine",
    ],
)
def test_every_command_says_what_is_no_cache(
    command: str, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lrs.Recipe().to_json(tmp_path / "recipe.json")
    assert main(shlex.split(command.format(file=foreign, folder=tmp_path))) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "CRDS cache" in line)
    assert line.endswith(
        f"{tmp_path} is no CRDS cache (it has no config/jwst/server_config); give the folder that "
        "CRDS_PATH would name."
    )


def test_extract_takes_the_references_of_the_chosen_cache(
    foreign: Path,
    tmp_path: Path,
    crds_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CRDS_PATH", "/nowhere")
    output = tmp_path / "mine.ecsv"
    assert main(shlex.split(f"extract {foreign} --crds {crds_cache} -o {output}")) == 0
    assert "aperture correction" not in capsys.readouterr().err


def test_the_screen_takes_the_chosen_cache(foreign: Path, tmp_path: Path, crds_cache: Path) -> None:
    explorer = lrs.Explorer(foreign, crds=crds_cache)
    assert explorer.observation is not None
    assert explorer.observation.crds == crds_cache
    panel = explorer._screen.open
    assert panel.crds.value == str(crds_cache)
    panel.crds.value = ""
    panel.path.value = str(foreign)
    panel.open_path.click()
    assert explorer.observation.crds is None
    before = explorer.observation
    panel.crds.value = str(tmp_path)
    panel.open_path.click()
    assert "is no CRDS cache" in explorer._screen.messages.messages[0].text
    assert explorer.observation is before
