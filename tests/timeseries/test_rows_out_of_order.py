"""Each spectrum of a series has the time of its own row, in whatever order a file has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.series.spectrum_file import read_series

COUNT, ROWS = 6, 4
SHUFFLED = [0, 3, 1, 4, 2, 5]
START, DAYS = 60000.0, 0.001


def spectra(order: list[int], times: str) -> list[fits.BinTableHDU]:
    """Return an extension for each integration, as before jwst 1.19."""
    tables = []
    for k in order:
        flux = np.full(ROWS, k + 1.0)
        columns = [
            fits.Column("WAVELENGTH", "D", unit="um", array=np.linspace(12, 5, ROWS)),
            fits.Column("FLUX", "D", unit="Jy", array=flux),
        ]
        hdu = fits.BinTableHDU.from_columns(columns, name="EXTRACT1D", ver=len(tables) + 1)
        if "number" in times:
            hdu.header["INT_NUM"] = k + 1
        if "time" in times:
            hdu.header["MJD-AVG"] = START + k * DAYS
        tables.append(hdu)
    return tables


def rows(parts: list[list[int]], times: str = "time") -> list[fits.BinTableHDU]:
    """Return tables with a row for each integration."""
    return [
        fits.BinTableHDU.from_columns(
            [
                *(
                    [fits.Column("MJD-AVG", "D", array=START + np.array(part) * DAYS)]
                    if "time" in times
                    else []
                ),
                *(
                    [fits.Column("INT_NUM", "J", array=np.array(part) + 1)]
                    if "number" in times
                    else []
                ),
                fits.Column(
                    "WAVELENGTH",
                    f"{ROWS}D",
                    unit="um",
                    array=[np.linspace(12, 5, ROWS)] * len(part),
                ),
                fits.Column(
                    "FLUX", f"{ROWS}D", unit="Jy", array=[np.full(ROWS, k + 1.0) for k in part]
                ),
            ],
            name="EXTRACT1D",
        )
        for part in parts
    ]


def int_times(first: int = 0) -> fits.BinTableHDU:
    """Return times of the integrations from ``first``, and a few more."""
    number = np.arange(first, COUNT + 2)
    columns = [
        fits.Column("integration_number", "J", array=number + 1),
        fits.Column("int_mid_MJD_UTC", "D", array=START + number * DAYS),
    ]
    return fits.BinTableHDU.from_columns(columns, name="INT_TIMES")


def write(folder: Path, tables: list[fits.BinTableHDU], **cards: float) -> Path:
    """Write a level 3 product."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        TELESCOP="JWST", EXP_TYPE="MIR_LRS-SLITLESS", DATAMODL="TSOMultiSpecModel", INTSTART=1,
        EXPSTART=START, EFFINTTM=DAYS * 86400, **cards,
    )  # fmt: skip
    path = folder / "jw90077-o001_t001_miri_p750l-slitlessprism_x1dints.fits"
    fits.HDUList([primary, *tables]).writeto(path)
    return path


@pytest.mark.parametrize(
    "tables",
    [
        spectra(SHUFFLED, "time"),
        [int_times(), *spectra(SHUFFLED, "time and number")],
        [int_times(), *spectra(SHUFFLED, "number")],
        rows([[3, 4, 5], [0, 1, 2]]),
        rows([SHUFFLED]),
        [int_times(), *rows([[3, 4, 5], [0, 1, 2]], "number")],
        rows([[2, 3, 4, 5], [0, 1, 2]]),
    ],
    ids=[
        "times",
        "both",
        "numbers",
        "segments reversed",
        "rows shuffled",
        "rows by number",
        "one twice",
    ],
)
def test_spectra_keep_their_times(tmp_path: Path, tables: list[fits.BinTableHDU]) -> None:
    series = read_series([write(tmp_path, tables)])
    np.testing.assert_allclose(series.time, START + np.arange(COUNT) * DAYS, atol=1e-9)
    np.testing.assert_array_equal(series.flux[:, 0], np.arange(COUNT) + 1.0)


def test_a_level_3_product_is_not_called_one_of_its_segments(tmp_path: Path) -> None:
    cards = {"EXSEGTOT": 2, "EXSEGNUM": 2, "INTEND": 6, "NINTS": COUNT}
    path = write(tmp_path, rows([[3, 4, 5], [0, 1, 2]]), **cards)
    series = read_series([path])
    assert series.header["EXSEGTOT"] == 2
    assert series.notes == ()


def test_a_level_3_product_that_lacks_integrations_says_so(tmp_path: Path) -> None:
    series = read_series([write(tmp_path, rows([[3, 4, 5]]), NINTS=COUNT)])
    assert series.notes[0].startswith("3 of 6 integrations are in jw90077-o001")


def test_an_integration_that_is_there_twice_alike_is_shown_once(tmp_path: Path) -> None:
    series = read_series([write(tmp_path, rows([[0, 1, 2], [2, 3, 4, 5]]))])
    assert len(series) == COUNT
    assert "1 of the spectra" in series.notes[0]


@pytest.mark.parametrize("known", ["time and number", "number"])
def test_an_integration_that_is_there_twice_unlike_is_refused(tmp_path: Path, known: str) -> None:
    tables = rows([[0, 1, 2], [2, 3, 4, 5]], known)
    tables[1].data["FLUX"] *= 1.5
    with pytest.raises(LRSExplorerError, match="holds integration 3 twice, with different"):
        read_series([write(tmp_path, tables)])


def test_spectra_of_other_wavelengths_are_no_one_series(tmp_path: Path) -> None:
    tables = rows([[0, 1, 2], [3, 4, 5]])
    tables[1].data["WAVELENGTH"] += 0.02
    with pytest.raises(LRSExplorerError, match=r"by up to 0\.0200 µm"):
        read_series([write(tmp_path, tables)])


def test_numbers_without_times_leave_room_for_what_is_missing(tmp_path: Path) -> None:
    series = read_series([write(tmp_path, rows([[4, 5], [0, 1]], "number"))])
    np.testing.assert_allclose(
        series.time, START + np.array([0.5, 1.5, 4.5, 5.5]) * DAYS, atol=1e-9
    )
    assert "EXPSTART + n × EFFINTTM" in series.notes[0]


def test_segments_of_unknown_order_get_no_times(tmp_path: Path) -> None:
    series = read_series([write(tmp_path, rows([[3, 4, 5], [0, 1, 2]], ""))])
    assert series.time_scale == "index"
    assert "nothing tells their order" in series.notes[0]
    assert series.table["TIME"].unit is None
    with pytest.raises(LRSExplorerError, match="numbered, not timed"):
        series.to_timeseries()
