"""Figures for print, drawn with matplotlib: `lrs.figure`.

No pyplot, and no settings of the user: figures are drawn within a style of their own, so that the
same numbers make the same file everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer._version import __version__
from lrs_explorer.handover.contents import (
    Content,
    ImageContent,
    LightCurvesContent,
    Range,
    SpectrumContent,
    content,
)
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.files.disk import PathLike, check_free, replacing
from lrs_explorer.model.files.spectrum_file import check_complete
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.light_curve import LightCurve
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.widgets.layout import (
    BACKGROUND_COLOR,
    LIVE_COLOR,
    PIN_COLORS,
    SYSTEMATIC_COLOR,
    TRUTH_COLOR,
)
from lrs_explorer.widgets.units import Curve, flux_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = [
    "FORMATS",
    "WIDTHS",
    "check_figure_path",
    "draw_pixels",
    "drawn",
    "figure",
    "figure_width",
    "flux_axis",
    "load",
    "nominal",
    "picture",
    "plain",
    "quantity",
    "save_figure",
    "sheet",
    "sketch",
    "style",
    "wavelength_axis",
]

WIDTHS: Final = {"column": 3.5, "page": 7.1}
"""Inches of one and of two columns, as in ApJ, A&A and MNRAS."""

FORMATS: Final = (".pdf", ".png", ".svg")

STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 0.9,
    "hatch.linewidth": 0.4,
    "figure.dpi": 100.0,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.w_pad": 0.02,
    "savefig.dpi": 300.0,
    "text.parse_math": False,  # names are the user's: a $ is a $
    "svg.fonttype": "none",
    "svg.hashsalt": "lrs-explorer",
    "pdf.fonttype": 42,
}

SHOWN: Final = (4.5, 14.0)
"""Wavelengths, micron, that spectra and images show at most, as on the screen."""

OUTSIDE: Final = "0.92"
"""Grey of what is outside the nominal range."""

MANY: Final = 400
"""Integrations from which on one error bar stands for all of a light curve."""

CURVES: Final = (LIVE_COLOR, "#D55E00", *PIN_COLORS[:3], "#444444")
MARKERS: Final = "osD^v<"


def figure(
    observation: Given,
    recipe: Recipe | None = None,
    kind: str = "spectrum",
    *,
    path: PathLike | None = None,
    width: str | float = "column",
    unit: str = "mJy",
    bins: Iterable[Range] | None = None,
    spectrum: Spectrum | None = None,
    data: bool = False,
    overwrite: bool = False,
    without_references: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Figure:
    """Draw a figure for print, of the results that the other calls give.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default.
    kind : {"spectrum", "image", "light_curves"}
        The spectrum as `lrs.extract` gives it, with its errors and the delivered one; the image
        with aperture, background regions and trace; of a time series light curves, the white one
        first.
    path : path, optional
        File to write: ``.pdf``, ``.svg`` or ``.png`` (300 dots per inch).
    width : {"column", "page"} or float
        One column (3.5 inches), two (7.1 inches), or inches.
    unit : {"mJy", "Jy", "MJy/sr"}
        Of a spectrum; what is not flux calibrated stays in its own.
    bins : iterable of (float, float), optional
        Wavelengths, micron, of the light curves beside the white one.
    spectrum : Spectrum, optional
        Drawn as it is, in place of an extraction: say that of a sweep, whose systematic error is
        then drawn.
    data : bool
        Also write the numbers that are drawn, as a table beside the figure (``.ecsv``).
    overwrite : bool
        Replace files of these names.
    without_references : bool
        Write it also where reference files could not be had that would have changed it.
    progress : callable, optional
        Told how many of how many draws of a bootstrap, or integrations, are done.

    Returns
    -------
    matplotlib.figure.Figure
        To change or to show. A file is best written by ``path``: fonts of PDF and SVG are set then.

    Raises
    ------
    LRSExplorerError
        The observation has no such figure, the recipe cannot be extracted, reference files are
        missing, or a file cannot be written.
    """
    observation = given_observation(observation)
    inches = figure_width(width)
    if path is not None:
        check_figure_path(path, data=data, overwrite=overwrite)  # before the long work
    elif data:
        raise LRSExplorerError("data=True writes a table beside the figure; give path as well.")
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    shown = content(
        stages,
        given_recipe(recipe, observation),
        kind,
        unit=unit,
        bins=bins,
        spectrum=spectrum,
        progress=progress,
    )
    made = drawn(shown, inches)
    if path is not None:
        save_figure(made, shown, path, data, overwrite, without_references)
    return made


def figure_width(width: str | float) -> float:
    """Return a width in inches.

    Raises
    ------
    LRSExplorerError
        It is neither a name in `WIDTHS` nor 2 to 20 inches.
    """
    if width in WIDTHS:
        return WIDTHS[str(width)]
    try:
        inches = float(width)
    except ValueError:
        inches = float("nan")
    if not 2.0 <= inches <= 20.0:
        raise LRSExplorerError(
            f"the width of a figure is {', '.join(WIDTHS)} or 2 to 20 inches, not {width!r}."
        )
    return inches


def check_figure_path(path: PathLike, *, data: bool = False, overwrite: bool = False) -> Path:
    """Return where a figure is to be written, with its ending checked.

    Raises
    ------
    LRSExplorerError
        The ending is none of `FORMATS`, or a file may not be replaced.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise LRSExplorerError(
            f"{path.name or path} does not say what to write: a figure's name ends in "
            f"{', '.join(FORMATS)}."
        )
    check_free(path, overwrite)
    if data:
        check_free(path.with_suffix(".ecsv"), overwrite)
    return path


