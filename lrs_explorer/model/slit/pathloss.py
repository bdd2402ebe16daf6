"""The light a star loses at the edges of the slit, and the correction for it.

Everything here is arithmetic on the table of a pathloss reference file, done as
``jwst.pathloss.pathloss`` does it for the LRS slit; no pipeline is imported. A correction is a
factor by which the pipeline multiplies the data, 1.1 to 1.5 for a centered star.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.fitsfile import array, cards, open_fits
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.recipe import Pathloss
from lrs_explorer.model.slit.frame import SlitFrame, SlitPosition
from lrs_explorer.model.slit.geometry import PIXEL_SCALE, outside_slit

__all__ = [
    "UNCORRECTED",
    "Correction",
    "PathlossChoice",
    "PathlossReference",
    "delivered_correction",
    "preview",
    "read_pathloss",
    "resolve",
]

FloatArray = NDArray[np.floating[Any]]

APPROXIMATE: Final = "approximate: the spectrum times the ratio of two pathloss corrections"
"""What a preview is called beside its curve."""


@dataclass(frozen=True, eq=False)
class Correction:
    """A pathloss correction against wavelength.

    Parameters
    ----------
    wavelength : ndarray, shape (n,), micron, ascending; empty for no correction
    factor : ndarray, shape (n,)
        By which a star's spectrum is multiplied; NaN where it is not known.
    along, across : float, arcsec
        Position in the slit that it holds for; NaN where not known.
    notes : tuple of str
        Plain sentences the user must see.
    """

    wavelength: FloatArray
    factor: FloatArray
    along: float = np.nan
    across: float = np.nan
    notes: tuple[str, ...] = ()

    def at(self, wavelength: ArrayLike) -> NDArray[np.float64]:
        """Return the factor at ``wavelength`` (micron), any shape; NaN beyond the known range.

        Linear in between, and NaN at and below the shortest wavelength, as
        ``jwst.pathloss.pathloss.interpolate_onto_grid`` has it.
        """
        wave = np.asarray(wavelength, dtype=float)
        if self.wavelength.size == 0:
            return np.ones_like(wave)
        known = (wave > self.wavelength[0]) & (wave <= self.wavelength[-1])
        return np.where(known, np.interp(wave, self.wavelength, self.factor), np.nan)


UNCORRECTED: Final = Correction(np.empty(0), np.empty(0))
"""No correction: the factor 1 everywhere."""


@dataclass(frozen=True, eq=False)
class PathlossReference:
    """A pathloss reference file of the LRS slit (``MirLrsPathlossModel``).

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), micron
        In the order of the file, which falls.
    factor : ndarray, shape (n_wave, n_across, n_along)
        Multiplicative correction.
    grid : tuple of float
        CRPIX, CRVAL and CDELT of the axis along the slit, then of that across it: pixels from the
        slit's center.
    name : str
        File name.
    """

    wavelength: FloatArray
    factor: FloatArray
    grid: tuple[float, float, float, float, float, float]
    name: str

    def correction(
        self, across: float = 0.0, along: float = 0.0, pixel_scale: float = PIXEL_SCALE
    ) -> Correction:
        """Return the correction of a star at a place in the slit, as PathLossStep applies it.

        Parameters
        ----------
        across, along : float, arcsec
            Offset from the slit's center.
        pixel_scale : float, arcsec
            Of a pixel, for both axes; `lrs_explorer.model.slit.frame.SlitFrame` has the
            pipeline's.

        Returns
        -------
        Correction
            Outside the grid of the file it is that of the slit's center, as in the pipeline (which
            only logs it); ``notes`` say so, and also when the place is outside the slit.

        Raises
        ------
        LRSExplorerError
            The position is not a number.
        """
        if not (np.isfinite(across) and np.isfinite(along)):
            raise LRSExplorerError(
                "the pathloss correction needs a position in the slit, and it is not known; "
                "choose the slit's center or an offset."
            )
        notes = [outside_slit(across, along)]
        vector = self._interpolated(along / pixel_scale, across / pixel_scale)
        if vector is None:
            notes.append(
                f"the position is beyond the grid of {self.name}: the pipeline corrects for the "
                "slit's center instead"
            )
            vector = self._interpolated(0.0, 0.0)
            if vector is None:
                raise LRSExplorerError(
                    f"{self.name} does not hold the slit's center; give another pathloss reference."
                )
        return Correction(
            wavelength=np.asarray(self.wavelength[::-1], dtype=float),
            factor=np.asarray(vector[::-1], dtype=float),
            along=along,
            across=across,
            notes=tuple(note for note in notes if note),
        )

    def _interpolated(self, x: float, y: float) -> FloatArray | None:
        """Return the bilinear interpolation at a pixel offset, None outside the grid."""
        _, n_rows, n_columns = self.factor.shape
        crpix_x, crval_x, cdelt_x, crpix_y, crval_y, cdelt_y = self.grid
        column = crpix_x + (x - crval_x) / cdelt_x - 1
        row = crpix_y + (y - crval_y) / cdelt_y - 1
        # The last row and column are taken for outside by the pipeline too.
        if not (0 <= column < n_columns - 1 and 0 <= row < n_rows - 1):
            return None
        j, i = int(column), int(row)
        dx, dy = column - j, row - i
        corners = self.factor[:, i : i + 2, j : j + 2]
        weights = np.outer([1 - dy, dy], [1 - dx, dx])
        return np.asarray((corners * weights).sum(axis=(1, 2)))


def read_pathloss(path: PathLike) -> PathlossReference:
    """Read a pathloss reference file.

    Raises
    ------
    LRSExplorerError
        The file cannot be read or is no pathloss reference of the LRS slit.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        table = array(hdus, "PATHLOSS", path)
        names = () if table is None or table.dtype.names is None else table.dtype.names
        if not {"wavelength", "pathloss"} <= {name.lower() for name in names}:
            raise LRSExplorerError(
                f"{path.name} is no pathloss reference of the LRS slit: it has no table PATHLOSS "
                "with wavelength and pathloss; give the file that R_PTHLOS names."
            )
        assert table is not None
        columns = {name.lower(): np.array(table[name]) for name in names}
        header = cards(hdus["PATHLOSS"].header)
    keywords = ("CRPIX1", "CRVAL1", "CDELT1", "CRPIX2", "CRVAL2", "CDELT2")
    missing = [key for key in keywords if not isinstance(header.get(key), (int, float))]
    if missing or columns["pathloss"].ndim != 3:
        raise LRSExplorerError(
            f"{path.name} is damaged: {missing[0] if missing else 'its cube'} is missing; "
            "download it again."
        )
    return PathlossReference(
        wavelength=columns["wavelength"],
        factor=columns["pathloss"],
        grid=tuple(float(header[key]) for key in keywords),  # type: ignore[arg-type]
        name=path.name,
    )


