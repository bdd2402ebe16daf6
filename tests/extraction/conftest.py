"""Images to extract from, their reference files, and the real step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from common import Processed

import lrs_explorer as lrs
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.live.references import References
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.simulator.references import crds_environment

from .real_step import RealStep


@pytest.fixture(scope="session")
def real_step(crds_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStep]:
    step = RealStep(crds_environment(crds_cache), tmp_path_factory.mktemp("real_step"))
    yield step
    step.close()


@pytest.fixture(scope="session")
def demo_references() -> References:
    return packaged_references("slit")


@pytest.fixture(scope="session")
def demo_images() -> dict[str, SpectralImage]:
    """Both nods of the demo and their combination."""
    demo = lrs.demo("slit")
    selections = {"nod 1": lrs.Nods(1), "nod 2": lrs.Nods(2), "combined": lrs.Nods("combined")}
    return {name: demo.image(nods) for name, nods in selections.items()}


@pytest.fixture(scope="session")
def shared_references(shared_data: Path) -> References:
    """Return the reference files of observation 90001."""
    folder = shared_data / "crds" / "references" / "jwst" / "miri"
    return replace(
        packaged_references("slit"),
        apcorr=folder / "jwst_miri_apcorr_simslit.fits",
        psf=folder / "jwst_miri_psf_simslit.fits",
    )


@pytest.fixture(scope="session")
def shared_images(shared_slit: Path) -> dict[str, SpectralImage]:
    """Return a nod of observation 90001 and the combined image."""
    return {
        name: read_image(shared_slit / f"{stem}_s2d.fits")
        for name, stem in (
            ("nod 1", "jw90001001001_03102_00001_mirimage"),
            ("combined", "jw90001-o001_t001_miri_p750l"),
        )
    }


@pytest.fixture(scope="session")
def shared_cal(shared_slit: Path) -> SpectralImage:
    """Return the full-frame cal of the second nod of observation 90001."""
    return read_image(shared_slit / "jw90001001001_03102_00002_mirimage_cal.fits.gz")


@pytest.fixture(scope="session")
def cal(processed: Processed) -> SpectralImage:
    """Return a full-frame cal, of a simulated nod."""
    return read_image(processed.cal)
