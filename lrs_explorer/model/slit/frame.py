"""Where the slit is on an image, and where the header puts the source in it.

Offsets in the slit are turned into sky positions by the header's pointing, and those into pixels by
the WCS that the pipeline stored in the product. Nothing is assumed of the image's orientation or
sampling. See docs/positions.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, corner
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.fitsfile import cards, open_fits
from lrs_explorer.model.files.recognition import MOVED, target_moved
from lrs_explorer.model.files.wcs import stored_wcs
from lrs_explorer.model.slit.geometry import PIXEL_SCALE

__all__ = ["Pointing", "SlitFrame", "SlitPosition", "read_slit_frame"]


@dataclass(frozen=True)
class SlitPosition:
    """A place in the slit.

    Parameters
    ----------
    along, across : float, arcsec
        Offset from the slit's center, towards larger columns and rows; NaN where unknown.
    """

    along: float
    across: float


@dataclass(frozen=True)
class Pointing:
    """Where the telescope looked: the WCS keywords of the SIAF frame.

    Parameters
    ----------
    ra_ref, dec_ref, roll_ref : float, degrees
        The slit's reference point on the sky, and the angle of V3 there, east of north.
    v3i_yang : float, degrees
        Angle from V3 to the ideal y axis, which runs across the slit.
    vparity : int
        1 or -1.
    quality, guiding, guide_star : str
        How it is known (ENGQLPTG), how the telescope was held (PCS_MODE) and by which star
        (GDSTARID); "" where the header does not tell.
    """

    ra_ref: float
    dec_ref: float
    roll_ref: float
    v3i_yang: float
    vparity: int
    quality: str = ""
    guiding: str = ""
    guide_star: str = ""

    @classmethod
    def from_header(cls, header: Mapping[str, Any], name: str) -> Pointing:
        """Read the pointing from primary and SCI header cards.

        Raises
        ------
        LRSExplorerError
            A card is missing.
        """
        keywords = ("RA_REF", "DEC_REF", "ROLL_REF", "V3I_YANG", "VPARITY")
        missing = [key for key in keywords if not isinstance(header.get(key), (int, float))]
        if missing:
            raise LRSExplorerError(
                f"{name} does not tell where the telescope pointed ({', '.join(missing)} missing); "
                "give a product of the pipeline's level 2."
            )
        ra, dec, roll, angle, parity = (header[key] for key in keywords)
        told = [str(header.get(key) or "") for key in ("ENGQLPTG", "PCS_MODE", "GDSTARID")]
        return cls(float(ra), float(dec), float(roll), float(angle), int(parity), *told)

    def _rotation(self) -> np.ndarray:
        """Return the matrix that turns ideal x, y into offsets east and north."""
        ideal, roll = np.deg2rad(self.v3i_yang), np.deg2rad(self.roll_ref)
        to_v2v3 = np.array(
            [
                [self.vparity * np.cos(ideal), np.sin(ideal)],
                [-self.vparity * np.sin(ideal), np.cos(ideal)],
            ]
        )
        to_sky = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        return np.asarray(to_sky @ to_v2v3)

    def sky(self, position: SlitPosition) -> tuple[float, float]:
        """Return right ascension and declination (degrees) of a place in the slit."""
        east, north = self._rotation() @ [position.along, position.across]
        dec = self.dec_ref + north / 3600
        return float(self.ra_ref + east / 3600 / np.cos(np.deg2rad(self.dec_ref))), float(dec)

    def slit(self, ra: float, dec: float) -> SlitPosition:
        """Return where a sky position (degrees) is in the slit; the inverse of `sky`."""
        apart = (ra - self.ra_ref + 180) % 360 - 180
        east = apart * 3600 * np.cos(np.deg2rad(self.dec_ref))
        north = (dec - self.dec_ref) * 3600
        along, across = np.linalg.solve(self._rotation(), [east, north])
        return SlitPosition(float(along), float(across))


@dataclass(frozen=True, eq=False)
class SlitFrame:
    """The slit on one product, and the source in it by the header.

    Parameters
    ----------
    pointing : Pointing
    pixel_scale : float, arcsec
        Of a detector pixel: what ``jwst.pathloss`` takes for both axes.
    reference : (float, float)
        Column and row of the slit's center on the detector, 0-indexed.
    row : float
        Dispersion pixel of the image at which positions are given, the middle of the spectrum.
    origin : float
        Cross-dispersion pixel of the slit's center at ``row``, 0-indexed.
    step : float
        Pixels of the image per arcsec along the slit, with sign.
    nominal : SlitPosition
        Where the nod pattern means the source to be (XOFFSET, YOFFSET).
    header : SlitPosition or None
        Where TARG_RA and TARG_DEC are by the pointing; None where the header has none.
    extraction : float
        Where extract_1d takes the source to be, cross-dispersion pixel at ``row``.
    pathloss : SlitPosition
        Where the pathloss step takes the source to be when targ_centroid has not been run: always
        on the center line.
    targ_centroid : SlitPosition or None
        What jwst's targ_centroid step found, None where it has not been run. A resampled image
        does not tell ``across``.
    source_type : str
        SRCTYPE: only for "POINT" is pathloss corrected.
    corrected : bool or None
        Whether the product was corrected for pathloss (S_PTHLOS); None where it does not tell.
    """

    pointing: Pointing
    pixel_scale: float
    reference: tuple[float, float]
    row: float
    origin: float
    step: float
    nominal: SlitPosition
    header: SlitPosition | None
    extraction: float
    pathloss: SlitPosition
    targ_centroid: SlitPosition | None
    source_type: str = "POINT"
    corrected: bool | None = True

    def pixel(self, along: float) -> float:
        """Return the cross-dispersion pixel, at ``row``, of a place along the slit (arcsec)."""
        return self.origin + self.step * along

    def along(self, pixel: float) -> float:
        """Return the place along the slit (arcsec) of a cross-dispersion pixel at ``row``."""
        return (pixel - self.origin) / self.step

    def detector(self, position: SlitPosition) -> tuple[float, float]:
        """Return column and row on the detector, 0-indexed, of a place in the slit.

        This is where a star is seen without the prism: on an acquisition image, before the shift
        of its filter.
        """
        return (
            self.reference[0] + position.along / self.pixel_scale,
            self.reference[1] + position.across / self.pixel_scale,
        )


def read_slit_frame(path: PathLike) -> SlitFrame:
    """Find the slit on a product with a WCS.

    Parameters
    ----------
    path : path
        A cal, crf or s2d product of the slit. For a combined (level 3) s2d the frame is that of
        its first exposure.

    Returns
    -------
    SlitFrame

    Raises
    ------
    LRSExplorerError
        The file cannot be read, or has no pointing or no usable WCS; or it combines exposures of a
        target that moved.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        if "SCI" in hdus:
            header |= {k: v for k, v in cards(hdus["SCI"].header).items() if k not in header}
        if target_moved(path, header):
            raise LRSExplorerError(
                f"where the source is in the slit {MOVED} ({path.name}); choose a single exposure."
            )
        pointing = Pointing.from_header(header, path.name)
        with stored_wcs(hdus, path) as wcs, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if wcs is None:
                raise LRSExplorerError(
                    f"{path.name} has no WCS, so positions in it cannot be told; give its cal or "
                    "s2d product."
                )
            return _frame(header, pointing, wcs, path.name)