def delivered_correction(path: PathLike) -> Correction:
    """Return the correction that a calibrated exposure carries.

    Parameters
    ----------
    path : path
        A cal product. Resampling drops the correction, so an s2d cannot tell.

    Returns
    -------
    Correction
        From the extension PATHLOSS_PS, by wavelength; `UNCORRECTED` with a note where the step was
        skipped (which it is for extended sources).

    Raises
    ------
    LRSExplorerError
        The file cannot be read, or it was corrected and does not hold the correction.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        if "SCI" in hdus:
            header |= cards(hdus["SCI"].header)
        factor = array(hdus, "PATHLOSS_PS", path)
        wavelength = array(hdus, "WAVELENGTH", path)
    if header.get("S_PTHLOS") != "COMPLETE":
        why = ": the source is taken for extended" if header.get("SRCTYPE") == "EXTENDED" else ""
        return replace(UNCORRECTED, notes=(f"{path.name} has no pathloss correction{why}",))
    if factor is None or wavelength is None or factor.shape != wavelength.shape:
        raise LRSExplorerError(
            f"{path.name} was corrected for pathloss but does not hold the correction; give the "
            "cal product."
        )
    known = np.isfinite(factor) & np.isfinite(wavelength)
    # One wavelength a row: the slit is straight in wavelength.
    wave, first = np.unique(wavelength[known].astype(float), return_index=True)
    return Correction(wave, factor[known].astype(float)[first])


@dataclass(frozen=True)
class PathlossChoice:
    """What a recipe's pathloss part means for one exposure.

    Parameters
    ----------
    mode : str
        As in `lrs_explorer.model.recipe.recipe.Pathloss`.
    position : SlitPosition or None
        Where in the slit it is corrected for; None for no correction.
    user_slit_loc : float or None, arcsec
        Parameter of the step that gives this position without targ_centroid (the step adds it to
        the header's position, which is on the center line); None = not needed.
    sentence : str
        The choice in plain words.
    warnings : tuple of str
        What the user must see loudly: a position outside the slit.
    """

    mode: str
    position: SlitPosition | None
    user_slit_loc: float | None
    sentence: str
    warnings: tuple[str, ...] = ()

    def correction(
        self, reference: PathlossReference, pixel_scale: float = PIXEL_SCALE
    ) -> Correction:
        """Return the correction at the chosen position; `UNCORRECTED` for mode "off"."""
        if self.position is None:
            return UNCORRECTED
        return reference.correction(self.position.across, self.position.along, pixel_scale)


def resolve(
    pathloss: Pathloss, frame: SlitFrame, verified: SlitPosition | None = None
) -> PathlossChoice:
    """Return which position in the slit a recipe corrects for.

    Parameters
    ----------
    pathloss : Pathloss
    frame : SlitFrame
        Of the exposure.
    verified : SlitPosition, optional
        Where target acquisition saw the source, for mode "ta"; see
        `lrs_explorer.model.slit.target.ScoreCard.verified`.

    Returns
    -------
    PathlossChoice

    Raises
    ------
    LRSExplorerError
        Mode "ta" without a position from target acquisition.
    """
    mode, header = pathloss.mode, frame.pathloss
    location: float | None = None
    if frame.source_type == "EXTENDED" and mode != "off":
        return PathlossChoice(
            mode,
            None,
            None,
            "the source is taken for extended (SRCTYPE), and the pipeline corrects pathloss only "
            "of point sources",
        )
    if mode == "off":
        return PathlossChoice(mode, None, None, "no pathloss correction")
    if mode == "as_delivered" and frame.corrected is None:
        return PathlossChoice(
            mode, None, None, "as delivered: whether pathloss was corrected is not known (S_PTHLOS)"
        )
    if mode == "as_delivered" and not frame.corrected:
        return PathlossChoice(mode, None, None, "as delivered: no pathloss correction (S_PTHLOS)")
    if mode == "as_delivered":
        position = frame.targ_centroid or header
        origin = "targ_centroid" if frame.targ_centroid else "the header"
        sentence = f"as delivered: corrected for the position of {origin}, {_place(position)}"
        if frame.targ_centroid is None:
            sentence += "; the pipeline does not know how far across the slit the source is"
    elif mode == "center":
        position = SlitPosition(header.along, 0.0)
        location = 0.0
        sentence = f"corrected for a source on the slit's center line, {_place(position)}"
    elif mode == "offset":
        location = pathloss.user_slit_loc
        position = SlitPosition(header.along, location)
        sentence = f"corrected for the chosen offset, {_place(position)}"
    elif mode == "ta":
        if verified is None or not np.isfinite(verified.across):
            raise LRSExplorerError(
                "no target acquisition image tells where the source is in the slit; choose the "
                "slit's center or an offset, or add the verification image (MIR_TACONFIRM)."
            )
        position, location = verified, verified.across
        sentence = f"corrected for the position on the verification image, {_place(position)}"
    else:
        raise unknown("pathloss mode", mode)
    warning = outside_slit(position.across, position.along)
    return PathlossChoice(mode, position, location, sentence, (warning,) if warning else ())


def _place(position: SlitPosition) -> str:
    across = "unknown" if np.isnan(position.across) else f"{position.across:+.2f}″"
    text = f"{across} across and {position.along:+.2f}″ along the slit"
    return text.replace("-", "−")


def preview(spectrum: Spectrum, old: Correction, new: Correction) -> Spectrum:
    """Return a spectrum as another pathloss correction would leave it, at once.

    Parameters
    ----------
    spectrum : Spectrum
        Extracted from data that were corrected with ``old``.
    old, new : Correction
        The correction in it, and the one to show.

    Returns
    -------
    Spectrum
        All fluxes, surface brightnesses and errors times the ratio of the two corrections at each
        wavelength, variances times its square; NaN and DQ 1 where it is not known. ``notes`` say
        that it is approximate: the pipeline corrects pixels before it resamples them. Against a
        full run of calwebb_spec2 with the same offset, flux and errors agree to 1e-6 from 5 to 12
        micron on a simulated star (``tests/positions``), as long as no step in between looks at
        the values (outlier detection and pixel replacement do).
    """
    ratio = new.at(spectrum.columns["WAVELENGTH"]) / old.at(spectrum.columns["WAVELENGTH"])
    columns = dict(spectrum.columns)
    for name, values in columns.items():
        if name in ("WAVELENGTH", "NPIXELS", "DQ"):
            continue
        power = 2 if "_VAR_" in name else 1
        columns[name] = (values * ratio**power).astype(values.dtype)
    unknown = ~np.isfinite(columns["FLUX"])
    columns["DQ"] = np.where(unknown, columns["DQ"] | 1, columns["DQ"])
    notes = (APPROXIMATE, *new.notes)
    return replace(spectrum, columns=columns, origin="live", notes=(*spectrum.notes, *notes))