def save_figure(
    made: Figure,
    shown: Content,
    path: PathLike,
    data: bool = False,
    overwrite: bool = False,
    without_references: bool = False,
) -> list[Path]:
    """Write a figure, and with ``data`` the numbers in it; return the files.

    The same figure gives the same bytes: files hold no date.

    Raises
    ------
    LRSExplorerError
        The ending is not known, reference files are missing, or a file cannot be written.
    """
    path = check_figure_path(path, data=data, overwrite=overwrite)
    check_complete(shown.missing, path, without_references)
    written = [path]
    with replacing(path, overwrite) as temporary:
        temporary.write_bytes(picture(made, path.suffix.lower()[1:], shown.name, shown.caption))
    if data:
        table = path.with_suffix(".ecsv")
        with replacing(table, overwrite) as temporary:
            shown.table().write(temporary, format="ascii.ecsv")
        written.append(table)
    return written


def picture(
    made: Figure, kind: str, title: str, caption: str, settings: dict[str, Any] | None = None
) -> bytes:
    """Return a figure as the bytes of a file that tells what it shows.

    Parameters
    ----------
    made : Figure
    kind : {"pdf", "png", "svg"}
    title, caption : str
    settings : dict, optional
        Changes to `STYLE`.
    """
    creator = f"LRS Explorer {__version__}"
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {"Title": title, "Subject": caption, "Creator": creator, "CreationDate": None},
        "svg": {"Title": title, "Description": caption, "Creator": creator, "Date": None},
        "png": {"Title": title, "Description": caption, "Software": creator},
    }
    told = {name: value and plain(value) for name, value in metadata[kind].items()}
    stream = io.BytesIO()
    with style(settings):
        made.savefig(stream, format=kind, metadata=told)
    return stream.getvalue()


def sketch(shown: SpectrumContent) -> bytes:
    """Return a small PNG of a spectrum for the screen, in a quarter of the time that print takes.

    Nothing is laid out, and no minor ticks are drawn.
    """
    from matplotlib.figure import Figure

    settings = {"xtick.minor.visible": False, "ytick.minor.visible": False, "savefig.dpi": 90.0}
    width = WIDTHS["page"]
    with style(settings):
        made = Figure(figsize=(width, _height(width, 0.72)))
        _draw_spectrum(made, shown)
        return picture(made, "png", shown.name, shown.caption, settings)


def load() -> None:
    """Import what draws, which takes a second: in a thread, before it is needed elsewhere."""
    import matplotlib.backends.backend_pdf
    import matplotlib.backends.backend_svg
    import matplotlib.style  # noqa: F401


