"""The parts of a recipe that are for slitless time series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.checks import choice, names, number, ranges, whole

__all__ = ["SeriesOptions", "SlitlessBackground"]

_SUBTRACTED: Final = {"only_with": ("subtract", (True,))}
_SOUGHT: Final = {"only_with": ("outliers", ("mask", "replace"))}


@dataclass(frozen=True)
class SlitlessBackground:
    """The background of a slitless series, subtracted from its rateints.

    Two-dimensional, at each row a statistic of off-trace columns; or that of other exposures.

    Parameters
    ----------
    subtract : bool
        Whether that of off-trace columns is subtracted.
    columns : tuple of (float, float)
        Edges (lower, upper) of each range of columns, pixels, like the regions of a `Background`.
        Pixels wholly within count; reference pixels are not allowed. `Recipe.from_observation`
        chooses them from the image; these are clear of what real frames show.
    statistic : {"median", "mean"}
        Of the pixels of a row.
    per_integration : bool
        One background for each integration; False = one for the whole exposure, the median of
        those.
    backgrounds : tuple of str or None
        Exposures by the file names or paths of their rateints, kept sorted, each once, whose mean
        ``bkg_subtract`` subtracts; empty = none. None = as delivered, and as an association says
        where that is made anew.
    """

    subtract: bool = False
    columns: tuple[tuple[float, float], ...] = field(
        default=((10.5, 18.5), (52.5, 60.5)), metadata=_SUBTRACTED
    )
    statistic: str = field(default="median", metadata=_SUBTRACTED)
    per_integration: bool = field(default=True, metadata=_SUBTRACTED)
    backgrounds: tuple[str, ...] | None = None

    STATISTICS: ClassVar[tuple[str, ...]] = ("median", "mean")

    def __post_init__(self) -> None:
        for name in ("subtract", "per_integration"):
            choice(f"slitless.{name}", getattr(self, name), (True, False))
        chosen = ranges("column range", self.columns)
        if self.subtract and not chosen:
            raise LRSExplorerError(
                "a slitless background needs at least one range of columns; give one, or switch "
                "it off."
            )
        object.__setattr__(self, "columns", chosen)
        choice("slitless.statistic", self.statistic, self.STATISTICS)
        if self.backgrounds is None:
            return
        object.__setattr__(self, "backgrounds", names("slitless.backgrounds", self.backgrounds))
        if self.subtract:
            raise LRSExplorerError(
                "a slitless background is that of off-trace columns (slitless.subtract) or of "
                "other exposures (slitless.backgrounds), not both; leave out one of them."
            )


@dataclass(frozen=True)
class SeriesOptions:
    """What is done to a time series along its time axis.

    Parameters
    ----------
    outliers : {"off", "mask", "replace", "outlier_detection"}
        Pixels far from their neighbours in time (cosmic rays) are kept, left out, or replaced by
        the median of their neighbours in time; or they are left to the pipeline's step, which
        masks them and which only a pipeline run can do.
    outlier_threshold : float
        Noise sigmas from which a pixel is an outlier; not used by the pipeline's step.
    outlier_window : int
        Integrations in the running median; odd, at least 3.
    follow_trace : bool
        Move the aperture with the trace from integration to integration. Only the live path can:
        the pipeline's step has one aperture for all integrations.
    """

    outliers: str = "off"
    outlier_threshold: float = field(default=5.0, metadata=_SOUGHT)
    outlier_window: int = field(default=11, metadata=_SOUGHT)
    follow_trace: bool = field(default=False, metadata={"acts": "extraction"})

    OUTLIERS: ClassVar[tuple[str, ...]] = ("off", "mask", "replace", "outlier_detection")

    def __post_init__(self) -> None:
        choice("series.outliers", self.outliers, self.OUTLIERS)
        choice("series.follow_trace", self.follow_trace, (True, False))
        threshold = number("outlier_threshold", self.outlier_threshold)
        if threshold <= 0:
            raise LRSExplorerError(
                f"outlier_threshold must be more than 0 sigma, not {threshold:g}."
            )
        object.__setattr__(self, "outlier_threshold", threshold)
        window = whole("outlier_window", self.outlier_window, 3)
        if window % 2 == 0:
            raise LRSExplorerError(f"outlier_window must be odd, not {window}.")
        object.__setattr__(self, "outlier_window", window)
