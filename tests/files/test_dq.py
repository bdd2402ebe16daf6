from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer import LRSExplorerError
from lrs_explorer.model.data import dq


def test_flags_are_those_of_the_pipeline() -> None:
    from stdatamodels.jwst.datamodels.dqflags import pixel

    assert dict(dq.FLAGS) == {name: value for name, value in pixel.items() if name != "GOOD"}


def test_names_of_a_value() -> None:
    assert dq.names(0) == []
    assert dq.names(1 + 4) == ["DO_NOT_USE", "JUMP_DET"]
    assert dq.names(np.uint32(2**31 + 2**28)) == ["FLUX_ESTIMATED", "REFERENCE_PIXEL"]


def test_names_of_a_value_stored_as_signed() -> None:
    assert dq.names(np.int32(-(2**31))) == ["REFERENCE_PIXEL"]


def test_flagged_pixels() -> None:
    flags = np.array([[0, 1, 2048], [2048 + 1, 4, 1024]], dtype=np.uint32)
    assert dq.unusable(flags).tolist() == [[False, True, False], [True, False, False]]
    assert dq.flagged(flags, "HOT", "DEAD").tolist() == [[False, False, True], [True, False, True]]


def test_an_unknown_flag_is_named() -> None:
    with pytest.raises(LRSExplorerError, match="'COLD' is not a DQ flag"):
        dq.flagged([0], "COLD")
