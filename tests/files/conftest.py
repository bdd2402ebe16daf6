"""Products to read and to spoil: copies of the packaged demo, which is small and always there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

import lrs_explorer

DEMO = Path(lrs_explorer.__file__).parent / "data" / "demo_slit"
STEM = "jw90010001001_03102_0000{}_mirimage"
COMBINED = "jw90010-o001_t001_miri_p750l"


@pytest.fixture
def slit(tmp_path: Path) -> Path:
    """Return a folder with copies of the demo's six products, to do with as one likes."""
    folder = tmp_path / "observation"
    folder.mkdir()
    for path in DEMO.glob("*.fits"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def s2d(slit: Path) -> Path:
    """Return the first nod's image, in a folder of its own."""
    return _alone(slit, f"{STEM.format(1)}_s2d.fits")


@pytest.fixture
def x1d(slit: Path) -> Path:
    """Return the first nod's spectrum, in a folder of its own."""
    return _alone(slit, f"{STEM.format(1)}_x1d.fits")


def _alone(folder: Path, name: str) -> Path:
    alone = folder.parent / "alone"
    alone.mkdir(exist_ok=True)
    return Path(shutil.copy(folder / name, alone))


Edit = Callable[..., Path]


@pytest.fixture
def edit() -> Edit:
    """Return a function that rewrites a FITS file: cards set or dropped (None), data replaced."""

    def edit_file(
        path: Path,
        cards: Mapping[str, Any] | None = None,
        drop: tuple[str, ...] = (),
        change: Callable[[fits.HDUList], None] | None = None,
        to: Path | None = None,
    ) -> Path:
        with fits.open(path, memmap=False) as hdus:
            for key, value in (cards or {}).items():
                if value is None:
                    hdus[0].header.remove(key, ignore_missing=True)
                else:
                    hdus[0].header[key] = value
            kept = fits.HDUList([hdu for hdu in hdus if hdu.name not in drop])
            if change is not None:
                change(kept)
            kept.writeto(to or path, overwrite=True)
        return to or path

    return edit_file
