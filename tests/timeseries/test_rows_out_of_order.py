"""Each spectrum of a series has the time of its own row, in whatever order a file has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

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


def rows(parts: list[list[int]]) -> list[fits.BinTableHDU]:
    """Return tables with a row for each integration."""
    return [
        fits.BinTableHDU.from_columns(
            [
                fits.Column("MJD-AVG", "D", array=START + np.array(part) * DAYS),
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


def int_times() -> fits.BinTableHDU:
    columns = [
        fits.Column("integration_number", "J", array=np.arange(COUNT) + 1),
        fits.Column("int_mid_MJD_UTC", "D", array=START + np.arange(COUNT) * DAYS),
    ]
    return fits.BinTableHDU.from_columns(columns, name="INT_TIMES")


@pytest.mark.parametrize(
    "tables",
    [
        spectra(SHUFFLED, "time"),
        [int_times(), *spectra(SHUFFLED, "time and number")],
        [int_times(), *spectra(SHUFFLED, "number")],
        rows([[3, 4, 5], [0, 1, 2]]),
        rows([SHUFFLED]),
    ],
    ids=["times", "both", "numbers", "segments reversed", "rows shuffled"],
)
def test_spectra_keep_their_times(tmp_path: Path, tables: list[fits.BinTableHDU]) -> None:
    primary = fits.PrimaryHDU()
    primary.header.update(
        TELESCOP="JWST", EXP_TYPE="MIR_LRS-SLITLESS", DATAMODL="TSOMultiSpecModel", INTSTART=1
    )
    path = tmp_path / "some_x1dints.fits"
    fits.HDUList([primary, *tables]).writeto(path)
    series = read_series([path])
    np.testing.assert_allclose(series.time, START + np.arange(COUNT) * DAYS, atol=1e-9)
    np.testing.assert_array_equal(series.flux[:, 0], np.arange(COUNT) + 1.0)
