"""Small time series on disk whose every pixel is known: no pipeline, no data model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

N_WAVE, N_CROSS = 30, 24
DAYS = 0.001  # from one integration to the next
START = 60000.0
NAME = "jw90077001001_04103_00001-seg{segment:03d}_mirimage_{kind}.fits"


def pixel(integration: int, row: int, column: int) -> float:
    """Return the value of a pixel: one look at it tells which it is."""
    return 10000.0 * (integration + 1) + 100.0 * row + column


def data_of(first: int, count: int) -> np.ndarray:
    i, r, c = np.indices((count, N_WAVE, N_CROSS))
    return (10000.0 * (i + first + 1) + 100.0 * r + c).astype(np.float32)


def int_times(first: int, count: int) -> np.ndarray:
    """Return an INT_TIMES table; BJD is a hundredth of a day later."""
    names = ("start", "mid", "end")
    columns = [f"int_{name}_{scale}" for scale in ("MJD_UTC", "BJD_TDB") for name in names]
    table = np.zeros(count, dtype=[("integration_number", ">i4"), *((n, ">f8") for n in columns)])
    table["integration_number"] = first + 1 + np.arange(count)
    for k, name in enumerate(names):
        mid = START + (first + np.arange(count) + k / 2) * DAYS
        table[f"int_{name}_MJD_UTC"] = mid
        table[f"int_{name}_BJD_TDB"] = mid + 0.01
    return table


def write_segment(
    folder: Path,
    segment: int = 1,
    first: int = 0,
    count: int = 5,
    kind: str = "calints",
    *,
    data: np.ndarray | None = None,
    table: np.ndarray | str | None = "whole",
    dq: np.ndarray | None = None,
    cards: dict[str, Any] | None = None,
) -> Path:
    """Write one segment as the pipeline names and describes it."""
    data = data_of(first, count) if data is None else data
    header = {
        "TELESCOP": "JWST", "INSTRUME": "MIRI", "DETECTOR": "MIRIMAGE", "FILTER": "P750L",
        "EXP_TYPE": "MIR_LRS-SLITLESS", "SUBARRAY": "SLITLESSPRISM", "PROGRAM": "90077",
        "OBSERVTN": "001", "VISIT": "001", "VISITGRP": "04", "SEQ_ID": "1", "ACT_ID": "03",
        "EXPOSURE": "1", "EXSEGNUM": segment, "INTSTART": first + 1, "INTEND": first + count,
        "EXPSTART": START, "EFFINTTM": DAYS * 86400, "NGROUPS": 10, "SRCTYPE": "POINT",
        "DATAMODL": "CubeModel" if kind == "rateints" else "SlitModel",
    }  # fmt: skip
    if kind == "calints":
        header |= {"S_WCS": "COMPLETE", "S_PHOTOM": "COMPLETE"}
    primary = fits.PrimaryHDU()
    primary.header.update({k: v for k, v in (header | (cards or {})).items() if v is not None})
    science = fits.ImageHDU(data, name="SCI")
    science.header["BUNIT"] = "DN/s" if kind == "rateints" else "MJy/sr"
    if kind == "calints":
        science.header["PIXAR_SR"] = 1e-6
    flags = np.zeros(data.shape, np.uint32) if dq is None else dq.astype(np.uint32)
    hdus = [
        primary,
        science,
        fits.ImageHDU(np.ones_like(data), name="ERR"),
        fits.ImageHDU(flags, name="DQ"),
        fits.ImageHDU(np.full_like(data, 4.0), name="VAR_POISSON"),
        fits.ImageHDU(np.full_like(data, 1.0), name="VAR_RNOISE"),
    ]
    if kind == "calints":
        wavelength = np.linspace(14.0, 4.0, data.shape[-2])[:, None].repeat(data.shape[-1], axis=1)
        wavelength[:2] = np.nan  # as beyond the reference file's table
        hdus.append(fits.ImageHDU(wavelength.astype(np.float32), name="WAVELENGTH"))
    if isinstance(table, str):
        table = int_times(first, count)
    if table is not None:
        hdus.append(fits.BinTableHDU(table, name="INT_TIMES"))
    path = folder / NAME.format(segment=segment, kind=kind)
    fits.HDUList(hdus).writeto(path)
    return path
