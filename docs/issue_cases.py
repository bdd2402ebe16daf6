"""Before and after: each known issue planted in a simulated observation, found, and fixed.

`CASES` has a function for each issue that `lrs.diagnose` tells of. It simulates an observation with
that one thing wrong, has the real pipeline calibrate it, judges the product, lets the real remedy
act, and compares with the truth. ``docs/pictures.py`` puts what it measures into ``docs/issues``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.diagnosis.spikes import SIGNIFICANT, sharp_elements
from lrs_explorer.handover.figures import flux_axis, sheet, wavelength_axis
from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.instrument import FOLDED_BELOW, NOMINAL_RANGE, SLIT_WIDTH, SOLUTIONS
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.known_fixes import FIXES, missing_fixes
from lrs_explorer.model.measure.nods import compare_spectra
from lrs_explorer.model.measure.uncertainty import believed
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.slit.ta_image import read_ta_image
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.simulator import detector_image, instrument
from lrs_explorer.simulator.observation import SlitFiles, simulate_slit
from lrs_explorer.simulator.processing import process_slit
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.truth import true_spectrum
from lrs_explorer.widgets.layout import DELIVERED_COLOR, LIVE_COLOR, TRUTH_COLOR
from lrs_explorer.widgets.units import curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE: Final = 7.1
TALL: Final = 3.4
BEFORE: Final[dict[str, Any]] = {"color": DELIVERED_COLOR, "lw": 0.9}
AFTER: Final[dict[str, Any]] = {"color": LIVE_COLOR, "lw": 0.9}
TRUTH: Final[dict[str, Any]] = {"color": TRUTH_COLOR, "lw": 1.2, "ls": "--"}

SOUND: Final = SlitScene(
    spectrum="dust_shell",
    flux_level=3e-3,
    position_error=0.0,
    bad_pixels=0,
    hot_pixels=0,
    n_groups=15,
    n_integrations=1,
)
"""The demo's star and exposure, with nothing wrong."""


@dataclass(frozen=True)
class Shown:
    """What a page tells of its issue.

    Parameters
    ----------
    planted : str
        What is wrong with the observation, a sentence.
    finding : Finding
        Of what was delivered.
    rows : list of list of str
        A table, its heads first.
    figure : Figure
    caption : str
        What the figure shows, a sentence.
    judged, fixed : Recipe or None
        The recipe that was judged, and the one with the remedy.
    """

    planted: str
    finding: Finding
    rows: list[list[str]]
    figure: Figure
    caption: str
    judged: Recipe | None = None
    fixed: Recipe | None = None

    @property
    def recipe(self) -> str:
        """What the remedy changes, as a recipe file; "" where no recipe fixes it."""
        if self.fixed is None or self.judged is None:
            return ""
        before, after = self.judged.to_dict(), self.fixed.to_dict()
        changed = {
            name: {
                key: round(value, 4) if isinstance(value, float) else value
                for key, value in part.items()
                if value != (before[name] or {}).get(key)
            }
            for name, part in after.items()
            if part != before[name]
        }
        head = {"lrs_explorer_recipe": after["lrs_explorer_recipe"], "mode": after["mode"]}
        lines = [f"  {json.dumps(name)}: {json.dumps(v)}" for name, v in (head | changed).items()]
        return "{\n" + ",\n".join(lines) + "\n}"


@dataclass
class Maker:
    """Makes observations in a folder, each once.

    Parameters
    ----------
    folder : Path
    crds : Path
        The reference files of the simulated instrument.
    """

    folder: Path
    crds: Path
    made: dict[str, Path] = field(default_factory=dict)

    def make(
        self,
        name: str,
        change: Callable[[SlitFiles], None] | None = None,
        *,
        combine: bool = False,
        **scene: Any,
    ) -> Path:
        """Return the folder of an observation: `SOUND` with changes, through the pipeline.

        ``change`` is told of the rate files before the pipeline has them.
        """
        if name not in self.made:
            folder = self.folder / name
            files = simulate_slit(dataclasses.replace(SOUND, **scene), folder)
            if change is not None:
                change(files)
            process_slit(files, self.crds, folder, combine=combine)
            self.made[name] = folder
        return self.made[name]

    def copy(self, name: str, of: Path, change: Callable[[fits.HDUList, str], None]) -> Path:
        """Return a folder with the products of another, changed."""
        folder = self.folder / name
        folder.mkdir()
        for path in of.iterdir():
            if path.suffix == ".fits":
                with fits.open(path, memmap=False) as hdus:
                    change(hdus, path.name)
                    hdus.writeto(folder / path.name)
            elif path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        return folder

    def open(self, folder: Path, product: str = "*_00001_*_s2d.fits") -> Stages:
        """Return an observation's results."""
        stages = Stages(lrs.open_observation(next(folder.glob(product)), crds=self.crds))
        stages.find_references()
        return stages


# -- measuring and drawing -------------------------------------------------------------------------