def plain(text: str) -> str:
    """Return text without what cannot be written: control characters and broken file names."""
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)


@contextmanager
def style(changes: dict[str, Any] | None = None) -> Iterator[None]:
    """Draw in our style within, whatever the user's settings are; they come back afterwards."""
    import matplotlib.style

    with matplotlib.style.context({**STYLE, **(changes or {})}, after_reset=True):
        yield


@contextmanager
def sheet(inches: float, tall: float) -> Iterator[Figure]:
    """Give an empty figure of this size, inches, to be drawn on in our style within."""
    from matplotlib.figure import Figure

    with style():
        made = Figure(figsize=(inches, tall), layout="constrained")
        yield made
        made.draw_without_rendering()  # ticks take their looks when they are first drawn


def drawn(shown: Content, inches: float) -> Figure:
    """Return the figure of a content, so many inches wide."""
    if isinstance(shown, SpectrumContent):
        with sheet(inches, _height(inches, 0.72)) as made:
            _draw_spectrum(made, shown)
    elif isinstance(shown, ImageContent):
        with sheet(inches, _height(inches, 0.62)) as made:
            _draw_image(made, shown)
    else:
        assert isinstance(shown, LightCurvesContent)
        with sheet(inches, _height(inches, 0.4 + 0.17 * len(shown.curves))) as made:
            _draw_light_curves(made, shown)
    return made


def _height(inches: float, part: float) -> float:
    """Return a height: that part of a narrow figure's width, and less of a wide one's."""
    return part * min(inches, 3.5) + 0.3 * max(inches - 3.5, 0.0)


# -- the spectrum ----------------------------------------------------------------------------------


def _draw_spectrum(made: Figure, shown: SpectrumContent) -> None:
    axes = made.add_subplot()
    one, other = shown.curve, shown.delivered_curve
    wavelength_axis(axes, one.wavelength[np.isfinite(one.value)])
    if other is not None:
        same = np.array_equal(one.value, other.value, equal_nan=True)
        label = "delivered (identical)" if same else "delivered"
        axes.plot(other.wavelength, other.value, color=TRUTH_COLOR, lw=0.7, label=label, zorder=2)
    if shown.systematic is not None:
        axes.fill_between(
            one.wavelength,
            *shown.systematic,
            facecolor="none",
            edgecolor=SYSTEMATIC_COLOR,
            hatch="//////",
            linewidth=0.4,
            label="systematic error",
            zorder=1.5,
        )
    band = axes.fill_between(
        one.wavelength,
        one.value - one.error,
        one.value + one.error,
        color=LIVE_COLOR,
        alpha=0.3,
        linewidth=0,
        zorder=2.5,
    )
    (line,) = axes.plot(one.wavelength, one.value, color=LIVE_COLOR, zorder=3)
    flux_axis(axes, [c for c in (one, other) if c is not None])
    marks = _mark_spikes(axes, shown)
    axes.set_ylabel(f"{quantity(one.unit)} ({one.unit})")
    handles, labels = axes.get_legend_handles_labels()
    what = "delivered" if shown.spectrum.origin == "delivered" else "extracted"
    _legend(
        made,
        [(band, line), *handles, *marks.values()],
        [f"{what} ± 1σ", *labels, *marks],
    )


def flux_axis(axes: Axes, curves: Sequence[Curve]) -> None:
    """Limit the axis as on the screen, but not below zero where no flux is."""
    limits = flux_range(curves, log=False)
    if limits is None:
        return
    low, high = limits
    lowest = [np.nanmin(c.value[nominal(c.wavelength)], initial=np.inf) for c in curves]
    axes.set_ylim(max(low, 0.0) if min(lowest) > 0 else low, high)


def nominal(wavelength: FloatArray) -> NDArray[np.bool_]:
    """Tell which wavelengths, micron, are in the nominal range."""
    return (wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1])


