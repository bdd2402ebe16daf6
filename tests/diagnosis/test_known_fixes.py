"""What a product's versions tell: the fixes that it lacks."""

from __future__ import annotations

import pytest

from lrs_explorer.model.data.instrument import Mode
from lrs_explorer.model.measure.known_fixes import FIXES, missing_fixes


def contexts(mode: Mode, context: int, observed: str = "2024-01-01") -> set[int | None]:
    header = {
        "CRDS_CTX": f"jwst_{context:04d}.pmap",
        "CAL_VER": "3.0.0",
        "DATE": "2026-01-01",
        "DATE-OBS": observed,
    }
    return {fix.context for fix in missing_fixes(header, mode)}


@pytest.mark.parametrize(
    ("mode", "context", "observed", "missing"),
    [
        ("slit", 1463, "2026-01-01", set()),
        ("slit", 1462, "2026-01-01", {1463}),
        ("slit", 1445, "2025-03-07", {1446, 1463}),
        ("slit", 1445, "2025-03-06", {1463}),
        ("slit", 1376, "2024-01-01", {1377, 1463}),
        ("slit", 1335, "2024-01-01", {1336, 1377, 1463}),
        ("slit", 1262, "2024-01-01", {1263, 1274, 1336, 1377, 1463}),
        ("slitless", 1445, "2025-06-01", {1446}),
        ("slitless", 1437, "2025-01-01", {1438}),
        ("slitless", 1433, "2025-01-01", {1434, 1438}),
        ("slitless", 1262, "2024-01-01", {1263, 1293, 1434, 1438}),
    ],
)
def test_contexts(mode: Mode, context: int, observed: str, missing: set[int]) -> None:
    assert contexts(mode, context, observed) == missing


def test_a_date_that_is_not_known_asks_for_nothing() -> None:
    header = {"CRDS_CTX": "jwst_1445.pmap"}
    assert [fix.context for fix in missing_fixes(header, "slitless")] == []


def test_they_stand_in_the_order_of_contexts() -> None:
    numbers = [fix.context for fix in FIXES if fix.context is not None]
    assert numbers == sorted(numbers)
