"""Pipeline or reference files from before a fix: CAL_VER, CRDS_CTX, DATE and the names R_*.

Statistic: number of later fixes (`lrs_explorer.model.measure.known_fixes.FIXES`) that change fluxes
beyond their accuracy. Those of wavelengths are judged by the issue "wavelength".
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Finding
from lrs_explorer.model.measure.known_fixes import missing_fixes, unreadable

ISSUE: Final = "versions"
TITLE: Final = "Made before a fix"


def judge(case: Case) -> Finding:
    """List the fixes that the product lacks."""
    header = case.header
    missed = [
        fix for fix in missing_fixes(header, case.observation.mode) if fix.kind != "wavelength"
    ]
    severe = [fix for fix in missed if fix.severe]
    evidence = (
        Evidence("later fixes that change fluxes", len(severe), "", 1.0),
        Evidence("later fixes in all", len(missed)),
    )
    made = f"made with jwst {header.get('CAL_VER', 'unknown')}, {header.get('CRDS_CTX', 'unknown')}"
    if missed:
        what = "; ".join(f"{fix.what} ({fix.since})" for fix in severe or missed)
        return Finding(
            ISSUE,
            TITLE,
            "found" if severe else "suspect",
            f"{made}, which is before: {what}.",
            evidence,
            advice="Download the product anew, or calibrate it again with a current CRDS context.",
        )
    gaps = unreadable(header)
    if "CAL_VER" not in header:
        why = f"the header does not tell ({'; '.join(gaps)})."
        return Finding(ISSUE, TITLE, "unknown", why, evidence)
    note = f", as far as the header tells ({'; '.join(gaps)})" if gaps else ""
    return Finding(ISSUE, TITLE, "ok", f"{made}: no later fix is known{note}.", evidence)
