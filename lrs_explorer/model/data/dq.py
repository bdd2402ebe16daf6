"""Data quality flags by name: bits of the ``DQ`` arrays in JWST products.

The table repeats ``stdatamodels.jwst.datamodels.dqflags.pixel`` so that names can be shown without
importing jwst; a test holds the two together.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["DO_NOT_USE", "FLAGS", "flagged", "names", "unusable"]

_IN_BIT_ORDER: Final = (
    "DO_NOT_USE",
    "SATURATED",
    "JUMP_DET",
    "DROPOUT",
    "OUTLIER",
    "PERSISTENCE",
    "AD_FLOOR",
    "CHARGELOSS",
    "RESERVED",
    "NON_SCIENCE",
    "DEAD",
    "HOT",
    "WARM",
    "LOW_QE",
    "RC",
    "TELEGRAPH",
    "NONLINEAR",
    "BAD_REF_PIXEL",
    "NO_FLAT_FIELD",
    "NO_GAIN_VALUE",
    "NO_LIN_CORR",
    "NO_SAT_CHECK",
    "UNRELIABLE_BIAS",
    "UNRELIABLE_DARK",
    "UNRELIABLE_SLOPE",
    "UNRELIABLE_FLAT",
    "OPEN",
    "ADJ_OPEN",
    "FLUX_ESTIMATED",
    "MSA_FAILED_OPEN",
    "OTHER_BAD_PIXEL",
    "REFERENCE_PIXEL",
)

FLAGS: Final = MappingProxyType({name: 1 << bit for bit, name in enumerate(_IN_BIT_ORDER)})
"""Value of each pixel flag, in bit order."""

DO_NOT_USE: Final = FLAGS["DO_NOT_USE"]


def names(value: int | np.integer[Any]) -> list[str]:
    """Return the names of the flags set in ``value``, lowest bit first; none for a good pixel."""
    bits = int(value) & 0xFFFFFFFF
    return [name for name, flag in FLAGS.items() if bits & flag]


def flagged(dq: ArrayLike, *flags: str) -> NDArray[np.bool_]:
    """Tell which pixels carry at least one of the named flags.

    Parameters
    ----------
    dq : array_like of int, any shape
        DQ values.
    *flags : str
        Names in `FLAGS`.

    Returns
    -------
    ndarray of bool, shape of ``dq``

    Raises
    ------
    LRSExplorerError
        A name is no DQ flag.
    """
    bits = 0
    for flag in flags:
        if flag not in FLAGS:
            raise LRSExplorerError(f"{flag!r} is not a DQ flag; flags are {', '.join(FLAGS)}.")
        bits |= FLAGS[flag]
    return (np.asarray(dq).astype(np.uint32) & np.uint32(bits)) != 0


def unusable(dq: ArrayLike) -> NDArray[np.bool_]:
    """Tell which pixels the pipeline leaves out (``DO_NOT_USE``)."""
    return flagged(dq, "DO_NOT_USE")
