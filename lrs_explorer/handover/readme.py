"""The README of a package, of what its files really hold, and what to cite."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from lrs_explorer._version import __version__
from lrs_explorer.model.data.instrument import EXP_TYPES

__all__ = ["citation_text", "readme_text"]

JWST_DOI: Final = "10.5281/zenodo.6984365"
"""Of all versions of the jwst pipeline, as CITATION.cff has it."""

HDUS: Final = {
    "PRIMARY": "what the spectrum is of, and how it was made (cards)",
    "EXTRACT1D": "spectra: a row for each wavelength, or for each integration",
    "COMBINE1D": "mean of several spectra",
    "ASDF": "metadata that is not in cards, for the data models of jwst (ASDF, as bytes)",
    "INT_TIMES": "times of the integrations",
    "HDRTAB": "cards of the exposures that were combined",
    "COVARIANCE": "covariance of the flux, row for row as EXTRACT1D",
    "SYSTEMATIC": "systematic error by a sweep over choices, row for row as EXTRACT1D",
    "SYSTEMATIC_BINS": "the same for the mean flux in bins of a micron",
}
"""What extensions hold, by name."""

COLUMNS: Final = {
    "WAVELENGTH": "wavelength",
    "FLUX": "flux density",
    "FLUX_ERROR": "standard error of the flux density",
    "FLUX_VAR_POISSON": "part of its variance: Poisson noise",
    "FLUX_VAR_RNOISE": "part of its variance: read noise",
    "FLUX_VAR_FLAT": "part of its variance: flat field",
    "SURF_BRIGHT": "surface brightness",
    "SB_ERROR": "standard error of the surface brightness",
    "SB_VAR_POISSON": "part of its variance: Poisson noise",
    "SB_VAR_RNOISE": "part of its variance: read noise",
    "SB_VAR_FLAT": "part of its variance: flat field",
    "DQ": "data quality flags of the pipeline",
    "BACKGROUND": "background that was subtracted",
    "BKGD_ERROR": "its standard error",
    "BKGD_VAR_POISSON": "part of its variance: Poisson noise",
    "BKGD_VAR_RNOISE": "part of its variance: read noise",
    "BKGD_VAR_FLAT": "part of its variance: flat field",
    "NPIXELS": "number of pixels in the aperture",
    "ASDF_METADATA": "a file in the format ASDF, as bytes",
    "N_ALONGDISP": "number of wavelengths in the row",
    "INT_NUM": "number of the integration, from 1",
    "SEGMENT": "number of the segment of the exposure",
    "integration_number": "number of the integration, from 1",
    "int_start_MJD_UTC": "begin of the integration, MJD (UTC), days",
    "int_mid_MJD_UTC": "middle of the integration, MJD (UTC), days",
    "int_end_MJD_UTC": "end of the integration, MJD (UTC), days",
    "int_start_BJD_TDB": "begin of the integration, MJD (barycentric, TDB), days",
    "int_mid_BJD_TDB": "middle of the integration, MJD (barycentric, TDB), days",
    "int_end_BJD_TDB": "end of the integration, MJD (barycentric, TDB), days",
    "MJD-BEG": "begin of the integration, MJD (UTC)",
    "MJD-AVG": "middle of the integration, MJD (UTC)",
    "MJD-END": "end of the integration, MJD (UTC)",
    "TDB-BEG": "begin of the integration, MJD (barycentric, TDB)",
    "TDB-MID": "middle of the integration, MJD (barycentric, TDB)",
    "TDB-END": "end of the integration, MJD (barycentric, TDB)",
    "TIME": "middle of the integration, MJD; its scale is time_scale in the head of the table",
    "LOW": "lower edge of the band of variants (15.87 %)",
    "HIGH": "upper edge of the band of variants (84.13 %)",
    "ERROR": "systematic error: standard deviation of the variants",
    "TOGETHER": "what choices cause only together",
    "WAVELENGTH_LOW": "lower edge of the bin",
    "WAVELENGTH_HIGH": "upper edge of the bin",
    "MEAN_FLUX": "mean flux in the bin",
    "curve": "which curve the row is of",
    "wavelength": "wavelength",
    "flux": "flux as it is drawn",
    "flux_error": "its standard error",
    "spike": "whether it is sharper than a line can be",
    "systematic_low": "lower edge of the band by a sweep over choices",
    "systematic_high": "its upper edge",
    "aperture_lower": "lower edge of the aperture",
    "aperture_upper": "upper edge of the aperture",
    "trace": "position of the measured trace",
    "signal": "pixels across the dispersion; the first is first_column in the head of the table",
    "wavelength_min": "lower edge of the wavelengths that are summed",
    "wavelength_max": "upper edge of the wavelengths that are summed",
    "time": "middle of the integration, MJD; its scale stands in the head of the table",
    "relative_flux": "flux over its median in time",
    "relative_flux_error": "its standard error",
}
"""What columns hold, by name."""

UNIT_LESS: Final = "–"


def readme_text(folder: Path, told: Mapping[str, str], manifest: Mapping[str, Any]) -> str:
    """Return the README of a package, in Markdown.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    told : Mapping
        What each file is, by its name.
    manifest : Mapping
        All that is known of the package.
    """
    of = manifest["observation"]
    title = ", ".join(filter(None, (of["target"], of["name"])))
    lines = [
        f"# {_plain(title)}: package of a spectrum",
        "",
        f"{_plain(_what(of))}. Made by LRS Explorer {__version__}.",
        "",
        "`lrs-explorer FILE.zip` and `lrs_explorer.open_observation(\"FILE.zip\")` open it again: "
        "with its input files, which are listed below and not in it, the observation and the "
        "recipe; without them the spectrum alone. `pipeline/` holds what gives the same spectrum "
        "with jwst alone."
        if manifest["recipe"] is not None
        else "`lrs-explorer FILE.zip` and `lrs_explorer.open_observation(\"FILE.zip\")` open it "
        "again. It holds a delivered spectrum, of which there was no image.",
        "",
        "## Files",
        "",
        *_table(("file", "bytes", "what it is"), _files(folder, told)),
        *_section("## What must be known", [f"- {_plain(note)}" for note in manifest["notes"]]),
        "## What is in them",
        "",
    ]  # fmt: skip
    for name in sorted(told):
        path = folder / name
        if name.endswith((".fits", ".fits.gz")):
            lines += _fits_lines(name, path)
        elif name.endswith(".ecsv"):
            lines += _table_lines(name, path)
    lines += [
        "## Input files",
        "",
        "MAST identifiers are those of products of the same name; MAST may have processed them "
        "anew since, which the checksum tells.",
        "",
        *_table(
            ("file", "bytes", "SHA-256", "at MAST"),
            [
                (one["name"], str(one["bytes"]), one["sha256"], one["mast"] or "not known")
                for one in manifest["inputs"]
            ],
        ),
        "## Reference files",
        "",
        f"CRDS context: {manifest['crds']['context'] or 'not known'}.",
        "",
        *_table(
            ("type", "file", "named by"),
            [
                (one["type"], one["name"], ", ".join(one["named_by"]))
                for one in manifest["crds"]["references"]
            ],
        ),
        "## Versions",
        "",
        *_table(("software", "version"), manifest["versions"].items()),
    ]
    return "\n".join(lines)


def _what(of: Mapping[str, Any]) -> str:
    told = f"JWST MIRI LRS, {of['what']} ({EXP_TYPES[of['mode']]})"
    if of["simulated"]:
        return f"{told}; simulated"
    return f"{told}, of {of['date']}" if of["date"] else told


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "", *lines, ""] if lines else []


def _files(folder: Path, told: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, what in sorted(told.items()):
        path = folder / name
        yield name, str(path.stat().st_size) if path.is_file() else UNIT_LESS, what


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_plain(cell).replace('|', '/') for cell in row)} |" for row in rows]
    return [*lines, ""]


def _plain(text: str) -> str:
    """Return text in one line, which is no markup: names and cards are anybody's."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line.replace("<", "&lt;")


