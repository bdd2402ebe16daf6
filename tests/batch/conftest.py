from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return s2d of six observations, each in a folder with its x1d: the demo's, renamed."""
    folder = tmp_path_factory.mktemp("several")
    demo = lrs.demo("slit")
    found = []
    for number in range(1, 7):
        for kind in ("s2d", "x1d"):
            source = next(p for p in demo.products[kind] if "_03102_00001_" in p.name)
            name = f"jw9002{number}001001_03102_00001_mirimage_{kind}.fits"
            place = folder / str(number) / name
            place.parent.mkdir(exist_ok=True)
            with fits.open(source, memmap=False) as hdus:
                hdus[0].header.update(PROGRAM=f"9002{number}", FILENAME=name)
                hdus.writeto(place)
        found.append(folder / str(number) / f"jw9002{number}001001_03102_00001_mirimage_s2d.fits")
    return found
