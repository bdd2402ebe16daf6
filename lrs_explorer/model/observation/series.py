"""An observation whose products are a time series, in as many segments as were needed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Spectrum
from lrs_explorer.model.files.recognition import CALIBRATED_INTEGRATIONS, Exposure
from lrs_explorer.model.observation.exposures import exposures_of
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.series.images import TimeSeriesImages, open_series
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.sky_columns import SkyColumns, choose_columns
from lrs_explorer.model.series.spectrum_file import read_series

__all__ = ["SeriesObservation"]

KINDS: Final = ("calints", "crfints", "rateints")
"""Kinds of products with images of integrations, the one that is taken first."""


class SeriesObservation(Observation):
    """The products of one time series, with the slit or without.

    An `Observation`, whose images are those of a series: `image` is a typical one, the median of
    some integrations.

    Parameters
    ----------
    *arguments
        Those of an `Observation`.
    """

    _lock = threading.RLock()

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        missing = self.missing_segments
        if missing:
            numbers = ", ".join(map(str, missing))
            self.notes += (
                f"of {self.name} no file of segment {numbers} is here: its integrations are "
                "missing; download them.",
            )
        if self.has_images:
            self.notes += tuple(f"{sentence}." for sentence in self.left_out())

    @property
    def missing_segments(self) -> list[int]:
        """Numbers of segments of the exposures that are here, of which no file is at hand."""
        missing: set[int] = set()
        for products in exposures_of(self.files).values():
            here = {int(product.exposure[-1]) for product in products}
            if 0 in here:  # not in segments
                continue
            told = [product.header.get("EXSEGTOT") for product in products]
            total = max([*here, *(n for n in told if isinstance(n, int))])
            missing |= set(range(1, total + 1)) - here
        return sorted(missing)

    def series(self, kind: str | None = None) -> TimeSeriesImages:
        """Return the images of all integrations.

        Parameters
        ----------
        kind : {"calints", "crfints", "rateints"}, optional
            By default the first of these that is here.

        Raises
        ------
        LRSExplorerError
            There are none, they cannot be read, or segments do not go together.
        """
        kind = kind or self._kind
        if kind not in KINDS:
            raise LRSExplorerError(
                f"{kind!r} is no kind of time series; there are {', '.join(KINDS)}."
            )
        series = self.integrations(kind)
        if not series.knows_wavelengths or (kind != "rateints" and series.nominal_wavelengths):
            remedy = "run assign_wcs (calwebb_spec2) on it, or download it again or its calints"
            if kind == "rateints":
                remedy = (
                    "download its calints, or make it from the rateints (lrs.reprocess, "
                    "lrs-explorer reprocess)"
                )
            raise LRSExplorerError(
                f"of {series.name} no wavelengths are known: it has neither a WAVELENGTH extension "
                f"nor a WCS; {remedy}."
            )
        return series

    def integrations(self, kind: str) -> TimeSeriesImages:
        """Return what `series` does, whether or not wavelengths are known.

        Raises
        ------
        LRSExplorerError
            There are none, they cannot be read, or segments do not go together.
        """
        with self._lock:
            if kind not in self._series:
                self._series[kind] = self._opened_series(kind)
            return self._series[kind]

    @property
    def _series(self) -> dict[str, TimeSeriesImages]:
        return self.__dict__.setdefault("_series_by_kind", {})

    def _opened_series(self, kind: str) -> TimeSeriesImages:
        paths = self.products.get(kind, [])
        if not paths:
            raise LRSExplorerError(
                f"{self.name} has no {kind} to show: {self.missing(kind, self.number())}."
            )
        return open_series(
            kind,
            [self._still_there(path) for path in paths],
            self._wavelength() if kind == "rateints" else None,
            self.left_out(kind),
        )

    def _wavelength(self) -> FloatArray | None:
        """Return the wavelengths of calibrated images, where there are some."""
        if not self.products.get("calints"):
            return None
        return self.series("calints").wavelength

    def left_out(self, kind: str | None = None) -> list[str]:
        """Say which segments have no file of a kind; nothing where all have one.

        Parameters
        ----------
        kind : str, optional
            By default the one that `series` takes.
        """
        kind = kind or self._kind
        without = [e for e in self._exposures if self._find(kind, e) is None]
        if not without:
            return []
        one = len(without) == 1
        named = ", ".join(f"{label[0].lower()}{label[1:]}" for label in map(self._label, without))
        remedy = self._missing(kind, without[0]) if one else f"download their {kind}"
        return [
            f"{named} of {self.name} {'has' if one else 'have'} no {kind}: "
            f"{'its' if one else 'their'} integrations are left out; {remedy}"
        ]

    def delivered_series(self) -> TimeSeries | None:
        """Return the spectra of all integrations that were delivered (x1dints), None if absent.

        Those of the single exposures where all are here, else the level 3 product.

        Raises
        ------
        LRSExplorerError
            There are files, but they cannot be read.
        """
        with self._lock:
            if "_delivered_series" not in self.__dict__:
                files = [p for p in self.files if p.kind == "x1dints"]
                single = [p.path for p in files if not p.combined]
                combined = [p.path for p in files if p.combined]
                wanted = {p.exposure for p in self.files if p.kind in KINDS}
                if wanted - {p.exposure for p in files} and combined:
                    single = []
                paths = [self._still_there(path) for path in single or combined]
                self.__dict__["_delivered_series"] = read_series(paths) if paths else None
            found: TimeSeries | None = self.__dict__["_delivered_series"]
            return found

    @property
    def chosen_columns(self) -> SkyColumns | None:
        """Columns for the 2-D background that a typical image tells, and why.

        None of a series in the slit, and where the image does not tell.
        """
        if self.mode != "slitless":
            return None
        with self._lock:
            if "_chosen_columns" not in self.__dict__:
                chosen = None
                # It is measured on rateints: calibration leaves some columns without values.
                for kind in ("rateints", None):
                    with contextlib.suppress(LRSExplorerError):  # spectra alone, say
                        chosen = chosen or choose_columns(self.series(kind).typical)
                self.__dict__["_chosen_columns"] = chosen
            found: SkyColumns | None = self.__dict__["_chosen_columns"]
            return found

    @property
    def sky_columns(self) -> tuple[tuple[float, float], ...]:
        """Columns of the sky, where a recipe takes it by default: those that the image tells."""
        chosen = self.chosen_columns
        return super().sky_columns if chosen is None else chosen.columns

    def why_not(self, name: str) -> str:
        """Say in a sentence what is missing to redo ``name``; "" when nothing is.

        Segments without images are left out, as `notes` say.

        Raises
        ------
        LRSExplorerError
            ``name`` is no key of `can_reprocess`.
        """
        why = super().why_not(name)
        if why or name != "extract_1d":
            return why
        try:
            self.series()
        except LRSExplorerError as error:  # without wavelengths, perhaps
            return str(error)
        return ""

    @property
    def _kind(self) -> str:
        """The kind of images that are shown: the first one that is here."""
        return next((kind for kind in KINDS if self.products.get(kind)), KINDS[0])

    @property
    def _redone(self) -> list[int | str]:
        every = super()._redone
        return [number for number in every if self.find(self._kind, number)] or every

    # -- what every observation has --------------------------------------------------------------

    @property
    def is_series(self) -> bool:
        """Whether its products hold integrations one by one."""
        return True

    @property
    def has_images(self) -> bool:
        """Whether there are images of integrations."""
        return any(self.products.get(kind) for kind in KINDS)

    def image_in(self, path: Path) -> SpectralImage:
        """Return a typical image of calibrated integrations; see `image`."""
        return open_series("calints", [path]).typical

    def spectrum_in(self, paths: Sequence[Path]) -> TimeSeries:
        """Return the spectra of all segments, in time order."""
        return read_series(paths)

    def image_path(self, nods: Nods | None = None) -> Path:
        """Return the first file of the series."""
        return self.series().paths[0]

    def image(self, nods: Nods | None = None) -> SpectralImage:
        """Return a typical image: the median of up to 32 integrations spread evenly."""
        return self.series().typical

    def delivered(self, nods: Nods | None = None) -> Spectrum | None:
        """Return the median in time of the delivered spectra, None where there are none."""
        series = self.delivered_series()
        return None if series is None else series.median

    def _label(self, exposure: Exposure) -> str:
        """Return what a segment is called on the screen."""
        if not exposure:
            return super()._label(exposure)
        _, _, visit, *_, number, segment = exposure
        several = len({one[2] for one in self._exposures}) > 1
        label = f"visit {visit}, exposure {number}" if several else f"exposure {number}"
        return (f"{label}, segment {segment}" if segment else label).capitalize()

    @property
    def _parts(self) -> str:
        """What its exposures are called together."""
        return "Segments" if any(exposure[-1] for exposure in self._exposures) else "Exposures"

    def choices(self) -> list[tuple[str, Nods]]:
        """Return label and selection of the one image that can be viewed."""
        return [("Time series", Nods())]

    def delivered_header(self, number: int | str) -> Mapping[str, Any]:
        """Return the header that tells how a segment was calibrated; empty if none does.

        Its own, else that of level 3, or of another segment: those of one exposure agree.
        """
        for kind in ("x1dints", "calints", "crfints"):
            path = self.find(kind, number) or self.find(kind, "combined")
            if path is not None:
                return self.header(path)
        if number == "combined":
            return {}
        own = self._exposures[int(number) - 1]
        beside = (p for p in self.files if p.exposure[:-1] == own[:-1])
        return next((p.header for p in beside if p.kind in CALIBRATED_INTEGRATIONS), {})

    def reference_header(self, nods: Nods | None = None) -> Mapping[str, Any]:
        """Return the primary header that stands for the series: the most processed one."""
        for kind in ("x1dints", *KINDS):
            for path in self.products.get(kind, []):
                return self.header(path)
        return super().reference_header(nods)
