"""What became of all observations: a table, and a page with a picture of each spectrum."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from lrs_explorer.batch.applied import Applied
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.files.disk import PathLike, write_text
from lrs_explorer.model.files.spectrum_file import read_spectrum
from lrs_explorer.model.series.spectrum_file import read_series

__all__ = ["PAGE", "TABLE", "write_summary"]

TABLE: Final = "lrs_explorer_apply.ecsv"
PAGE: Final = "lrs_explorer_apply.html"

_WIDTH: Final = 260
_HEIGHT: Final = 120
_STYLE: Final = """
body{font:14px/1.4 sans-serif;margin:2em;color:#222}
table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #ddd;text-align:left}
.failed{color:#a03000}.gallery{display:flex;flex-wrap:wrap;gap:1em}
figure{margin:0;width:260px}figcaption{font-size:12px;overflow-wrap:anywhere}
svg{background:#fafafa;border:1px solid #ddd}polyline{fill:none;stroke:#0072b2}
"""


def write_summary(results: Sequence[Applied], output_dir: PathLike) -> tuple[Path, Path]:
    """Write `TABLE` and `PAGE` into the folder of the products, in place of earlier ones.

    Parameters
    ----------
    results : sequence of Applied
    output_dir : path

    Raises
    ------
    LRSExplorerError
        They cannot be written.
    """
    from astropy.table import Table

    folder = Path(os.path.expanduser(output_dir))
    rows = [_row(result) for result in results]
    table = Table(
        {name: [row[name] for row in rows] for name in rows[0]},
        units={"median_flux": "Jy", "center": "pix", "width": "pix", "seconds": "s"},
        meta={"range of median_flux": "{:g} to {:g} micron".format(*NOMINAL_RANGE)},
    )
    lines = "\n".join(_text_of(table)) + "\n"
    return (
        write_text(folder / TABLE, lines, overwrite=True),
        write_text(folder / PAGE, _page(results, rows), overwrite=True),
    )


def _text_of(table: Any) -> list[str]:
    import io

    stream = io.StringIO()
    table.write(stream, format="ascii.ecsv")
    return stream.getvalue().splitlines()


def _row(result: Applied) -> dict[str, Any]:
    """Return what the table has of one observation."""
    wavelength, flux = _spectrum(result)
    inside = (wavelength > NOMINAL_RANGE[0]) & (wavelength < NOMINAL_RANGE[1]) & np.isfinite(flux)
    aperture = result.recipe.aperture if result.recipe else None
    return {
        "file": str(result.path),
        "state": result.state,
        "spectrum": ", ".join(path.name for path in result.spectra),
        "median_flux": float(np.median(flux[inside])) if inside.any() else np.nan,
        "center": aperture.center if aperture else np.nan,
        "width": aperture.width if aperture else np.nan,
        "seconds": round(result.seconds, 1),
        "notes": " | ".join(result.notes),
        "error": result.error,
    }


def _spectrum(result: Applied) -> tuple[Any, Any]:
    """Return wavelengths and flux of what was made: of a series its median in time."""
    nothing = np.empty(0)
    if not result.spectra:
        return nothing, nothing
    try:
        if "x1dints" in result.spectra[0].name:
            series = read_series(result.spectra)
            return series.wavelength, np.nanmedian(series.flux, axis=0)
        spectrum = read_spectrum(result.spectra[0])
    except LRSExplorerError:  # taken away since
        return nothing, nothing
    return spectrum.wavelength, spectrum.flux


def _page(results: Sequence[Applied], rows: Sequence[dict[str, Any]]) -> str:
    """Return the page: the table, then the gallery."""
    columns = ("file", "state", "spectrum", "median_flux", "center", "width", "seconds", "error")
    heads = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in columns)
    body = "".join(
        f'<tr class="{"failed" if row["error"] else ""}">'
        + "".join(f"<td>{_cell(row[name])}</td>" for name in columns)
        + "</tr>"
        for row in rows
    )
    figures = "".join(_figure(result) for result in results if result.spectra)
    failed = sum(bool(row["error"]) for row in rows)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>LRS Explorer: apply</title>'
        f"<style>{_STYLE}</style><h1>One recipe over {len(rows)} observations</h1>"
        f"<p>{len(rows) - failed} made, {failed} failed. Median flux [Jy] at "
        f"{NOMINAL_RANGE[0]:g}–{NOMINAL_RANGE[1]:g} µm; center and width of the aperture in pixels."
        f"</p><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f'<h2>Spectra</h2><div class="gallery">{figures}</div></html>\n'
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return html.escape(str(value))


def _figure(result: Applied) -> str:
    """Return a small picture of a spectrum over the nominal range, drawn from zero."""
    wavelength, flux = _spectrum(result)
    low, high = NOMINAL_RANGE
    inside = (wavelength > low) & (wavelength < high) & np.isfinite(flux)
    if not inside.any():
        return ""
    x = (wavelength[inside] - low) / (high - low) * _WIDTH
    top = 1.1 * float(np.quantile(flux[inside], 0.99))
    y = _HEIGHT * (1 - np.clip(flux[inside] / top if top > 0 else flux[inside], 0, 1))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    name = html.escape(result.path.name)
    return (
        f'<figure><svg role="img" aria-label="spectrum of {name}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"><polyline points="{points}"/></svg>'
        f"<figcaption>{name}: {low:g}–{high:g} µm, 0 to {top:.3g} Jy</figcaption></figure>"
    )
