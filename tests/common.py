"""What tests import from each other; conftest modules of several folders would be mixed up."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from lrs_explorer.simulator.observation import SlitFiles, SlitScene

SHARED = Path(__file__).parents[2] / "shared" / "data"
"""LRS products that may lie beside the repository."""


T = TypeVar("T")


class Once(Protocol):
    """Makes something once for all processes of a test run: see the fixture `once`."""

    def __call__(self, name: str, make: Callable[[Path], T]) -> T: ...


@dataclass(frozen=True)
class Processed:
    """The first nod of a small simulation after calwebb_spec2, and a corrected extraction."""

    scene: SlitScene
    files: SlitFiles
    cal: Path
    s2d: Path
    delivered_x1d: Path
    corrected_x1d: Path


SKY_CARDS = {"OBSERVTN": "002", "TARGNAME": "BLANK-SKY", "XOFFSET": 0.0, "BKGDTARG": True}
"""What tells an exposure of empty sky from the one that it is made of."""


def slit_with_sky(source: Path, folder: Path) -> list[Path]:
    """Copy the observation 90001 and put two exposures of empty sky of another one beside it.

    Where one nod has the star the other has sky. Return the files of the sky: the second is two
    per cent brighter.
    """
    for path in (*source.glob("*.fits"), *source.glob("*_asn.json")):
        (folder / path.name).symlink_to(path)
    rates = sorted(source.glob("*_03102_*_rate.fits.gz"))
    for path in (*rates, *source.glob("*_02101_*.gz"), *source.glob("*_03102_*_cal.fits.gz")):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    sky = np.fmin(*(fits.getdata(path, "SCI") for path in rates))
    made = [folder / f"jw90001002001_03102_0000{n}_mirimage_rate.fits" for n in (1, 2)]
    for path, level in zip(made, (1.0, 1.02), strict=True):
        with fits.open(rates[0]) as hdus:
            hdus[0].header.update(SKY_CARDS | {"FILENAME": path.name, "EXPOSURE": path.name[23]})
            hdus["SCI"].data[:] = level * sky
            hdus.writeto(path)
    return made


def series_with_sky(source: Path, folder: Path, integrations: int = 6) -> Path:
    """Copy a few integrations of 90002, and put empty sky of another observation beside them.

    The light of the star gives way to a line between the sky left and right of it. Return the file
    of the sky.
    """
    (rateints,), (calints,) = (source.glob(f"*_{kind}.fits*") for kind in ("rateints", "calints"))
    sky = folder / "jw90002002001_04103_00001-seg001_mirimage_rateints.fits"
    with fits.open(calints) as hdus:
        _shorten(hdus, integrations)
        hdus.writeto(folder / calints.name)
    with fits.open(rateints) as hdus:
        _shorten(hdus, integrations)
        hdus.writeto(folder / rateints.stem)
        hdus[0].header.update(SKY_CARDS | {"FILENAME": sky.name})
        data = hdus["SCI"].data
        known = np.ma.masked_invalid(data)
        sides = (known[:, :, 8:21], known[:, :, 53:69])
        left, right = (np.ma.median(side, axis=2).filled(np.nan) for side in sides)
        along = (np.arange(22, 52) - 14.5) / (61.0 - 14.5)
        data[:, :, 22:52] = left[..., None] + (right - left)[..., None] * along
        hdus.writeto(sky)
    return sky


def slit_series_with_sky(source: Path, folder: Path) -> Path:
    """Copy a series in the slit, and put rateints of empty sky of another observation beside it.

    Each row has the median of what is beside the trace. Return the file of the sky.
    """
    for path in source.glob("*.fits"):
        (folder / path.name).write_bytes(path.read_bytes())
    rateints = min(source.glob("*_rateints.fits"))
    sky = folder / rateints.name.replace("001001_", "002001_", 1).replace("-seg001", "")
    with fits.open(rateints) as hdus:
        for card in ("EXSEGNUM", "EXSEGTOT"):
            hdus[0].header.remove(card, ignore_missing=True)
        hdus[0].header.update(SKY_CARDS | {"FILENAME": sky.name})
        data = hdus["SCI"].data
        seen = np.isfinite(data).any(axis=(0, 1))
        level = np.nanmedian(np.where(seen, data, np.nan), axis=2, keepdims=True)
        data[:] = np.where(np.isfinite(data), level, np.nan)
        hdus.writeto(sky)
    return sky


def _shorten(hdus: fits.HDUList, integrations: int) -> None:
    """Leave the first integrations alone."""
    total = len(hdus["SCI"].data)
    for hdu in hdus[1:]:
        if hdu.name != "ASDF" and hdu.data is not None and len(hdu.data) == total:
            hdu.data = hdu.data[:integrations]
    hdus[0].header.update({"NINTS": integrations, "INTEND": integrations})
