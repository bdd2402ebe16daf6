"""Observations with chosen products, and a cache of products that is not the user's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer
from lrs_explorer.model.observation.opening import Observation, open_observation

STEM = "jw90001001001_03102_0000{}_mirimage"
COMBINED = "jw90001-o001_t001_miri_p750l"

KINDS = {
    "uncal": {"DATAMODL": "Level1bModel"},
    "ramp": {"DATAMODL": "RampModel", "S_DARK": "COMPLETE"},
    "rate": {"DATAMODL": "ImageModel", "S_RAMP": "COMPLETE"},
    "cal": {"DATAMODL": "SlitModel", "S_WCS": "COMPLETE", "S_PHOTOM": "COMPLETE"},
    "s2d": {"DATAMODL": "SlitModel", "S_WCS": "COMPLETE", "S_RESAMP": "COMPLETE"},
    "x1d": {"DATAMODL": "MultiSpecModel", "S_RESAMP": "COMPLETE"},
}
CALIBRATED = ("cal", "s2d", "x1d")

DEMO = Path(lrs_explorer.__file__).parent / "data" / "demo_slit"

Disk = Callable[[str], Path]
Observe = Callable[..., Observation]
Link = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Return a function that mounts a small disk; skip where that cannot be done."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk-{size}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"cannot mount a disk here: {error}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def observe(tmp_path: Path) -> Observe:
    """Return a function that opens an observation of headers alone, with the products named."""

    def make(
        *kinds: str,
        nods: int = 2,
        combined: tuple[str, ...] = (),
        without: tuple[tuple[str, int], ...] = (),
        **cards: object,
    ) -> Observation:
        for number in range(1, nods + 1):
            for kind in kinds:
                if (kind, number) not in without:
                    _write_header(
                        tmp_path / f"{STEM.format(number)}_{kind}.fits", kind, number, cards
                    )
        for kind in combined:
            _write_header(tmp_path / f"{COMBINED}_{kind}.fits", kind, 1, cards)
        return open_observation(tmp_path)

    return make


def _write_header(path: Path, kind: str, number: int, cards: dict[str, object]) -> None:
    header = fits.Header(
        {
            "TELESCOP": "JWST",
            "INSTRUME": "MIRI",
            "EXP_TYPE": "MIR_LRS-FIXEDSLIT",
            "PROGRAM": "90001",
            "OBSERVTN": "001",
            "VISIT": "001",
            "VISITGRP": "03",
            "SEQ_ID": "1",
            "ACT_ID": "02",
            "EXPOSURE": str(number),
            "EXPSTART": 61085.1 + number / 100,
            "XOFFSET": -0.95 if number == 1 else 0.95,
            "CRDS_CTX": "jwst_0001.pmap",
            "CAL_VER": "3.0.0",
            **KINDS[kind],
        }
    )
    if kind in CALIBRATED:
        steps = {"S_BKDSUB": "COMPLETE", "S_PTHLOS": "COMPLETE", "S_PXREPL": "SKIPPED", **cards}
        header.update({card: value for card, value in steps.items() if value is not None})
    fits.PrimaryHDU(header=header).writeto(path)


@pytest.fixture
def link(shared_slit: Path, tmp_path: Path) -> Link:
    """Return a function that makes a folder with some products of the shared observation."""

    def make(*patterns: str, name: str = "some") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for pattern in patterns:
            found = list(shared_slit.glob(pattern))
            assert found, pattern
            for path in found:
                (folder / path.name).symlink_to(path)
        return folder

    return make


@pytest.fixture
def cache(crds_cache: Path, tmp_path: Path) -> Path:
    """Return a CRDS cache to spoil."""
    copy = tmp_path / "somewhere" / "crds"
    for name in ("config", "mappings"):
        shutil.copytree(crds_cache / name, copy / name)
    folder = copy / "references" / "jwst" / "miri"
    folder.mkdir(parents=True)
    for path in (crds_cache / "references" / "jwst" / "miri").iterdir():
        (folder / path.name).symlink_to(path)
    return copy


def seal(path: Path, text: str) -> None:
    """Write a mapping with the checksum that crds verifies."""
    lines = [line for line in text.splitlines(keepends=True) if "sha1sum" not in line]
    checksum = hashlib.sha1("".join(lines).encode()).hexdigest()
    last = next(number for number, line in enumerate(lines) if line.rstrip().endswith("}"))
    lines.insert(last, f" 'sha1sum': '{checksum}',\n")
    path.write_text("".join(lines), encoding="utf-8")


def add_parameters(cache: Path, kind: str, name: str) -> Path:
    """Have a cache name a parameter file for slit spectra; return where it has to be."""
    mappings = cache / "mappings" / "jwst"
    instrument = mappings / "jwst_miri_0001.imap"
    text = instrument.read_text(encoding="utf-8")
    rmap = f"jwst_miri_pars-{kind}_0001.rmap"
    assert f"'pars-{kind}': 'N/A'" in text
    header, selector = text.replace(f"'pars-{kind}': 'N/A'", f"'pars-{kind}': '{rmap}'").split(
        "\n\n", 1
    )
    seal(instrument, f"{header.replace('}', chr(10) + '}')}\n\n{selector}")
    seal(
        mappings / rmap,
        f"""header = {{
 'derived_from': 'simulated', 'filekind': 'PARS-{kind.upper()}', 'instrument': 'MIRI',
 'mapping': 'REFERENCE', 'name': '{rmap}', 'observatory': 'JWST',
 'parkey': (('META.EXPOSURE.TYPE',),),
}}

selector = Match({{'MIR_LRS-FIXEDSLIT': '{name}'}})
""",
    )
    return cache / "references" / "jwst" / "miri" / name