def _mark_spikes(axes: Axes, shown: SpectrumContent) -> dict[str, Any]:
    """Circle elements that are sharper than a line, and point to values beyond the axis."""
    one, (low, high) = shown.curve, axes.get_ylim()
    inset = 0.025 * (high - low)
    marks: dict[str, Any] = {}
    spikes = shown.spikes & np.isfinite(one.value) & (one.value > low) & (one.value < high)
    beyond = np.isfinite(one.value) & nominal(one.wavelength)
    look: dict[str, Any] = {"ls": "", "ms": 4.0, "mew": 0.6, "zorder": 4}
    black: dict[str, Any] = {"mec": "black", "mfc": "none", **look}
    if spikes.any():
        marks["spike or divot"] = axes.plot(
            one.wavelength[spikes], one.value[spikes], marker="o", **black
        )[0]
    for marker, place, chosen in (
        ("^", high - inset, beyond & (one.value >= high)),
        ("v", low + inset, beyond & (one.value <= low)),
    ):
        if chosen.any():
            marks["beyond the axis"] = axes.plot(
                one.wavelength[chosen],
                np.full(int(chosen.sum()), place),
                marker=marker,
                color=LIVE_COLOR,
                **(look | {"ms": 3.0}),
            )[0]
    return marks


def wavelength_axis(axes: Axes, wavelength: FloatArray, *, shaded: bool = True) -> None:
    """Label the axis, limit it to what is there, and shade what is outside the nominal range."""
    from matplotlib.ticker import MultipleLocator

    low, high = SHOWN
    if wavelength.size:
        low = max(low, float(wavelength.min()))
        high = min(high, float(wavelength.max()))
    if shaded:
        for edges in ((0.0, NOMINAL_RANGE[0]), (NOMINAL_RANGE[1], 50.0)):
            axes.axvspan(*edges, color=OUTSIDE, lw=0, zorder=0)
    axes.set_xlim(*((low, high) if low < high else SHOWN))
    axes.xaxis.set_major_locator(MultipleLocator(1.0))
    axes.xaxis.set_minor_locator(MultipleLocator(0.2))
    axes.set_xlabel("Wavelength (µm)")


def quantity(unit: str) -> str:
    """Return what is measured in a unit."""
    named = {"Jy": "Flux density", "mJy": "Flux density", "MJy/sr": "Surface brightness"}
    return named.get(unit, "Signal")


