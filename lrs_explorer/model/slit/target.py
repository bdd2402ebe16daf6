"""The score card of source positions: who says that the source is where, and what follows.

One choice drives both steps that need a position: ``position_offset`` of extract_1d (along the
slit) and ``user_slit_loc`` of pathloss (across it). The pipeline itself has no such link: its
targ_centroid step informs pathloss alone. See docs/positions.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import SpectralImage, Trace
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.slit.acquired import Acquired, acquired, ta_position
from lrs_explorer.model.slit.frame import SlitFrame, SlitPosition, read_slit_frame
from lrs_explorer.model.slit.geometry import outside_slit
from lrs_explorer.model.slit.ta_centroid import Method, centroid
from lrs_explorer.model.slit.ta_image import TAImage, read_filter_offset, read_ta_image

if TYPE_CHECKING:
    from lrs_explorer.model.observation.opening import Observation

__all__ = ["Candidate", "Key", "ScoreCard", "score_card"]

Key = Literal[
    "nominal",
    "header",
    "ta_gaussian",
    "ta_flux",
    "targ_centroid",
    "tacq_gaussian",
    "tacq_flux",
    "ta_all",
    "trace",
    "user",
]

NAMES: Final[dict[Key, str]] = {
    "nominal": "Nominal (nod pattern)",
    "header": "Header RA, Dec",
    "ta_gaussian": "TA verification, 2-D Gaussian",
    "ta_flux": "TA verification, flux-weighted",
    "targ_centroid": "jwst targ_centroid",
    "tacq_gaussian": "TA before the move, 2-D Gaussian",
    "tacq_flux": "TA before the move, flux-weighted",
    "ta_all": "All TA images together",
    "trace": "Measured trace",
    "user": "Chosen by hand",
}
"""What each candidate is called on the screen."""


@dataclass(frozen=True)
class Candidate:
    """One answer to where the source is in one exposure.

    Parameters
    ----------
    key : str
        What it is, for programs.
    name : str
        What it is called.
    along, across : float, arcsec
        Offset from the slit's center, towards larger columns and rows; NaN where it does not say.
    along_uncertainty, across_uncertainty : float, arcsec
        Standard errors; NaN where not known.
    pixel : float
        Where that is on the image, cross-dispersion pixel at the middle of the spectrum,
        0-indexed.
    detector : (float, float)
        Column and row on the detector, 0-indexed, in the frame of the slit's reference pixel.
    position_offset : float, pixels
        What extract_1d needs to extract there: offset of the aperture from where the header puts
        the source.
    user_slit_loc : float or None, arcsec
        What the pathloss step, without targ_centroid, needs to correct for there; None where
        ``across`` is not known.
    source : str
        Where the numbers are from: file, keywords, method.
    notes : tuple of str
        Plain sentences the user must see; first whether it lies outside the slit.
    correlation : float
        Of the errors of along and across.
    """

    key: Key
    name: str
    along: float
    across: float
    along_uncertainty: float
    across_uncertainty: float
    pixel: float
    detector: tuple[float, float]
    position_offset: float
    user_slit_loc: float | None
    source: str
    notes: tuple[str, ...] = ()
    correlation: float = 0.0

    @property
    def outside(self) -> bool:
        """Whether the place lies outside the slit."""
        return bool(outside_slit(self.across, self.along))


@dataclass(frozen=True, eq=False)
class ScoreCard:
    """All that is known of where the source is in one exposure.

    Parameters
    ----------
    frame : SlitFrame
    candidates : tuple of Candidate
        In the order of `NAMES`; those that cannot be had are missing, and ``notes`` say why.
    images : tuple of TAImage
        The acquisition images that were looked at.
    acquired : Acquired or None
        What they tell together; None where there are none.
    notes : tuple of str
        Plain sentences the user must see.
    """

    frame: SlitFrame
    candidates: tuple[Candidate, ...]
    images: tuple[TAImage, ...] = ()
    acquired: Acquired | None = None
    notes: tuple[str, ...] = ()

    def get(self, key: Key) -> Candidate | None:
        """Return one candidate, None where it cannot be had."""
        return next((c for c in self.candidates if c.key == key), None)

    @property
    def verified(self) -> Candidate | None:
        """What the pathloss mode "ta" uses: jwst's own result, else our Gaussian centroid."""
        both = (self.get("targ_centroid"), self.get("ta_gaussian"))
        return next((c for c in both if c is not None and np.isfinite(c.across)), None)

    @property
    def seen(self) -> Candidate | None:
        """Where target acquisition shows the source: all its images together, else jwst's result.

        None where neither tells how far across the slit it is.
        """
        both = (self.get("ta_all"), self.get("targ_centroid"))
        return next((c for c in both if c is not None and np.isfinite(c.across)), None)

    def user(self, along: float, across: float) -> Candidate:
        """Return a candidate at a place of the user's choice (arcsec)."""
        return _candidate(
            "user", self.frame, SlitPosition(along, across), (0.0, 0.0), "chosen by hand"
        )


