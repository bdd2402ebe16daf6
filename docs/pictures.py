"""Make all pictures of README and docs anew, and what the pages of known issues have measured.

Run ``python docs/pictures.py`` from anywhere; with ``screen`` only the pictures of the real screen
(README, guide, tour), with names of issues only those. All of it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from issue_cases import CASES, Maker, Shown, page_name
from PIL import Image

from lrs_explorer.handover.figures import picture
from lrs_explorer.simulator.references import build_crds_cache

DOCS = Path(__file__).parent
WALK = DOCS.parent / "tests" / "explorer" / "test_tour.py"
BLOCKS = ("evidence", "recipe", "result", "right")
"""Parts of a page that are made here: between <!-- NAME --> and <!-- /NAME -->."""
MEASURED = "../diagnosis.md#how-well-issues-are-found"
COLUMNS = 6
"""Of the table there."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", metavar="screen|ISSUE", help="default: all")
    chosen = parser.parse_args().what or ["screen", *CASES]
    unknown = set(chosen) - {"screen", *CASES}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: choose from screen, {', '.join(CASES)}")
    issues = [issue for issue in CASES if issue in chosen]
    if issues:
        with tempfile.TemporaryDirectory(prefix="lrs-pictures-") as scratch:
            os.environ["LRS_EXPLORER_CACHE"] = f"{scratch}/cache"
            maker = Maker(Path(scratch), build_crds_cache(Path(scratch) / "crds"))
            for issue in issues:
                print(f"{issue} …", flush=True)
                write(issue, CASES[issue](maker))
    if "screen" in chosen:
        command = [sys.executable, "-m", "pytest", "-n0", "-q", "--pictures", str(WALK)]
        raise SystemExit(subprocess.run(command, cwd=DOCS.parent, check=False).returncode)


def write(issue: str, shown: Shown) -> None:
    """Write the picture of an issue, and what was measured into its page."""
    image = DOCS / "images" / "issues" / f"{page_name(issue)}.png"
    drawn = picture(shown.figure, "png", issue, shown.caption, {"savefig.dpi": 150.0})
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(drawn)).convert("RGB").quantize(128).save(image, optimize=True)
    page = DOCS / "issues" / f"{page_name(issue)}.md"
    content = page.read_text(encoding="utf-8")
    made = (evidence(shown), recipe(shown), result(issue, shown), right(issue))
    for name, text in zip(BLOCKS, made, strict=True):
        content = with_block(content, name, text)
    page.write_text(content, encoding="utf-8")


def with_block(content: str, name: str, text: str) -> str:
    """Return a page with what stands between the markers of this name replaced.

    Raises
    ------
    ValueError
        The page has no such markers, and there is something to be put between them.
    """
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    content, count = re.subn(
        pattern, lambda found: f"{found[1]}{text}{found[2]}", content, flags=re.DOTALL
    )
    if text and count != 1:
        raise ValueError(f"the page has no place for {name}")
    return content


def evidence(shown: Shown) -> str:
    """Return verdict and numbers of what was delivered."""
    rows = [["measured", "value", "found from"]]
    for one in shown.finding.evidence:
        limit = "" if one.threshold is None else f"{one.threshold:.4g}"
        rows.append([one.name, f"{one.value:.4g} {one.unit}".strip(), limit])
    verdict = f"**{shown.finding.verdict}**: {shown.finding.why}"
    return f"{verdict}\n\n{table(rows)}" if len(rows) > 1 else f"{verdict}\n"


def recipe(shown: Shown) -> str:
    """Return what the remedy changes, as a recipe file."""
    return f"```json\n{shown.recipe}\n```\n" if shown.recipe else ""


def result(issue: str, shown: Shown) -> str:
    """Return what was planted, the picture and the numbers."""
    image = f"../images/issues/{page_name(issue)}.png"
    return (
        f"{shown.planted}\n\n![{shown.caption}]({image})\n\n{shown.caption}\n\n{table(shown.rows)}"
    )


def right(issue: str) -> str:
    """Return how often it is found and told wrongly, of the table in docs/diagnosis.md."""
    lines = (DOCS / "diagnosis.md").read_text(encoding="utf-8").splitlines()
    known = (line.strip("| ").split(" | ") for line in lines if line.startswith(f"| {issue} | "))
    cells = next((cells for cells in known if len(cells) == COLUMNS), None)
    if cells is None:
        return "Not measured.\n"
    _, size, found, weaker, clean, others = cells
    sentences = []
    if found != "–":
        weak = "" if weaker == "–" else f"; where it is weaker, in {weaker}"
        sentences.append(
            f"Found in {found} of simulated observations that have it (counted from {size}){weak}."
        )
    others = "" if others == "–" else f", and in {others} with other issues"
    sentences.append(f"Told wrongly in {clean} of those with nothing wrong{others}.")
    return f"{' '.join(sentences)} [How this was measured]({MEASURED}).\n"


def table(rows: list[list[str]]) -> str:
    """Return a table in Markdown; the first row are its heads."""
    head, *body = (f"| {' | '.join(line)} |\n" for line in rows)
    return "".join([head, f"|{'---|' * len(rows[0])}\n", *body])


if __name__ == "__main__":
    main()