def _fits_lines(name: str, path: Path) -> list[str]:
    lines = [f"### {_plain(name)}", ""]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path) as hdus:
            rows: list[tuple[str, ...]] = []
            columns: list[tuple[str, ...]] = []
            for number, hdu in enumerate(hdus):
                what = HDUS.get(hdu.name, UNIT_LESS)
                if isinstance(hdu, fits.BinTableHDU):
                    shape = f"table, {len(hdu.data)} rows"
                    columns += _fits_columns(number, hdu)
                elif hdu.shape:
                    unit = hdu.header.get("BUNIT", "")
                    shape = f"{' × '.join(map(str, hdu.shape))} {unit}".strip()
                else:
                    shape = "no data"
                rows.append((str(number), hdu.name or UNIT_LESS, shape, what))
            lines += _table(("HDU", "name", "holds", "what it is"), rows)
            head = ("HDU", "column", "format", "unit", "what it is")
            lines += _table(head, columns) if columns else []
    return lines


def _fits_columns(number: int, hdu: fits.BinTableHDU) -> Iterator[tuple[str, ...]]:
    of = f"{number} {hdu.name}"
    for column in hdu.columns:
        unit = str(column.unit or UNIT_LESS)
        meaning = _meaning(column.name, caused=hdu.name.startswith("SYSTEMATIC"))
        yield of, column.name, str(column.format), unit, meaning