def score_card(
    observation: Observation,
    nods: Nods | None = None,
    *,
    filter_offsets: PathLike | None = None,
    user: SlitPosition | None = None,
) -> ScoreCard:
    """Collect every answer to where the source is.

    Parameters
    ----------
    observation : Observation
    nods : Nods, optional
        Which image; the one the observation was opened on by default. For the combined image the
        positions are those of its first exposure.
    filter_offsets : path, optional
        Filter offset reference file; without it positions on acquisition images are not shifted.
    user : SlitPosition, optional
        A place of the user's choice.

    Returns
    -------
    ScoreCard

    Raises
    ------
    LRSExplorerError
        There is no image, or it does not tell where the slit is.
    """
    image, product = observation.image(nods), observation.image_path(nods)
    frame = read_slit_frame(product)
    nominal, header = frame.nominal, frame.header
    found = [
        _candidate(
            "nominal",
            frame,
            nominal,
            (np.nan, np.nan),
            "XOFFSET, YOFFSET of the nod from the slit's center (SIAF); extract_1d uses it",
        )
    ]
    if header is not None:
        found.append(
            _candidate(
                "header",
                frame,
                header,
                (np.nan, np.nan),
                "TARG_RA, TARG_DEC by the pointing (RA_REF, DEC_REF, ROLL_REF); pathloss uses it, "
                "along the slit alone",
            )
        )
    images, notes = [], []
    try:
        paths = observation.acquisition_images(nods)
    except LRSExplorerError as error:
        paths = []
        notes.append(str(error))
    for path in paths:
        try:
            images.append(read_ta_image(path))
        except LRSExplorerError as error:
            notes.append(str(error))
    shifts = _shifts(images, filter_offsets)
    measured, problems = _acquired(images, frame, shifts)
    found += measured
    notes += problems
    together = acquired(images, frame, shifts) if images else None
    if together is not None and together.position is not None:
        found.append(_together(together, frame))
    if frame.targ_centroid is not None:
        number = observation.number(nods)
        cal = observation.find("cal", 1 if number == "combined" else number)
        told_by, told = product, frame.targ_centroid
        if cal is not None:  # resampling forgets where the source is across the slit
            told_by, told = cal, read_slit_frame(cal).targ_centroid or told
        origin = f"SRCXPOS, SRCYPOS in {told_by.name}"
        found.append(_candidate("targ_centroid", frame, told, (np.nan, np.nan), origin))
    trace = find_trace(image)
    if trace is None:
        notes.append("no trace is significant on the image")
    else:
        found.append(_traced(trace, image, frame))
    card = ScoreCard(frame, (), tuple(images), together, tuple(notes))
    if user is not None:
        found.append(card.user(user.along, user.across))
    order = list(NAMES)
    return replace(card, candidates=tuple(sorted(found, key=lambda c: order.index(c.key))))


