"""Opened data runs nothing: no command of a parameter file, no pickle, no mapping named by path."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import asdf
import pytest
from astropy.io import fits
from stpipe import config_parser

import lrs_explorer as lrs
from lrs_explorer import LRSExplorerError, Nods, Pathloss, Recipe
from lrs_explorer.model.references.crds_settings import SERVERLESS, crds_settings, unused_cache
from lrs_explorer.model.references.references import find_references
from lrs_explorer.model.references.slit_references import find_slit_references
from lrs_explorer.model.runs.calibration import step_class
from lrs_explorer.model.runs.child import refuse_commands
from lrs_explorer.model.runs.reprocessor import Reprocessor

from .conftest import DEMO, add_parameters

pytestmark = pytest.mark.pipeline

RECIPE = Recipe(nods=Nods(1), pathloss=Pathloss("offset", 0.1))
CONTEXT = "jwst_0001.pmap"

CRDS_VARIABLES = (
    "CRDS_PATH",
    "CRDS_SERVER_URL",
    "CRDS_CONTEXT",
    "CRDS_READONLY_CACHE",
    "CRDS_USE_PICKLED_CONTEXTS",
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the user has set, and the server: nothing here may ask it."""
    for name in CRDS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("lrs_explorer.model.references.crds_settings.SERVER", SERVERLESS)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """Return the s2d of a nod with its siblings, as somebody else's simulator might make them."""
    folder = tmp_path / "download"
    folder.mkdir()
    for kind in ("cal", "s2d", "x1d"):
        for path in DEMO.glob(f"*_00001_mirimage_{kind}.fits*"):
            shutil.copy(path, folder)
            _edit(folder / path.name, TITLE="SIMULATED by someone else")
    return next(folder.glob("*_s2d.fits"))


def _edit(path: Path, **cards: str) -> None:
    with fits.open(path, memmap=False) as hdus:
        hdus[0].header.update(cards)
        hdus.writeto(path, overwrite=True)


def _choose(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Trust a cache, as a user does."""
    monkeypatch.setenv("CRDS_PATH", str(cache))
    monkeypatch.setenv("CRDS_SERVER_URL", SERVERLESS)
    monkeypatch.setenv("CRDS_READONLY_CACHE", "1")


@pytest.fixture
def hooked(cache: Path, tmp_path: Path) -> Path:
    """Return a cache with a parameter file that runs a command, which leaves `trace`."""
    path = add_parameters(cache, "pathlossstep", "jwst_miri_pars-pathlossstep_0001.asdf")
    parameters = {"pre_hooks": [f"touch {tmp_path / 'trace'}"]}
    tree = {"class": "jwst.pathloss.PathLossStep", "name": "pathloss", "parameters": parameters}
    asdf.AsdfFile(tree).write_to(path)
    return cache


def test_a_cache_beside_the_data_is_not_used_unasked(
    download: Path, hooked: Path, tmp_path: Path
) -> None:
    """A parameter file in it ran a command."""
    (download.parent / "crds").symlink_to(hooked)
    observation = lrs.open_observation(download)
    with pytest.raises(LRSExplorerError, match=r"found no reference files.* --crds or CRDS_PATH"):
        lrs.reprocess(observation, RECIPE, tmp_path / "made")
    assert not (tmp_path / "trace").exists()
    found = find_references(observation)
    assert found.apcorr is None
    assert found.notes[0] == unused_cache(observation) != ""


def test_hooks_of_a_chosen_cache_are_refused(
    download: Path, hooked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the process that runs steps load a pickle."""
    _choose(monkeypatch, hooked)
    monkeypatch.setenv("CRDS_USE_PICKLED_CONTEXTS", "1")
    _lay(hooked, Trap(tmp_path / "unpickled"))
    with pytest.raises(LRSExplorerError, match=r"pars-pathlossstep_0001\.asdf .*pre_hooks"):
        lrs.reprocess(lrs.open_observation(download), RECIPE, tmp_path / "made")
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "unpickled").exists()