def truth_at(wavelength: np.ndarray) -> np.ndarray:
    """Return the true flux of the star of `SOUND`, Jy."""
    grid, flux, _ = true_spectrum(SOUND)
    return np.interp(wavelength, grid, flux)


def errors(spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths of the nominal range, and flux over truth less 1 there, per cent."""
    low, high = NOMINAL_RANGE
    used = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    wavelength = spectrum.wavelength[used]
    return wavelength, 100 * (spectrum.flux[used] / truth_at(wavelength) - 1)


HEADS: Final = ["flux ÷ truth − 1, 5–12 µm", "median", "90 % of elements within", "largest"]


def row(name: str, spectrum: Spectrum) -> list[str]:
    """Return a line of the table under `HEADS`."""
    off = errors(spectrum)[1]
    off = off[np.isfinite(off)]
    size = np.abs(off)
    return [
        name,
        signed(float(np.median(off))),
        f"{np.quantile(size, 0.9):.1f} %",
        signed(float(off[np.argmax(size)])),
    ]


def signed(value: float) -> str:
    """Return per cent with a sign."""
    text = f"{value:+.1f}".replace("-", "−")
    return f"{'0.0' if text in ('+0.0', '−0.0') else text} %"


def draw_spectra(
    before: Spectrum,
    after: Spectrum | None,
    names: tuple[str, str] = ("as delivered", "with the remedy"),
) -> Figure:
    """Draw spectra with the truth, and how far they are from it."""
    with panels() as (made, upper, lower):
        curves = [(before, BEFORE, names[0])]
        if after is not None:
            curves.append((after, AFTER, names[1]))
        wavelength = before.wavelength[np.isfinite(before.flux)]
        upper.plot(wavelength, 1e3 * truth_at(wavelength), **TRUTH, label="truth", zorder=5)
        for spectrum, look, name in curves:
            upper.plot(spectrum.wavelength, 1e3 * spectrum.flux, **look, label=name)
            lower.plot(*errors(spectrum), **look)
        flux_axis(upper, [curve(spectrum, "mJy") for spectrum, *_ in curves])
        upper.set_ylim(min(0, upper.get_ylim()[0]), None)
        shared(upper, lower, wavelength)
        widest = max(float(np.nanmax(np.abs(errors(s)[1]))) for s, *_ in curves)
        lower.set_ylim(-1.1 * widest, 1.1 * widest)
    return made


@contextmanager
def panels(ratio: tuple[float, float] = (2, 1)) -> Iterator[tuple[Figure, Axes, Axes]]:
    """Give an upper panel and a lower one."""
    with sheet(WIDE, TALL) as made:
        upper, lower = made.subplots(2, 1, height_ratios=ratio)
        yield made, upper, lower


def shared(upper: Axes, lower: Axes, wavelength: np.ndarray) -> None:
    """Label a spectrum above its relative error."""
    for axes in (upper, lower):
        wavelength_axis(axes, wavelength)
    upper.set_xlabel("")
    upper.set_ylabel("flux density (mJy)")
    lower.set_ylabel("error (%)")
    lower.axhline(0, **TRUTH)
    upper.figure.legend(loc="outside upper center", ncols=3)


def judge(stages: Stages, issue: str, recipe: Recipe) -> Finding:
    """Return what is told of one issue."""
    told = lrs.diagnose(stages.observation, recipe, stages=stages)
    return next(finding for finding in told if finding.issue == issue)


def fixed_spectra(issue: str, planted: str, stages: Stages, recipe: Recipe | None = None) -> Shown:
    """Judge a product, let the remedy of this issue act, and compare both with the truth."""
    recipe = recipe or Recipe.from_observation(stages.observation)
    finding, before = judge(stages, issue, recipe), stages.spectrum(recipe)
    done = lrs.fix_all(stages.observation, recipe, issues={issue}, stages=stages).recipe
    after = stages.spectrum(done)
    return Shown(
        planted,
        finding,
        [HEADS, row("as delivered", before), row("with the remedy", after)],
        draw_spectra(before, after),
        "Spectra with the truth (above), and their error (below). Grey is outside 5–12 µm.",
        recipe,
        done,
    )


# -- the six of STScI's list -----------------------------------------------------------------------


def wrong_place(maker: Maker) -> Shown:
    """Plant MR-LRS01."""
    stages = maker.open(maker.make("place", position_error=0.45))
    planted = "The header's position is wrong by 0.45″ along the slit, 4 pixels."
    return fixed_spectra("MR-LRS01", planted, stages)


PIXELS: Final = {"bad_pixels": 48, "hot_pixels": 6, "dead_pixels": 4, "on_trace": 0.5}


def bad_pixels(maker: Maker) -> Shown:
    """Plant MR-LRS02."""
    stages = maker.open(maker.make("pixels", **PIXELS))
    planted = (
        "48 pixels are flagged DO_NOT_USE, 6 are hot and 4 dead without a flag, in clusters as in "
        "flight; half of them on the trace."
    )
    return fixed_spectra("MR-LRS02", planted, stages)


def rejected_jumps(maker: Maker) -> Shown:
    """Plant MR-LRS03."""
    stages = maker.open(maker.make("jumps", ramps=True, jump_runs=6))
    planted = (
        "In six runs of 3 to 6 rows of the trace's peak an odd/even pattern of the groups lets the "
        "jump step reject every group at its default threshold of 4."
    )
    return fixed_spectra("MR-LRS03", planted, stages)


def pathloss(maker: Maker) -> Shown:
    """Plant MR-LRS04."""
    stages = maker.open(maker.make("across", slit_offset=0.15))
    planted = "The star is 0.15″ off the slit's middle line; the header knows nothing of it."
    return fixed_spectra("MR-LRS04", planted, stages)


def wrong_errors(maker: Maker) -> Shown:
    """Plant MR-LRS05."""
    stages = maker.open(maker.make("errors", error_factor=1.8))
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "MR-LRS05", recipe)
    done = lrs.fix_all(stages.observation, recipe, issues={"MR-LRS05"}, stages=stages).recipe
    before = stages.spectrum(recipe)
    after = believed(before, stages.bootstrap(done))
    low, high = NOMINAL_RANGE
    used = (before.wavelength >= low) & (before.wavelength <= high)
    truth = truth_at(before.wavelength[used])
    off = before.flux[used] / truth - 1
    off = off - np.median(off)
    quoted, own = (spectrum.flux_error[used] / truth for spectrum in (before, after))
    with panels((1, 1)) as (made, upper, lower):
        wavelength = before.wavelength[used]
        for axes, error, look, name in (
            (upper, quoted, BEFORE, "quoted error"),
            (lower, own, AFTER, "error by bootstrap"),
        ):
            wavelength_axis(axes, wavelength)
            axes.plot(wavelength, 100 * off, color=TRUTH_COLOR, lw=0.7, label="flux ÷ truth − 1")
            axes.fill_between(
                wavelength, -100 * error, 100 * error, color=look["color"], alpha=0.35, label=name
            )
            axes.set_ylabel("%")
            axes.set_ylim(-6, 6)
            axes.legend(loc="lower right", ncols=2)
        upper.set_xlabel("")
    rows = [["errors", "truth within ± error (68 % expected)", "median error"]]
    for name, error in (("as delivered", quoted), ("with the remedy", own)):
        held = np.mean(np.abs(off) < error)
        rows.append([name, f"{100 * held:.0f} %", f"{100 * np.median(error):.2f} %"])
    planted = (
        "Slopes scatter 1.8 times as much as the differences between groups let ramp_fit know."
    )
    caption = (
        "The error of the flux less its median, and ± the quoted (above) and own error (below)."
    )
    return Shown(planted, finding, rows, made, caption, recipe, done)


def bright_acquisition(maker: Maker) -> Shown:
    """Plant MR-LRS06."""
    folder = maker.make("sound", combine=True)
    stages = maker.open(folder)
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "MR-LRS06", recipe)
    path = next(folder.glob("*_02101_*_rate.fits"))
    true = json.loads((folder / "defects.json").read_text())["acquisition"][path.name]
    image = next(
        one.image
        for one in stages.count_rates()
        if one.image.path and one.image.path.name == path.name
    )
    stored = read_ta_image(path)
    line = round(true["row"]) - image.origin[1]
    middle = round(true["column"]) - image.origin[0]
    column = np.arange(middle - 12, middle + 13)
    with sheet(WIDE, 2.4) as made:
        axes = made.add_subplot()
        right = image.data[line, column]
        as_stored = right * image.rate_factor
        place = column - middle
        axes.semilogy(place, as_stored, drawstyle="steps-mid", **BEFORE, label="as stored")
        axes.semilogy(
            place, right, drawstyle="steps-mid", **AFTER, label=f"divided by {image.rate_factor:g}"
        )
        axes.set_xlabel("pixels from the star along its row")
        axes.set_ylabel("count rate (DN/s)")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(loc="upper right")
    assert stored.exp_type == "MIR_TACQ"
    compared = lrs.photometry(stages.observation, recipe).comparisons
    one = next(c for c in compared if c.source == "acquisition image")
    rows = [
        ["acquisition image beside the slit, F560W", "flux by the image", "spectrum ÷ image"],
        [
            "as stored",
            f"{1e3 * one.photometry * image.rate_factor:.2f} mJy",
            f"{one.ratio / image.rate_factor:.2f}",
        ],
        [
            "corrected",
            f"{1e3 * one.photometry:.2f} mJy",
            f"{one.ratio:.2f} ± {one.ratio_error:.2f}",
        ],
    ]
    planted = (
        "The image was read out with FASTGRPAVG8, 8 frames averaged on board, and its count rate "
        "is 8 times too high, as with every such image of the simulator. All else is right."
    )
    caption = (
        "A cut through the star on the acquisition image, as stored and divided by the factor."
    )
    return Shown(planted, finding, rows, made, caption)


# -- what else is looked for -----------------------------------------------------------------------


def weights(maker: Maker) -> Shown:
    """Have cosmic rays cut ramps short."""
    stages = maker.open(maker.make("hits", ramps=True, cosmic_rays=60))
    planted = "60 cosmic rays hit the slit's ramps; the jump step finds them and cuts ramps short."
    return fixed_spectra("weights", planted, stages)


def cosmic_rays(_maker: Maker) -> Shown:
    """Take the packaged transit, with its cosmic rays."""
    observation = lrs.demo("slitless")
    stages = stages_of(observation)
    stages.find_references()
    recipe = Recipe.from_observation(observation)
    finding = judge(stages, "cosmic_rays", recipe)
    done = lrs.fix(recipe, [finding])
    series = [lrs.extract(observation, one) for one in (recipe, done)]
    truth = Table.read(next(observation.folder.glob("truth_lightcurve.ecsv")))
    spectrum = Table.read(next(observation.folder.glob("truth.ecsv")))
    bands = (NOMINAL_RANGE, (9.0, 9.5))
    rows = [["scatter from point to point", *(f"{a:g}–{b:g} µm" for a, b in bands)]]
    with panels((1, 1)) as (made, *both):
        for axes, band in zip(both, bands, strict=True):
            inside = (spectrum["wavelength"] >= band[0]) & (spectrum["wavelength"] <= band[1])
            depth = np.average(spectrum["transit_depth"][inside], weights=spectrum["flux"][inside])
            expected = truth["source_factor"] * (1 - depth * truth["transit_shape"])
            number = np.arange(1, len(expected) + 1)
            level = np.median(expected)
            axes.plot(number, expected / level, **TRUTH, label="truth")
            for one, look, name in zip(
                series, (BEFORE, AFTER), ("as delivered", "with the remedy"), strict=True
            ):
                light = one.light_curve(band)
                axes.plot(number, light.relative, marker="o", ms=2.5, **look, label=name)
            axes.set_ylabel("relative flux")
            axes.text(0.02, 0.08, f"{band[0]:g}–{band[1]:g} µm", transform=axes.transAxes)
        both[0].legend(loc="upper center", ncols=3)
        both[1].set_xlabel("integration")
    for name, one in (("as delivered", series[0]), ("with the remedy", series[1])):
        scatters = [1e6 * one.light_curve(band).scatter.point_to_point for band in bands]
        rows.append([name, *(f"{value:.0f} ppm" for value in scatters)])
    planted = (
        "The packaged transit: the jump step has left 7 cosmic rays in each integration of the "
        "whole subarray, half of them flagged JUMP_DET."
    )
    caption = "Light curves of all wavelengths and of a narrow band, with the truth."
    return Shown(planted, finding, rows, made, caption, recipe, done)


def acquisition(maker: Maker) -> Shown:
    """Put the star beside the slit."""
    folder = maker.make("outside", slit_offset=0.4)
    stages = maker.open(folder)
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "acquisition", recipe)
    before = stages.spectrum(recipe)
    path = next(folder.glob("*_02101_*_rate.fits"))
    image = read_ta_image(path)
    assert image.reference is not None
    x, y = (round(r) - o for r, o in zip(image.reference, image.origin, strict=True))
    half = 14
    cut = image.data[y - half : y + half + 1, x - half : x + half + 1]
    with sheet(WIDE, 2.8) as made:
        left, right = made.subplots(1, 2, width_ratios=(1, 2))
        arcsec = (half + 0.5) * instrument.SCALE_ALONG
        left.imshow(
            np.sqrt(np.clip(cut, 0, None)),
            origin="lower",
            extent=(-arcsec, arcsec, -arcsec, arcsec),
            cmap="gray_r",
            interpolation="nearest",
        )
        for edge in (-SLIT_WIDTH / 2, SLIT_WIDTH / 2):
            left.axhline(edge, color=DELIVERED_COLOR, lw=1.0)
        left.set_xlabel("along the slit (arcsec)")
        left.set_ylabel("across the slit (arcsec)")
        wavelength_axis(right, before.wavelength[np.isfinite(before.flux)])
        right.plot(before.wavelength, 1e3 * before.flux, **BEFORE, label="as delivered")
        right.plot(before.wavelength, 1e3 * truth_at(before.wavelength), **TRUTH, label="truth")
        right.set_ylabel("flux density (mJy)")
        right.legend(loc="upper right")
    planted = "The star is 0.4″ across the slit, whose edge is at 0.255″."
    caption = (
        "The acquisition image, taken beside the slit, with lines where the slit's edges will be "
        "(left), and the spectrum with the truth (right)."
    )
    return Shown(planted, finding, [HEADS, row("as delivered", before)], made, caption)


def wavelength_solution(maker: Maker) -> Shown:
    """Put the slitless solution into a product of the slit."""
    right = maker.make("sound", combine=True)
    _, other = np.array(SOLUTIONS["slitless"]).T
    _, own = np.array(SOLUTIONS["slit"]).T
    order = np.argsort(own)

    def swap(hdus: fits.HDUList, name: str) -> None:
        if name.endswith("_s2d.fits"):
            data = hdus["WAVELENGTH"].data
        elif name.endswith("_x1d.fits"):
            data = hdus["EXTRACT1D"].data["WAVELENGTH"]
        else:
            return
        known = np.isfinite(data)
        data[known] += np.interp(data[known], own[order], (other - own)[order])

    stages = maker.open(maker.copy("solution", right, swap))
    sound = maker.open(right)
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "wavelength", recipe)
    before, after = (one.spectrum(recipe) for one in (stages, sound))
    made = draw_spectra(before, after, ("slitless solution", "slit solution"))
    shift = np.abs(before.wavelength - after.wavelength)
    low, high = NOMINAL_RANGE
    used = (after.wavelength >= low) & (after.wavelength <= high)
    rows = [
        [*HEADS, "wavelengths wrong by up to"],
        [*row("slitless solution", before), f"{shift[used].max():.2f} µm"],
        [*row("calibrated with that of the slit", after), "–"],
    ]
    planted = (
        "The wavelengths of a product of the slit are replaced by those of the slitless solution."
    )
    caption = "Spectra with the truth (above), and their error (below). Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption)


def background(maker: Maker) -> Shown:
    """Leave the other nod unsubtracted."""

    def alone(files: SlitFiles) -> None:
        for path in files.spec2_associations:
            content = json.loads(path.read_text())
            product = content["products"][0]
            product["members"] = [m for m in product["members"] if m["exptype"] != "background"]
            path.write_text(json.dumps(content))

    stages = maker.open(maker.make("background", alone, background_level=30.0))
    planted = (
        "The association of each nod names no background, so bkg_subtract subtracts nothing of the "
        "30 MJy/sr that the sky has at 10 µm."
    )
    return fixed_spectra("background", planted, stages)


def _with_second_nod_at(maker: Maker, name: str, place: Callable[[float, float], float]) -> Stages:
    """Return an observation whose second nod was extracted elsewhere; told both right places."""
    right = maker.make("sound", combine=True)
    nods = [maker.open(right, f"*_0000{number}_*_s2d.fits") for number in (1, 2)]
    recipes = [Recipe.from_observation(nod.observation) for nod in nods]
    centers = [nod.placement(r).aperture.center for nod, r in zip(nods, recipes, strict=True)]
    width = nods[1].placement(recipes[1]).aperture.width
    wrong = recipes[1].replace(aperture=lrs.Aperture(place(*centers), width))

    spectrum = nods[1].spectrum(wrong)

    def extracted(hdus: fits.HDUList, name: str) -> None:
        if "_00002_" in name and name.endswith("_x1d.fits"):
            table = hdus["EXTRACT1D"]
            for column, values in spectrum.columns.items():
                table.data[column] = values
            for card in ("EXTRXSTR", "EXTRXSTP"):
                table.header[card] = spectrum.header[card]

    return maker.open(maker.copy(name, right, extracted), "*_00002_*_s2d.fits")


def nods(maker: Maker) -> Shown:
    """Use one aperture for both nods."""
    stages = _with_second_nod_at(maker, "nods", lambda first, _second: first)
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "nods", recipe)
    before = stages.delivered(recipe.nods)
    assert before is not None
    after = stages.spectrum(finding.remedy or recipe)
    planted = "The second nod is extracted where the first one has its trace, 17 pixels away."
    return Shown(
        planted,
        finding,
        [HEADS, row("as delivered", before), row("with the remedy", after)],
        draw_spectra(before, after),
        "Spectra of the second nod with the truth (above), and their error (below).",
        recipe,
        finding.remedy,
    )


def combined(maker: Maker) -> Shown:
    """Put nods on top of each other."""
    right = maker.make("sound", combine=True)
    single = {}
    for number in (1, 2):
        with fits.open(next(right.glob(f"*_0000{number}_*_s2d.fits")), memmap=False) as hdus:
            single[number] = {name: hdus[name].data.copy() for name in STACKED}

    def stack(hdus: fits.HDUList, name: str) -> None:
        if "o001_t001" not in name or not name.endswith("_s2d.fits"):
            return
        for plane in STACKED:
            one, other = single[1][plane], single[2][plane]
            rows = min(hdus[plane].shape[0], one.shape[0], other.shape[0])
            columns = min(hdus[plane].shape[1], one.shape[1], other.shape[1])
            hdus[plane].data[...] = np.nan
            hdus[plane].data[:rows, :columns] = (one + other)[:rows, :columns] / 2

    stages = maker.open(maker.copy("combined", right, stack), "*o001*_s2d.fits")
    planted = (
        "The combined s2d holds the mean of both nods without their offset, as in jwst #8484: the "
        "trace of each nod lies on the negative trace of the other."
    )
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "combined", recipe)
    assert finding.remedy is not None
    at = stages.trace(finding.remedy.nods)
    assert at is not None
    before = stages.spectrum(recipe.replace(aperture=lrs.Aperture(at.center, 8.0)))
    after = stages.spectrum(finding.remedy)
    made = draw_spectra(before, after, ("combined", "a single nod"))
    rows = [HEADS, row("combined, aperture on the nod's trace", before), row("a single nod", after)]
    caption = "Spectra with the truth (above), and their error (below). Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption, recipe, finding.remedy)


STACKED: Final = ("SCI", "VAR_POISSON", "VAR_RNOISE")


def nod_disagreement(maker: Maker) -> Shown:
    """Extract a nod beside its trace."""
    stages = _with_second_nod_at(maker, "disagreeing", lambda _first, second: second + 2.5)
    recipe = Recipe.from_observation(stages.observation)
    finding = judge(stages, "nod_disagreement", recipe)
    one, other = (stages.delivered(lrs.Nods(number)) for number in (1, 2))
    assert one is not None
    assert other is not None
    trace = stages.trace(lrs.Nods(2))
    assert trace is not None
    right = recipe.replace(nods=lrs.Nods(2), aperture=lrs.Aperture(trace.center, 8.0))
    ratios = [compare_spectra(one, s) for s in (other, stages.spectrum(right))]
    rows = [["nod 2 ÷ nod 1, 5.5–11.5 µm", "mean", "change from end to end"]]
    with sheet(WIDE, 2.4) as made:
        axes = made.add_subplot()
        wavelength_axis(axes, one.wavelength[np.isfinite(one.flux)])
        axes.axhline(1, **TRUTH)
        names = ("as delivered", "second nod extracted on its trace")
        for ratio, look, name in zip(ratios, (BEFORE, AFTER), names, strict=True):
            axes.plot(ratio.wavelength, ratio.ratio, **look, label=name)
            rows.append(
                [
                    name,
                    f"{ratio.overall:.4f} ± {ratio.overall_error:.4f}",
                    signed(100 * ratio.change),
                ]
            )
        axes.set_ylim(0.6, 1.2)
        axes.set_ylabel("nod 2 ÷ nod 1")
        axes.legend(loc="lower right", ncols=2)
    planted = "The second nod is extracted 2.5 pixels beside its trace, the first one on it."
    caption = "The second nod's spectrum over the first one's. Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption)


def versions(maker: Maker) -> Shown:
    """Name an old context."""
    right = maker.make("sound", combine=True)
    old = {"CRDS_CTX": "jwst_1200.pmap", "CAL_VER": "1.13.4", "DATE": "2024-03-01T00:00:00"}

    def age(hdus: fits.HDUList, _name: str) -> None:
        hdus[0].header.update(old)

    stages = maker.open(maker.copy("versions", right, age))
    finding = judge(stages, "versions", Recipe.from_observation(stages.observation))
    header = dict(stages.observation.delivered_header(1))
    missed = missing_fixes(header, "slit")
    fixes = [fix for fix in FIXES if "slit" in fix.modes]
    with sheet(WIDE, 2.8) as made:
        axes = made.add_subplot()
        for place, fix in enumerate(fixes):
            lacking = fix in missed
            color = DELIVERED_COLOR if lacking else LIVE_COLOR
            marker = "s" if fix.severe else "o"
            axes.plot(0, place, marker=marker, color=color, mfc=color if lacking else "none")
            axes.text(0.02, place, f"{fix.since}: {fix.what}", va="center")
        axes.set_xlim(-0.03, 1)
        axes.set_ylim(len(fixes) - 0.5, -0.5)
        axes.set_axis_off()
    rows = [
        [
            "product",
            "fixes of the slit that it lacks",
            "of these, beyond the accuracy of fluxes or wavelengths",
        ],
        ["jwst 1.13.4, jwst_1200.pmap", *_lacking(header)],
        ["calibrated again with jwst 3.0, jwst_1600.pmap", *_lacking(header | NOW)],
    ]
    planted = "The header names jwst 1.13.4 and jwst_1200.pmap; the pixels are as they were."
    caption = (
        "Fixes of the slit in the order of time: filled and orange are those that this product "
        "lacks, squares those that change fluxes or wavelengths beyond their accuracy."
    )
    return Shown(planted, finding, rows, made, caption)


NOW: Final = {"CRDS_CTX": "jwst_1600.pmap", "CAL_VER": "3.0.0", "DATE": "2026-03-01T00:00:00"}


def _lacking(header: dict[str, Any]) -> list[str]:
    missed = missing_fixes(header, "slit")
    return [str(len(missed)), str(sum(fix.severe for fix in missed))]


def spikes(maker: Maker) -> Shown:
    """Judge the spectrum with bad pixels alone."""
    stages = maker.open(maker.make("pixels", **PIXELS))
    recipe = Recipe.from_observation(stages.observation)
    finding, before = judge(stages, "spikes", recipe), stages.spectrum(recipe)
    done = lrs.fix_all(stages.observation, recipe, issues={"MR-LRS02"}, stages=stages).recipe
    after = stages.spectrum(done)
    made = draw_spectra(before, after)
    rows = [[*HEADS, "spikes and divots"]]
    for name, spectrum in (("as delivered", before), ("pixels replaced", after)):
        hit = _spikes(spectrum)
        rows.append([*row(name, spectrum), str(int(hit.sum()))])
    hit = _spikes(before)
    made.axes[0].plot(
        before.wavelength[hit], 1e3 * before.flux[hit], "o", mec="black", mfc="none", ms=6, ls=""
    )
    planted = "The observation of [MR-LRS02](mr-lrs02.md), judged by its spectrum alone."
    caption = "Spectra with the truth (above; circles: spikes and divots), and their error (below)."
    return Shown(planted, finding, rows, made, caption, recipe, done)


def _spikes(spectrum: Spectrum) -> np.ndarray:
    height, sharp = sharp_elements(spectrum)
    low, high = NOMINAL_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    return inside & sharp & (np.abs(height) >= SIGNIFICANT)


def second_source(maker: Maker) -> Shown:
    """Put another star into a background region."""

    def add(files: SlitFiles) -> None:
        from lrs_explorer.simulator.reference_models import flat_field

        rows = np.arange(*detector_image.REGION_ROWS, dtype=float)
        wavelength = instrument.wavelength_at_row(rows)
        light = 0.1 * truth_at(wavelength)
        region = (slice(*detector_image.REGION_ROWS), slice(*detector_image.REGION_COLUMNS))
        for path, along in zip(files.rates, SOUND.true_positions, strict=True):
            there = along - 1.0
            trace = detector_image.true_trace(there, SOUND.trace_residual, rows)
            star = detector_image.expected_rate(light, 0 * light, wavelength, trace, there, 0.0)
            with fits.open(path, mode="update") as hdus:
                hdus["SCI"].data[region] += star * flat_field()[region]

    stages = maker.open(maker.make("second", add))
    center = stages.placement(Recipe.from_observation(stages.observation)).aperture.center
    other = center - 1.0 / instrument.SCALE_ALONG
    regions = ((other - 2.0, other + 2.0), (center + 24.0, center + 27.0))
    regions = tuple((round(a, 1), round(b, 1)) for a, b in regions)
    recipe = Recipe.from_observation(stages.observation).replace(
        background=lrs.Background(regions, "mean")
    )
    planted = (
        "A second star of a tenth of the light lies 1″ along the slit from the first. The recipe "
        "that is judged has a background region on it, as one drawn without looking may have."
    )
    shown = fixed_spectra("second_source", planted, stages, recipe)
    rows = [HEADS, ["region on the second star", *shown.rows[1][1:]], shown.rows[2]]
    return dataclasses.replace(shown, rows=rows)


def slit_edge(maker: Maker) -> Shown:
    """Put a nod at the slit's end."""
    stages = maker.open(maker.make("edge", position_error=1.2), "*_00002_*_s2d.fits")
    recipes = []
    for number in (2, 1):
        trace = stages.trace(lrs.Nods(number))
        assert trace is not None
        recipe = Recipe.from_observation(stages.observation)
        aperture = lrs.Aperture(round(trace.center, 2), 8.0)
        recipes.append(recipe.replace(nods=lrs.Nods(number), aperture=aperture))
    finding = judge(stages, "slit_edge", recipes[0])
    end, middle = (stages.spectrum(recipe) for recipe in recipes)
    made = draw_spectra(end, middle, ("nod at the slit's end", "the other nod"))
    rows = [HEADS, row("nod at the slit's end", end), row("the other nod", middle)]
    planted = (
        "The star is 1.2″ along the slit from where the header says, so that one of the nods lies "
        "close to the slit's end. Both apertures are on their traces."
    )
    caption = "Spectra with the truth (above), and their error (below). Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption)


def saturation(maker: Maker) -> Shown:
    """Saturate pixels of the peak."""

    def saturate(files: SlitFiles) -> None:
        rows = np.arange(*detector_image.REGION_ROWS, dtype=float)
        bits = FLAGS["SATURATED"] | FLAGS["DO_NOT_USE"]
        for path, along in zip(files.rates, SOUND.true_positions, strict=True):
            trace = detector_image.true_trace(along, SOUND.trace_residual, rows)
            with fits.open(path, mode="update") as hdus:
                for number in range(330, 345):
                    column = round(float(trace[number - detector_image.REGION_ROWS[0]]))
                    hdus["DQ"].data[number, column] |= bits
                    for plane in ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE"):
                        hdus[plane].data[number, column] = np.nan

    stages = maker.open(maker.make("saturated", saturate))
    recipe = Recipe.from_observation(stages.observation)
    finding, before = judge(stages, "saturation", recipe), stages.spectrum(recipe)
    touched = np.zeros(len(before.wavelength), bool)
    for low, high in finding.figure.wavelengths:
        touched |= (before.wavelength >= low) & (before.wavelength <= high)
    touched |= np.roll(touched, 1) | np.roll(touched, -1)  # resampling spreads them
    flux = before.in_rows(np.where(touched, np.nan, before.flux))
    after = dataclasses.replace(before, columns={**before.columns, "FLUX": flux})
    made = draw_spectra(before, after, ("as delivered", "saturated wavelengths left out"))
    rows = [HEADS, row("as delivered", before), row("saturated wavelengths left out", after)]
    planted = (
        "The peak pixel of 15 rows is saturated from the first group on: flagged, without a value."
    )
    caption = "Spectra with the truth (above), and their error (below). Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption)


def foldover(_maker: Maker) -> Shown:
    """Show the blue end of the packaged transit."""
    observation = lrs.demo("slitless")
    stages = stages_of(observation)
    stages.find_references()
    recipe = Recipe.from_observation(observation)
    finding = judge(stages, "foldover", recipe)
    series = lrs.extract(observation, recipe)
    wavelength, flux = series.wavelength, np.nanmedian(series.flux, axis=0)
    folded = wavelength < FOLDED_BELOW
    with sheet(WIDE, 2.2) as made:
        axes = made.add_subplot()
        near = wavelength < 5.6
        for chosen, look, name in (
            (near & ~folded, AFTER, "kept"),
            (near & folded, BEFORE, "folded: to be left out"),
        ):
            axes.plot(wavelength[chosen], 1e3 * flux[chosen], marker="o", ms=4, **look, label=name)
        axes.axvline(FOLDED_BELOW, **TRUTH)
        axes.set_xlabel("Wavelength (µm)")
        axes.set_ylabel("flux density (mJy)")
        axes.legend(loc="upper right")
    rows = [
        ["packaged transit", "elements", "shortest wavelength"],
        ["as delivered", str(len(wavelength)), f"{wavelength.min():.2f} µm"],
        ["left out below 4.5 µm", str(int((~folded).sum())), f"{wavelength[~folded].min():.2f} µm"],
    ]
    planted = (
        "Nothing: every slitless product has these elements. The simulator does not fold its "
        "spectrum, so no error can be stated here."
    )
    caption = "The blue end of the median spectrum in time."
    return Shown(planted, finding, rows, made, caption)


def nominal_range(maker: Maker) -> Shown:
    """Show what is outside 5 to 12 micron."""
    stages = maker.open(maker.make("sound", combine=True))
    recipe = Recipe.from_observation(stages.observation)
    finding, spectrum = judge(stages, "range", recipe), stages.spectrum(recipe)
    wavelength = spectrum.wavelength
    off = 100 * (spectrum.flux / truth_at(wavelength) - 1)
    low, high = NOMINAL_RANGE
    rows = [["flux ÷ truth − 1", "elements", "90 % of elements within"]]
    for name, used in (
        ("below 5 µm", wavelength < low),
        ("5–12 µm", (wavelength >= low) & (wavelength <= high)),
        ("above 12 µm", wavelength > high),
    ):
        known = off[used & np.isfinite(off)]
        rows.append([name, str(len(known)), f"{np.quantile(np.abs(known), 0.9):.1f} %"])
    with panels() as (made, upper, lower):
        known = np.isfinite(spectrum.flux)
        upper.plot(wavelength, 1e3 * spectrum.flux, **AFTER, label="as delivered")
        upper.plot(wavelength[known], 1e3 * truth_at(wavelength[known]), **TRUTH, label="truth")
        lower.plot(wavelength, off, **AFTER)
        shared(upper, lower, wavelength[known])
        lower.set_ylim(-25, 25)
    planted = "Nothing: every product has elements outside 5–12 µm."
    caption = "The spectrum with the truth (above), and its error (below). Grey is outside 5–12 µm."
    return Shown(planted, finding, rows, made, caption)


CASES: Final[dict[str, Callable[[Maker], Shown]]] = {
    "MR-LRS01": wrong_place,
    "MR-LRS02": bad_pixels,
    "MR-LRS03": rejected_jumps,
    "MR-LRS04": pathloss,
    "MR-LRS05": wrong_errors,
    "MR-LRS06": bright_acquisition,
    "weights": weights,
    "cosmic_rays": cosmic_rays,
    "acquisition": acquisition,
    "wavelength": wavelength_solution,
    "background": background,
    "nods": nods,
    "combined": combined,
    "nod_disagreement": nod_disagreement,
    "versions": versions,
    "spikes": spikes,
    "second_source": second_source,
    "slit_edge": slit_edge,
    "saturation": saturation,
    "foldover": foldover,
    "range": nominal_range,
}
"""What makes before and after of each issue."""


def page_name(issue: str) -> str:
    """Return the name of an issue's page, without its ending."""
    return issue.lower().replace("_", "-")
