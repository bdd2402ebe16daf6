"""Make the packaged demo: ``python -m lrs_explorer.simulator.make_demo [FOLDER]``.

A simulated observation of a dusty star goes through the real pipeline with its default
parameters. The header position is 0.45 arcsec (4 pixels) from where the source is, so the
delivered spectra hold half of its light; put on the trace, the same aperture gives the truth.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.observation import SlitScene, simulate_slit
from lrs_explorer.simulator.processing import process_slit, true_trace_in_s2d
from lrs_explorer.simulator.references import build_crds_cache, reference_path

DEMO_FOLDER = Path(__file__).resolve().parents[1] / "data" / "demo_slit"
DEMO_SCENE = SlitScene(
    spectrum="dust_shell",
    flux_level=4e-4,
    position_error=0.45,
    n_groups=20,
    n_integrations=2,
    bad_pixels=60,
    hot_pixels=5,
    program=90010,
)
_KEPT_REFERENCES = ("extract1d", "apcorr", "psf")  # what extraction reads


def make_demo(folder: str | Path = DEMO_FOLDER, scene: SlitScene = DEMO_SCENE) -> Path:
    """Simulate and process the demo observation and keep what a live session needs.

    Parameters
    ----------
    folder : str or Path
        Replaced by the new demo when everything has worked.
    scene : SlitScene

    Returns
    -------
    Path
        The folder: s2d and x1d of both nods and of their combination, ``truth.ecsv``,
        ``defects.json`` and the references of the extraction under ``references/``.
    """
    target = Path(folder)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        kept = Path(name) / "kept"
        (kept / "references").mkdir(parents=True)
        cache = build_crds_cache(Path(name) / "crds")
        files = simulate_slit(scene, work)
        products = process_slit(files, cache, work)
        record = json.loads(files.defects.read_text(encoding="utf-8"))
        for path in products:
            if path.stem.endswith("_cal"):
                continue  # full frames of 34 MB
            shutil.copyfile(path, kept / path.name)
            if path.stem.endswith("_s2d"):
                record["true_trace"][path.name] = _trace_entry(scene, path)
        shutil.copyfile(files.truth, kept / files.truth.name)
        text = json.dumps(record, indent=1) + "\n"
        (kept / files.defects.name).write_text(text, encoding="utf-8")
        for reftype in _KEPT_REFERENCES:
            source = reference_path(cache, reftype)
            shutil.copyfile(source, kept / "references" / source.name)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(kept, target)
    return target


def _trace_entry(scene: SlitScene, path: Path) -> dict[str, object]:
    rows, columns = true_trace_in_s2d(scene, path)
    # Resampled rows are detector rows less the first; the useful ones are 5.5 to 11.5 micron.
    wavelength = instrument.wavelength_at_row(rows + instrument.FIRST_ROW)
    useful = (wavelength > 5.5) & (wavelength < 11.5)
    return {
        "median_column_5.5_to_11.5_um": round(float(np.median(columns[useful])), 4),
        "row": rows[::8].astype(int).tolist(),
        "column": np.round(columns[::8], 4).tolist(),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lrs_explorer.simulator.make_demo",
        description="Make the simulated slit observation that ships with LRS Explorer.",
    )
    parser.add_argument("folder", nargs="?", default=DEMO_FOLDER, type=Path)
    print(make_demo(parser.parse_args().folder))


if __name__ == "__main__":
    main()
