"""The parts of a recipe: frozen groups of parameters, named as in the ``jwst`` steps."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.checks import choice, names, number, ranges, whole

__all__ = [
    "AdaptiveTraceModel",
    "Aperture",
    "Background",
    "Extraction",
    "Jump",
    "Nods",
    "Pathloss",
    "PixelReplace",
    "Resample",
    "Uncertainty",
    "Wavelength",
    "step_parameters",
]


@dataclass(frozen=True)
class Aperture:
    """The extraction aperture, where it is drawn.

    It covers [center - width/2, center + width/2]; in the pipeline's inclusive pixel limits that
    is ``xstart, xstop = center ∓ (width - 1) / 2``.

    Parameters
    ----------
    center : float
        Position along the cross-dispersion axis, in pixels.
    width : float
        Full width, in pixels; more than zero, fractions allowed.
    trace : tuple of float or None
        Coefficients, constant term first, of a polynomial in the dispersion pixel that is added
        to ``center`` at each dispersion element. None = straight.
    """

    center: float
    width: float
    trace: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", number("aperture center", self.center))
        width = number("aperture width", self.width)
        if width <= 0:
            raise LRSExplorerError(f"aperture width must be more than 0 pixels, not {width:g}.")
        object.__setattr__(self, "width", width)
        if self.trace is not None:
            trace = tuple(number("aperture trace", c) for c in self.trace)
            object.__setattr__(self, "trace", trace or None)

    @property
    def lower(self) -> float:
        """Lower edge of a straight aperture, pixels."""
        return self.center - self.width / 2

    @property
    def upper(self) -> float:
        """Upper edge of a straight aperture, pixels."""
        return self.center + self.width / 2


@dataclass(frozen=True)
class Background:
    """Background regions and how the background is made from them.

    Parameters
    ----------
    regions : tuple of (float, float)
        Edges (lower, upper) of each region, in pixels, as in ``bkg_coeff``. Empty = no background
        is subtracted. Regions stay where they are when the aperture moves.
    bkg_fit : {"poly", "mean", "median"}
        How the background is found at each wavelength.
    bkg_order : int
        Order of the polynomial; only used with ``bkg_fit="poly"``.
    smoothing_length : int
        Width in pixels of a boxcar along the dispersion axis, applied before the fit: 0 (none) or
        an odd number of at least 3.
    """

    regions: tuple[tuple[float, float], ...] = ()
    bkg_fit: str = "poly"
    bkg_order: int = 0
    smoothing_length: int = 0

    FITS: ClassVar[tuple[str, ...]] = ("poly", "mean", "median")

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", ranges("background region", self.regions))
        choice("bkg_fit", self.bkg_fit, self.FITS)
        object.__setattr__(self, "bkg_order", whole("bkg_order", self.bkg_order, 0))
        length = whole("smoothing_length", self.smoothing_length, 0)
        if length in (1, 2) or (length and length % 2 == 0):
            raise LRSExplorerError(
                f"smoothing_length must be 0 or an odd number of at least 3, not {length}."
            )
        object.__setattr__(self, "smoothing_length", length)


@dataclass(frozen=True)
class Extraction:
    """Parameters of ``extract_1d`` that are not the aperture or the background.

    ``use_source_posn`` and ``position_offset`` act only while the recipe's aperture is None, that
    is, while the pipeline places it from its reference file and the header.

    Parameters
    ----------
    extraction_type : {"box", "optimal"}
        Sum over the aperture, or fit of the PSF (needs a PSF reference file).
    use_source_posn : bool or None
        Place the aperture by the source position in the header. None = as the reference file says,
        else True for a point source in the slit.
    position_offset : float
        Further cross-dispersion offset of the aperture, pixels.
    apply_apcorr : bool
        Apply the aperture correction (point sources only).
    """

    extraction_type: str = "box"
    use_source_posn: bool | None = None
    position_offset: float = 0.0
    apply_apcorr: bool = True

    TYPES: ClassVar[tuple[str, ...]] = ("box", "optimal")

    def __post_init__(self) -> None:
        choice("extraction_type", self.extraction_type, self.TYPES)
        if self.use_source_posn not in (None, True, False):
            raise LRSExplorerError(
                f"use_source_posn must be true, false or null, not {self.use_source_posn!r}."
            )
        object.__setattr__(self, "position_offset", number("position_offset", self.position_offset))
        if not isinstance(self.apply_apcorr, bool):
            raise LRSExplorerError(
                f"apply_apcorr must be true or false, not {self.apply_apcorr!r}."
            )


@dataclass(frozen=True)
class Nods:
    """Which of an observation's images is extracted, and what is subtracted from it.

    Parameters
    ----------
    exposure : int, "combined" or None
        Number of the exposure (nod), from 1 in time order; "combined" = the level 3 product;
        None = the image that the observation was opened on.
    subtract : bool or None
        Subtract backgrounds (``bkg_subtract``). None = as in the delivered product.
    backgrounds : tuple of str, "nods" or None
        Which ones: exposures by their file names or paths, kept sorted, each once, whose mean the
        step subtracts; or the exposures at other nod positions, whatever an association says.
        None = as an association says, else the other nods. Who names any has them subtracted.
    """

    exposure: int | str | None = None
    subtract: bool | None = None
    backgrounds: tuple[str, ...] | str | None = None

    def __post_init__(self) -> None:
        choice("nods.subtract", self.subtract, (None, True, False))
        self._check_backgrounds()
        if self.exposure is None or self.exposure == "combined":
            return
        if isinstance(self.exposure, str):
            raise LRSExplorerError(
                f'nods.exposure must be a number from 1, "combined" or null, not {self.exposure!r}.'
            )
        object.__setattr__(self, "exposure", whole("nods.exposure", self.exposure, 1))

    def _check_backgrounds(self) -> None:
        if self.backgrounds is None:
            return
        if self.backgrounds != "nods":
            object.__setattr__(self, "backgrounds", names("nods.backgrounds", self.backgrounds))
        if not self.backgrounds:
            raise LRSExplorerError(
                "nods.backgrounds names no exposure; name one, or switch subtraction off "
                "(nods.subtract)."
            )
        if self.subtract is False:
            raise LRSExplorerError(
                "nods.backgrounds says what to subtract, and nods.subtract that nothing is; leave "
                "out one of them."
            )
        object.__setattr__(self, "subtract", True)


def step_parameters(part: Any) -> dict[str, Any]:
    """Return what a part of a recipe sets of the pipeline's step of its name, by its parameters.

    All fields, but those that no step knows: they say so in their metadata. A step that is off is
    skipped.
    """
    known = {f.name: getattr(part, f.name) for f in fields(part) if f.metadata.get("step", True)}
    if "algorithm" not in known:
        return known
    return {"skip": True} if known["algorithm"] == "off" else {"skip": False, **known}


@dataclass(frozen=True)
class PixelReplace:
    """Parameters of ``pixel_replace``, and the pixels that the user flagged.

    Parameters
    ----------
    algorithm : {"off", "fit_profile", "mingrad", "trace_model"}
        How flagged pixels are replaced; "off" = they are not.
    n_adjacent_cols : int
        Neighbouring dispersion elements from which a profile is made.
    flagged : tuple of (int, int, int)
        Exposure (from 1), row and column (detector pixels of the cal product, 0-indexed) of pixels
        to be taken as DO_NOT_USE; kept sorted, each once.
    """

    algorithm: str = "off"
    n_adjacent_cols: int = field(
        default=3, metadata={"only_with": ("algorithm", ("fit_profile", "mingrad", "trace_model"))}
    )
    flagged: tuple[tuple[int, int, int], ...] = field(default=(), metadata={"step": False})

    ALGORITHMS: ClassVar[tuple[str, ...]] = ("off", "fit_profile", "mingrad", "trace_model")

    def __post_init__(self) -> None:
        choice("pixel_replace algorithm", self.algorithm, self.ALGORITHMS)
        object.__setattr__(
            self, "n_adjacent_cols", whole("n_adjacent_cols", self.n_adjacent_cols, 1)
        )
        pixels = set()
        for pixel in self.flagged:
            try:
                exposure, row, column = pixel
            except (TypeError, ValueError):
                raise LRSExplorerError(
                    f"a flagged pixel must be (exposure, row, column), not {pixel!r}."
                ) from None
            pixels.add(
                (
                    whole("exposure of a flagged pixel", exposure, 1),
                    whole("row of a flagged pixel", row, 0),
                    whole("column of a flagged pixel", column, 0),
                )
            )
        object.__setattr__(self, "flagged", tuple(sorted(pixels)))

    def toggled(self, *pixels: tuple[int, int, int]) -> PixelReplace:
        """Return the same with these pixels flagged where they were not, and the reverse.

        Parameters
        ----------
        *pixels : tuple of (int, int, int)
            Exposure (from 1), row and column, as in ``flagged``.
        """
        return dataclasses.replace(self, flagged=tuple(set(self.flagged) ^ set(pixels)))


_MODELLED: Final = {"only_with": ("skip", (False,))}


@dataclass(frozen=True)
class AdaptiveTraceModel:
    """Parameters of ``adaptive_trace_model``: splines of the trace, from which pixels are replaced.

    Its ``oversample`` is left to CRDS: pixels of another size mean another aperture, and another
    aperture correction.

    Parameters
    ----------
    skip : bool or None
        Whether the step is left out. None = as CRDS says.
    fit_threshold : float
        Signal to noise, sigma, from which splines are fitted.
    slope_limit : float
        Slope of the profile from which the source is taken for compact.
    psf_optimal : bool
        Take the source for a point, whatever ``fit_threshold`` and ``slope_limit`` say.
    """

    skip: bool | None = None
    fit_threshold: float = field(default=10.0, metadata=_MODELLED)
    slope_limit: float = field(default=0.1, metadata=_MODELLED)
    psf_optimal: bool = field(default=False, metadata=_MODELLED)

    def __post_init__(self) -> None:
        choice("adaptive_trace_model.skip", self.skip, (None, True, False))
        choice("adaptive_trace_model.psf_optimal", self.psf_optimal, (True, False))
        for name in ("fit_threshold", "slope_limit"):
            value = number(f"adaptive_trace_model.{name}", getattr(self, name))
            if value < 0:
                raise LRSExplorerError(
                    f"adaptive_trace_model.{name} must not be negative, not {value:g}."
                )
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Resample:
    """Parameters of ``resample_spec``.

    Parameters
    ----------
    weight_type : {"ivm", "exptime"} or None
        How detector pixels that fall into one pixel of the s2d weigh: by the inverse variance of
        their read noise, or alike. None = as delivered, and as the pipeline does by default.
    """

    weight_type: str | None = None

    TYPES: ClassVar[tuple[str, ...]] = ("ivm", "exptime")

    def __post_init__(self) -> None:
        choice("resample.weight_type", self.weight_type, (None, *self.TYPES))


@dataclass(frozen=True)
class Pathloss:
    """The position in the slit for which light lost at its edges is corrected (``pathloss``).

    Parameters
    ----------
    mode : {"as_delivered", "center", "offset", "ta", "off"}
        As in the delivered product, for a source in the middle of the slit, at ``user_slit_loc``,
        where target acquisition saw it (``targ_centroid``), or no correction.
    user_slit_loc : float
        Position across the slit, arcsec; only used with mode "offset". Positive = towards larger
        detector rows, as in the step.
    """

    mode: str = "as_delivered"
    user_slit_loc: float = field(default=0.0, metadata={"only_with": ("mode", ("offset",))})

    MODES: ClassVar[tuple[str, ...]] = ("as_delivered", "center", "offset", "ta", "off")

    def __post_init__(self) -> None:
        choice("pathloss mode", self.mode, self.MODES)
        object.__setattr__(self, "user_slit_loc", number("user_slit_loc", self.user_slit_loc))


@dataclass(frozen=True)
class Jump:
    """Parameters of the ``jump`` step.

    Parameters
    ----------
    rejection_threshold : float or None
        Sigma above which a difference between groups is a jump. None = as delivered: the step is
        not run again.
    """

    rejection_threshold: float | None = None

    def __post_init__(self) -> None:
        if self.rejection_threshold is None:
            return
        threshold = number("rejection_threshold", self.rejection_threshold)
        if threshold <= 0:
            raise LRSExplorerError(
                f"rejection_threshold must be more than 0 sigma, not {threshold:g}."
            )
        object.__setattr__(self, "rejection_threshold", threshold)


@dataclass(frozen=True)
class Uncertainty:
    """Where the errors of the spectrum come from.

    Parameters
    ----------
    method : {"pipeline", "bootstrap"}
        The pipeline's propagated errors, or the scatter of extractions from resampled data.
    draws : int
        How often the bootstrap resamples; at least 20.
    seed : int
        The same seed gives the same errors.
    """

    method: str = "pipeline"
    draws: int = 200
    seed: int = 1

    METHODS: ClassVar[tuple[str, ...]] = ("pipeline", "bootstrap")

    def __post_init__(self) -> None:
        choice("uncertainty method", self.method, self.METHODS)
        object.__setattr__(self, "draws", whole("draws of the bootstrap", self.draws, 20))
        object.__setattr__(self, "seed", whole("seed of the bootstrap", self.seed, 0))


@dataclass(frozen=True)
class Wavelength:
    """Correction of the wavelengths for a source that is not where the solution takes it to be.

    Parameters
    ----------
    source_offset : float
        How far the source is, along the dispersion towards larger detector rows, from the slit's
        middle (as ``user_slit_loc``) or, without the slit, from the reference point of the
        subarray; arcsec. 0 = no correction.
    """

    source_offset: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_offset", number("source_offset", self.source_offset))
