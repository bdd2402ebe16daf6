"""Several processes, and a CRDS cache that holds nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs

pytestmark = pytest.mark.pipeline

NAME = "jw90001001001_03102_00001_mirimage_s2d.fits"

RECIPE = lrs.Recipe(aperture=lrs.Aperture(18.3, 8.0))


@pytest.fixture
def two(shared_slit: Path, tmp_path: Path) -> list[Path]:
    """Return the image of two observations; the second names no context of CRDS."""
    found = []
    for program, context in (("90021", "jwst_0001.pmap"), ("90022", None)):
        path = tmp_path / program / NAME.replace("90001", program)
        path.parent.mkdir()
        with fits.open(shared_slit / NAME, memmap=False) as hdus:
            hdus[0].header.update(PROGRAM=program, FILENAME=path.name, CRDS_CTX=context or "")
            hdus.writeto(path)
        found.append(path)
    return found


def test_one_process_fills_it_and_all_read_it(
    crds_server: Callable[..., str],
    first_use: Callable[[str], None],
    two: list[Path],
    tmp_path: Path,
) -> None:
    first_use(crds_server("--mappings", "20"))
    told: list[str] = []
    made = lrs.apply(RECIPE, two, tmp_path / "mine", processes=2, fetching=told.append)
    assert [(one.state, one.error) for one in made] == [("done", "")] * 2
    fetched = [line.split()[1] for line in dict.fromkeys(told) if line.startswith("fetching ")]
    assert len(fetched) == len(set(fetched)) > 20, "each file once"
    kept = {path.name for path in (tmp_path / "crds").rglob("jwst_*") if path.is_file()}
    assert kept <= set(fetched), "nobody else has fetched anything"
    for one in made:
        assert fits.getval(one.spectra[0], "CRDS_CTX") == "jwst_0001.pmap"


def test_a_server_that_fails_is_told_before_anything_begins(
    crds_server: Callable[..., str],
    first_use: Callable[[str], None],
    two: list[Path],
    tmp_path: Path,
) -> None:
    first_use(crds_server("--mappings", "20", "--fail-after", "5"))
    with pytest.raises(lrs.LRSExplorerError, match="search for reference files"):
        lrs.apply(RECIPE, two, tmp_path / "mine", processes=2)
    assert not list((tmp_path / "mine").glob("jw*"))