def _legend(made: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Put a legend above the axes, where it hides nothing."""
    columns = 2 if made.get_figwidth() < 5 else 5
    made.legend(
        list(handles),
        list(labels),
        loc="outside upper center",
        ncols=min(columns, len(labels)),
        borderaxespad=0.2,
        columnspacing=1.2,
    )


# -- the image -------------------------------------------------------------------------------------


def _draw_image(made: Figure, shown: ImageContent) -> None:
    from matplotlib.patheffects import withStroke

    axes = made.add_subplot()
    wavelength = shown.wavelength
    pixels = draw_pixels(axes, shown)
    looks: dict[str, tuple[str, dict[str, Any]]] = {
        "aperture": ("aperture", {"color": LIVE_COLOR, "ls": "-"}),
        "background": ("background", {"color": BACKGROUND_COLOR, "ls": "--"}),
        "trace": ("trace", {"color": PIN_COLORS[0], "ls": ":", "lw": 1.1}),
    }
    halo = [withStroke(linewidth=1.8, foreground="white")]  # seen on black and on white
    handles: dict[str, Any] = {}
    for name, values in shown.lines.items():
        label, look = looks[name.partition("_")[0]]
        (handles[label],) = axes.plot(wavelength, values, path_effects=halo, **look)
    bar = made.colorbar(pixels, ax=axes, extend="both", pad=0.02, aspect=25)
    bar.set_label(f"{quantity(shown.image.unit)} ({shown.image.unit})")
    bar.ax.tick_params(which="both", direction="out")
    _legend(made, list(handles.values()), list(handles))


def draw_pixels(axes: Axes, shown: ImageContent) -> QuadMesh:
    """Draw the pixels of an image in grey, limited by those in the nominal range."""
    wavelength, columns = shown.wavelength, shown.columns
    wavelength_axis(axes, wavelength, shaded=False)
    axes.patch.set(facecolor="white", edgecolor="0.5", hatch="xxxxxxxx")  # seen where NaN are
    inside = nominal(wavelength)
    low, high = _grey_range(shown.signal[inside] if inside.any() else shown.signal)
    pixels = axes.pcolormesh(
        _edges(wavelength),
        np.append(columns - 0.5, columns[-1] + 0.5),
        shown.signal.T,
        cmap="gray_r",
        vmin=low,
        vmax=high,
        rasterized=True,
    )
    axes.set_ylim(columns[0] - 0.5, columns[-1] + 0.5)
    axes.set_ylabel("Cross-dispersion (px)")
    axes.tick_params(which="both", color="0.4")
    return pixels


def _edges(centers: FloatArray) -> FloatArray:
    """Return the edges of intervals around ascending ``centers``, midway between them."""
    middle = (centers[1:] + centers[:-1]) / 2
    first, last = 2 * centers[0] - middle[0], 2 * centers[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _grey_range(signal: FloatArray) -> tuple[float, float]:
    """Return the values that are drawn white and black: few pixels are beyond them."""
    finite = signal[np.isfinite(signal)]
    if not finite.size:
        return 0.0, 1.0
    low, high = map(float, np.percentile(finite, [0.5, 99.0]))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


# -- light curves ----------------------------------------------------------------------------------


def _draw_light_curves(made: Figure, shown: LightCurvesContent) -> None:
    axes = made.add_subplot()
    curves = shown.curves
    hours, label = _time_axis(curves[0])
    step = _apart(curves)
    for number, one in enumerate(curves):
        color, marker = CURVES[number % len(CURVES)], MARKERS[number % len(MARKERS)]
        values, error = one.relative - number * step, one.relative_error
        each = len(hours) <= MANY
        axes.errorbar(
            hours,
            values,
            yerr=error if each else None,
            ls="",
            marker=marker,
            ms=1.8,
            mew=0,
            color=color,
            elinewidth=0.4,
        )
        if error is not None and not each and np.isfinite(error).any():
            axes.errorbar(
                hours[-1] + 0.03 * np.ptp(hours),
                1.0 - number * step,
                yerr=float(np.nanmedian(error)),
                ls="",
                color=color,
                elinewidth=0.8,
                capsize=1.5,
            )
        moved = f" (−{number * step:.3g})" if number else ", white light"
        axes.annotate(
            f"{one.name}{moved}",
            (0.02, 1.0 - number * step + 0.42 * step),
            xycoords=("axes fraction", "data"),
            fontsize=7,
            va="top",
        )
    axes.set_ylim(1.0 - (len(curves) - 0.4) * step, 1.0 + 0.6 * step)
    axes.set_xlabel(label)
    axes.set_ylabel("Relative flux, moved apart" if len(curves) > 1 else "Relative flux")


def _apart(curves: Sequence[LightCurve]) -> float:
    """Return how far light curves are drawn apart: the largest extent, and room for a name."""
    steps = [0.0]
    for one in curves:
        finite = one.relative[np.isfinite(one.relative)]
        if not finite.size:
            continue
        extent = float(np.ptp(np.percentile(finite, [0.5, 99.5])))
        error = np.zeros(1) if one.relative_error is None else one.relative_error
        known = error[np.isfinite(error)]
        bars = 2.0 * float(np.median(known)) if known.size else 0.0
        steps += [2.1 * extent, 1.7 * (extent + bars)]
    step = max(steps)
    if not step > 0:
        return 0.01
    power = 10.0 ** np.floor(np.log10(step))
    return float(np.ceil(step / power * 10) / 10 * power)  # two digits, to be written down


def _time_axis(one: LightCurve) -> tuple[FloatArray, str]:
    """Return times as they are drawn, and the label that names their scale."""
    first = float(one.time[0])
    if one.time_scale == "index":
        return one.time, "Number of the integration"
    begin = {"BJD_TDB": f"BJD_TDB {first + 2400000.5:.5f}", "UTC": f"MJD {first:.5f} (UTC)"}
    return (one.time - first) * 24.0, f"Time since {begin[one.time_scale]} (h)"