def test_a_cache_that_was_chosen_is_used(
    download: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation = lrs.open_observation(download, crds=cache)
    found = find_references(observation)
    assert found.names["source"] == f"the CRDS cache {cache}"
    assert found.notes == ()
    assert "pathloss" in find_slit_references(observation)
    assert Reprocessor(observation).crds["CRDS_PATH"] == str(cache)
    # What was chosen for one observation goes before what is set for all.
    monkeypatch.setenv("CRDS_PATH", "/nowhere")
    assert Reprocessor(observation).crds["CRDS_PATH"] == str(cache)


@pytest.mark.parametrize("place", ["download/crds", "download/crds_cache", "crds"])
def test_what_lies_beside_the_data_is_told(
    download: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    beside = tmp_path / place
    beside.symlink_to(cache)
    observation = lrs.open_observation(download)
    told = unused_cache(observation)
    assert told.startswith(f"the CRDS cache {beside} beside the data is not used unasked; if you")
    _choose(monkeypatch, cache)
    assert unused_cache(observation) == ""


def test_a_folder_that_is_no_cache_is_refused(download: Path, tmp_path: Path) -> None:
    with pytest.raises(LRSExplorerError, match=r"is no CRDS cache .*CRDS_PATH"):
        lrs.open_observation(download, crds=tmp_path)


@pytest.mark.parametrize("nature", ["absolute", "relative", "beside", "symbolic", "instrument"])
def test_a_context_is_a_name_and_no_path(
    download: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nature: str,
) -> None:
    """A header could name any file as the mapping that crds reads."""
    evil = tmp_path / "evil.pmap"
    shutil.copy(cache / "mappings" / "jwst" / CONTEXT, evil)
    context = {
        "absolute": str(evil),
        "relative": "../evil.pmap",
        "beside": "evil.pmap",
        "symbolic": "jwst-latest",
        "instrument": "jwst_miri_0001.imap",
    }[nature]
    for path in download.parent.iterdir():
        _edit(path, CRDS_CTX=context)
    monkeypatch.chdir(download.parent)
    _choose(monkeypatch, cache)
    observation = lrs.open_observation(download)
    found = find_references(observation)
    assert "context" not in found.names
    assert found.apcorr is None
    sentence = (
        f"CRDS_CTX of {download.name} is {context!r}, which is no context of CRDS "
        "(jwst_NNNN.pmap); set CRDS_CONTEXT to the context that is to be used"
    )
    assert found.notes[0] == sentence
    assert find_slit_references(observation) == {}
    with pytest.raises(LRSExplorerError, match="is no context of CRDS"):
        lrs.reprocess(observation, RECIPE, tmp_path / "made")
    monkeypatch.setenv("CRDS_CONTEXT", CONTEXT)
    assert "CRDS_CONTEXT" not in crds_settings(observation)[0]


def test_the_own_simulation_has_one_context(tmp_path: Path, download: Path) -> None:
    """TITLE tells of it, and anybody can write one."""
    evil = tmp_path / "evil.pmap"
    evil.write_text("not even a mapping", encoding="utf-8")
    for path in download.parent.iterdir():
        _edit(path, TITLE="SIMULATED (LRS Explorer 0.1)", CRDS_CTX=str(evil))
    observation = lrs.open_observation(download)
    assert Reprocessor(observation).crds["CRDS_CONTEXT"] == CONTEXT
    assert set(find_slit_references(observation)) == {"pathloss", "filteroffset"}


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def _lay(cache: Path, trap: Trap) -> None:
    pickles = cache / "pickles" / "jwst"
    pickles.mkdir(parents=True)
    (pickles / f"{CONTEXT}.pkl").write_bytes(pickle.dumps(trap))


def test_no_pickled_context_is_loaded(
    download: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRDS_USE_PICKLED_CONTEXTS", "1")
    _lay(cache, Trap(tmp_path / "unpickled"))
    found = find_references(lrs.open_observation(download, crds=cache))
    assert found.names["context"] == CONTEXT
    assert found.notes == ()
    assert not (tmp_path / "unpickled").exists()


PARAMETERS = {
    "pre_hooks": 'pre_hooks = "touch trace",\n',
    "post_hooks": "post_hooks = a.python.function,\n",
    "post_hooks of a step": '[steps]\n[[pathloss]]\npost_hooks = "touch trace",\n',
    "logcfg": "logcfg = log.cfg\n",
    "output_dir": "output_dir = /home/somebody\n",
    "output_file": "[steps]\n[[photom]]\noutput_file = /home/somebody/precious.fits\n",
}


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have stpipe refuse here what it refuses in the process that runs steps."""
    monkeypatch.setattr(config_parser, "load_config_file", config_parser.load_config_file)
    refuse_commands()


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("what", PARAMETERS)
def test_parameters_that_run_commands_are_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "pars-something.cfg"
    path.write_text(PARAMETERS[what], encoding="utf-8")
    with pytest.raises(LRSExplorerError, match=rf"pars-something\.cfg sets {what.split()[0]},"):
        config_parser.load_config_file(str(path))


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("alias", ["pathloss", "calwebb_spec2"])
def test_parameter_files_as_crds_has_them_are_read(alias: str, tmp_path: Path) -> None:
    path = tmp_path / f"pars-{alias}.asdf"
    step = step_class(alias)()
    step.skip = True
    step.export_config(path)  # names hooks, an empty list
    assert config_parser.load_config_file(str(path))["skip"] is True
