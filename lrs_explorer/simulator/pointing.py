"""Where things are on the sky, for offsets of arcseconds around the slit.

Directions: V3 points ROLL_REF degrees east of north at the reference point, V2 a right angle
further east. Offsets are so small that the tangent plane is exact to a millionth of an arcsec.
"""

from __future__ import annotations

import numpy as np

from lrs_explorer.simulator import instrument


def ideal_to_v2v3(
    x_ideal: float, y_ideal: float, y_angle: float = instrument.V3_IDEAL_Y_ANGLE
) -> tuple[float, float]:
    """Turn an offset in an aperture's ideal frame into one in V2, V3; all in arcsec.

    Ideal x runs along the slit with the detector columns, ideal y across it with the rows;
    ``y_angle`` (degrees) is that of its y axis, the slit's by default.
    """
    angle = np.deg2rad(y_angle)
    x = instrument.IDEAL_PARITY * x_ideal
    v2 = x * np.cos(angle) + y_ideal * np.sin(angle)
    v3 = -x * np.sin(angle) + y_ideal * np.cos(angle)
    return float(v2), float(v3)


def offset_sky(
    ra: float, dec: float, roll: float, x_ideal: float, y_ideal: float
) -> tuple[float, float]:
    """Sky position at an ideal-frame offset from a position.

    Parameters
    ----------
    ra, dec, roll : float, degrees
    x_ideal, y_ideal : float, arcsec

    Returns
    -------
    ra, dec : float, degrees
    """
    v2, v3 = ideal_to_v2v3(x_ideal, y_ideal)
    angle = np.deg2rad(roll)
    east = v2 * np.cos(angle) + v3 * np.sin(angle)
    north = -v2 * np.sin(angle) + v3 * np.cos(angle)
    new_dec = dec + north / 3600.0
    new_ra = ra + east / 3600.0 / np.cos(np.deg2rad(dec))
    return float(new_ra), float(new_dec)