def _shifts(
    images: Iterable[TAImage], filter_offsets: PathLike | None
) -> dict[str, tuple[float, float]]:
    """Return what the filters of these images shift them by, as far as it is known."""
    if filter_offsets is None:
        return {}
    found = {name: read_filter_offset(filter_offsets, name) for name in {i.filter for i in images}}
    return {name: shift for name, shift in found.items() if shift is not None}


def _together(together: Acquired, frame: SlitFrame) -> Candidate:
    """Return the candidate that all acquisition images give together."""
    assert together.position is not None
    candidate = _candidate(
        "ta_all",
        frame,
        together.position,
        together.errors,
        f"weighted mean of {', '.join(together.used)}; those that do not count by their pointing "
        "(RA_REF, DEC_REF) and the exposure's",
        (*together.failures, *together.doubts),
    )
    return replace(
        candidate, notes=tuple(dict.fromkeys(candidate.notes)), correlation=together.correlation
    )


def _acquired(
    images: Iterable[TAImage], frame: SlitFrame, shifts: dict[str, tuple[float, float]]
) -> tuple[list[Candidate], list[str]]:
    """Return the candidates that acquisition images give, and what stood in the way of others."""
    found, notes = [], []
    # A later image replaces an earlier one of its kind.
    for image in {image.exp_type: image for image in images}.values():
        assert image.path is not None
        known = shifts.get(image.filter)
        remarks = list(image.notes)
        if known is None:
            remarks.append(f"the shift of the filter {image.filter} is not known and not taken off")
        if not image.through_slit:
            remarks.append(
                "taken beside the slit, before the telescope moved the source into it: this is "
                "where it would be without that move"
            )
        methods: tuple[Method, ...] = ("gaussian", "flux")
        for method in methods:
            try:
                measured = centroid(image, method)
            except LRSExplorerError as error:
                if str(error) not in notes:
                    notes.append(str(error))
                continue
            stage = "ta" if image.through_slit else "tacq"
            key: Key = f"{stage}_{method}"  # type: ignore[assignment]
            found.append(
                _candidate(
                    key,
                    frame,
                    ta_position(image, measured, frame, known or (0.0, 0.0)),
                    (
                        measured.column_uncertainty * frame.pixel_scale,
                        measured.row_uncertainty * frame.pixel_scale,
                    ),
                    f"{image.path.name}: column {measured.column:.2f}, row {measured.row:.2f}",
                    (*measured.notes, *remarks),
                )
            )
    return found, notes


def _traced(trace: Trace, image: SpectralImage, frame: SlitFrame) -> Candidate:
    """Return the candidate that the trace on the image gives."""
    low, high = NOMINAL_RANGE
    rows = np.flatnonzero((image.row_wavelength >= low) & (image.row_wavelength <= high))
    bend = np.polynomial.polynomial.polyval(rows, trace.coefficients or (0.0,))
    # The mean over the rows that count: a trace is bent, and the header's is straight on an s2d.
    pixel = trace.center if image.kind == "s2d" else float(trace.center + np.mean(bend))
    return _candidate(
        "trace",
        frame,
        SlitPosition(frame.along(pixel), np.nan),
        (trace.uncertainty / abs(frame.step), np.nan),
        f"trace measured on {image.path.name if image.path else 'the image'}, mean over "
        f"{low:g}-{high:g} µm",
        ("it does not tell where the source is across the slit",),
    )


def _candidate(
    key: Key,
    frame: SlitFrame,
    position: SlitPosition,
    uncertainty: tuple[float, float],
    source: str,
    notes: tuple[str, ...] = (),
) -> Candidate:
    """Make a candidate of a place in the slit: all that follows from it."""
    outside = outside_slit(position.across, position.along)
    pixel = frame.pixel(position.along)
    known = np.isfinite(position.across)
    return Candidate(
        key=key,
        name=NAMES[key],
        along=position.along,
        across=position.across,
        along_uncertainty=uncertainty[0],
        across_uncertainty=uncertainty[1],
        pixel=pixel,
        detector=frame.detector(position),
        position_offset=pixel - frame.extraction,
        user_slit_loc=position.across if known else None,
        source=source,
        notes=((outside,) if outside else ()) + notes,
    )