def _table_lines(name: str, path: Path) -> list[str]:
    """Return the columns of a table, of its head alone: the rows may be many."""
    from astropy.table.meta import get_header_from_yaml

    with path.open(encoding="utf-8") as stream:
        head = []
        for line in stream:
            if not line.startswith("#"):
                break
            head.append(line[2:].rstrip("\n"))
    rows = [
        (
            one["name"],
            str(one.get("subtype") or one["datatype"]),
            str(one.get("unit") or UNIT_LESS),
            _meaning(one["name"]),
        )
        for one in get_header_from_yaml(head[1:])["datatype"]
    ]
    return [
        f"### {_plain(name)}",
        "",
        *_table(("column", "type", "unit", "what it is"), rows),
    ]


def _meaning(name: str, *, caused: bool = False) -> str:
    """Return what a column holds; ``caused``: columns are named by what was varied."""
    if name in COLUMNS:
        return COLUMNS[name]
    if name.startswith("background_"):
        number, _, edge = name.removeprefix("background_").partition("_")
        return f"{edge} edge of background region {number}"
    own = name.removeprefix("SYSTEMATIC_")
    if own != name:
        return f"systematic error: {COLUMNS.get(own) or _cause(own)}"
    return _cause(name) if caused else UNIT_LESS


def _cause(name: str) -> str:
    choice = name.removesuffix("_WITH_OTHERS").lower()
    if name.endswith("_WITH_OTHERS"):
        return f"what the choice of {choice} causes alone or with others"
    return f"what the choice of {choice} causes alone"


def citation_text(of: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return what to cite, as far as that is known, in Markdown."""
    if of["simulated"]:
        data = ["The data are simulated, of no program at MAST."]
    else:
        told = [f"JWST program {of['program']}" if of["program"] else "JWST program: not known"]
        told += [f"“{of['title']}”"] if of["title"] else []
        told += [f"PI {of['pi']}"] if of["pi"] else []
        data = [
            f"{', '.join(map(_plain, told))}. Observed with MIRI LRS"
            f"{' on ' + of['date'] if of['date'] else ''}, from MAST at STScI.",
            "",
            "DOI of the data set: not known here; MAST gives one to a list of files "
            "(manifest.json names them).",
        ]
    return "\n".join(
        [
            "# What to cite",
            "",
            "## The data",
            "",
            *data,
            "",
            "## The software",
            "",
            f"- LRS Explorer {versions['lrs_explorer']}: CITATION.cff beside this file.",
            f"- jwst, the JWST pipeline, {versions['jwst']}: doi:{JWST_DOI} (of all versions; that "
            "of this one stands there).",
            f"- astropy {versions['astropy']}, numpy {versions['numpy']}, scipy "
            f"{versions['scipy']}: as their projects ask for.",
            "",
        ]
    )