def _frame(header: Mapping[str, Any], pointing: Pointing, wcs: Any, name: str) -> SlitFrame:
    def number(key: str, default: float = np.nan) -> float:
        value = header.get(key)
        return float(value) if isinstance(value, (int, float)) else default

    nominal = SlitPosition(number("XOFFSET", 0.0), number("YOFFSET", 0.0))
    has_target = np.isfinite(number("TARG_RA") + number("TARG_DEC"))
    target = pointing.slit(number("TARG_RA"), number("TARG_DEC")) if has_target else None
    row, wavelength = _middle(wcs)

    def pixel(ra: float, dec: float) -> float:
        return float(wcs.backward_transform(ra, dec, wavelength)[0])

    reference = REFERENCE_PIXELS["MIRIM_SLIT"]
    scale = PIXEL_SCALE
    center = pointing.sky(SlitPosition(0.0, 0.0))
    # The step ignores where the source is across the slit: its axis is known by wavelength alone.
    assumed = SlitPosition(target.along if target else nominal.along, 0.0)
    resampled = "v2v3" not in wcs.available_frames
    begins = (0, 0) if resampled else corner(header) or (0, 0)
    if not resampled:  # the WCS remembers the reference pixel
        forward = wcs.get_transform("detector", "world")
        inverse = wcs.get_transform("world", "detector")
        reference = float(-forward.offset_1), float(-forward.offset_2)
        ra, dec, at_reference = forward(*reference)
        scale = _separation((ra, dec), forward(reference[0] + 1, reference[1])[:2])
        center = float(ra), float(dec)
        if target is not None:
            x, y = inverse(number("TARG_RA"), number("TARG_DEC"), at_reference)
            assumed = SlitPosition(float(x - reference[0]) * scale, float(y - reference[1]) * scale)
    origin = pixel(*center)
    step = pixel(*pointing.sky(SlitPosition(1.0, 0.0))) - pixel(
        *pointing.sky(SlitPosition(0.0, 0.0))
    )
    if not np.isfinite(origin + step) or step == 0:
        raise LRSExplorerError(
            f"{name} has a WCS that does not reach the slit; run assign_wcs (calwebb_spec2) anew."
        )
    found = None
    if header.get("S_TACNTR") == "COMPLETE" and np.isfinite(number("SRCXPOS")):
        if resampled:  # its keywords are pixels of the resampled image: rows of wavelength
            found = SlitPosition((number("SRCXPOS") - origin) / step, np.nan)
        else:
            found = SlitPosition(
                (number("SRCXPOS") - reference[0]) * scale,
                (number("SRCYPOS") - reference[1]) * scale,
            )
    corrected = header.get("S_PTHLOS")
    return SlitFrame(
        pointing=pointing,
        pixel_scale=scale,
        reference=(reference[0] + begins[1], reference[1] + begins[0]),
        row=row,
        origin=origin,
        step=step,
        nominal=nominal,
        header=target,
        extraction=pixel(*pointing.sky(nominal)),
        pathloss=assumed,
        targ_centroid=found,
        source_type=str(header.get("SRCTYPE", "")),
        corrected=None if corrected is None else corrected == "COMPLETE",
    )


def _middle(wcs: Any) -> tuple[float, float]:
    """Return dispersion pixel and wavelength (micron) in the middle, as jwst's extract_1d has it.

    See ``jwst.extract_1d.source_location.middle_from_wcs``.
    """
    (_, x_stop), (y_start, y_stop) = wcs.bounding_box.bounding_box(order="F")
    row = (y_start + y_stop) / 2
    columns = np.arange(round(x_stop), dtype=float)
    wavelength = wcs(columns, np.full(columns.shape, row))[2]
    return float(row), float(np.nanmean(wavelength))


def _separation(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two neighbouring points on the sky (degrees), in arcsec."""
    east = (other[0] - one[0]) * np.cos(np.deg2rad((one[1] + other[1]) / 2))
    return float(np.hypot(east, other[1] - one[1]) * 3600)
