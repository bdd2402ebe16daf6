"""Running jwst steps in a child process: products on success, one clear sentence on failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from astropy.io import fits
from common import Processed

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

pytestmark = pytest.mark.pipeline


def test_products_are_in_place_and_nothing_else(processed: Processed) -> None:
    folder = processed.corrected_x1d.parent
    assert sorted(path.name for path in folder.iterdir()) == [processed.corrected_x1d.name]


def test_parameters_reach_the_step(processed: Processed) -> None:
    corrected = fits.getheader(processed.corrected_x1d, "EXTRACT1D")["EXTRXSTR"]
    delivered = fits.getheader(processed.delivered_x1d, "EXTRACT1D")["EXTRXSTR"]
    asked = processed.scene.position_error / instrument.SCALE_ALONG
    assert corrected - delivered == pytest.approx(asked, abs=1e-6)


def test_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(LRSExplorerError, match=r"nowhere_s2d\.fits does not exist"):
        run_pipeline("extract_1d", tmp_path / "nowhere_s2d.fits", tmp_path)
    with pytest.raises(LRSExplorerError, match="no input file"):
        run_pipeline("extract_1d", [], tmp_path)


def test_output_that_cannot_be_written_is_named(processed: Processed, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(LRSExplorerError, match=r"Cannot write into .*file"):
        run_pipeline("extract_1d", processed.s2d, blocker)


def test_missing_references_are_explained_and_nothing_is_left(
    processed: Processed, tmp_path: Path
) -> None:
    """CRDS ends its interpreter when it has no cache; the kernel must survive that."""
    environment = crds_environment(tmp_path / "empty")
    before = dict(os.environ)
    with pytest.raises(LRSExplorerError) as caught:
        run_pipeline("extract_1d", processed.s2d, tmp_path / "out", crds=environment)
    message = str(caught.value)
    assert "extract_1d" in message
    assert processed.s2d.name in message
    assert "CRDS_PATH" in message
    assert "\n" not in message
    assert caught.value.__notes__
    assert list((tmp_path / "out").iterdir()) == []
    assert dict(os.environ) == before


def test_broken_file_is_explained(crds_cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken_s2d.fits"
    broken.write_bytes(b"not a FITS file")
    with pytest.raises(LRSExplorerError, match=r"extract_1d on broken_s2d\.fits failed with"):
        run_pipeline("extract_1d", broken, tmp_path / "out", crds=crds_environment(crds_cache))


def test_slow_run_is_stopped(processed: Processed, crds_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(LRSExplorerError, match=r"stopped after 0\.2 s"):
        run_pipeline(
            "extract_1d",
            processed.s2d,
            tmp_path,
            crds=crds_environment(crds_cache),
            timeout=0.2,
        )
    assert list(tmp_path.iterdir()) == []


def test_unknown_step_is_named(processed: Processed, crds_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(LRSExplorerError, match="no step called 'bake_cake'"):
        run_pipeline("bake_cake", processed.s2d, tmp_path, crds=crds_environment(crds_cache))
