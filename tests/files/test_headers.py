"""Headers are read as astropy reads them, in a tenth of its time."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

from astropy.io import fits

from lrs_explorer.model.files.fitsfile import cards, primary_header

from .conftest import DEMO

LETTERS = "ab '/&=,.-+ETF0123"


def value(chance: random.Random) -> Any:
    return chance.choice(
        [
            chance.random() * 10.0 ** chance.randint(-30, 30),
            chance.randint(-(10**9), 10**9),
            chance.choice([True, False]),
            "".join(chance.choices(LETTERS, k=chance.randint(0, 100))),
            "plain",
            "",
            None,
        ]
    )


def test_any_header(tmp_path: Path) -> None:
    for seed in range(300):
        assert_read_as_by_astropy(tmp_path / f"{seed}.fits", seed)


def assert_read_as_by_astropy(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(chance.randint(1, 5)):
            comment = chance.choice(["", "/ of 'this' or that's", "micron"])
            header[f"KEY{number}"] = value(chance), comment
        if seed % 7 == 0:
            header[f"HIERARCH a long key {seed}"] = value(chance)
        header["HISTORY"] = "key = 'no value'"
        fits.PrimaryHDU(header=header).writeto(path)
        expected = cards(fits.getheader(path))
    found = primary_header(path)
    assert found == expected
    assert list(map(type, found.values())) == list(map(type, expected.values()))


def test_headers_of_the_pipeline() -> None:
    for path in DEMO.glob("*.fits*"):
        assert primary_header(path) == cards(fits.getheader(path))
