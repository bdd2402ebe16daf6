"""Make the packaged demo: ``python -m lrs_explorer.simulator.make_demo [FOLDER]``.

A simulated observation of a dusty star goes through the real pipeline with its default
parameters, from the ramps on. Everything that is known to go wrong with such observations has gone
wrong: the header position is 0.45 arcsec (4 pixels) from where the source is, which is also off
the middle of the slit; pixels are bad, hot and dead; the jump step rejects the brightest pixels;
errors are too small. Each can be fixed with steps of the pipeline, and the truth is known.
"""

from __future__ import annotations

import argparse
import gzip
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
    flux_level=3e-3,
    position_error=0.45,
    slit_offset=0.05,
    n_groups=15,
    n_integrations=1,
    error_factor=1.6,
    bad_pixels=48,
    hot_pixels=6,
    dead_pixels=4,
    on_trace=0.5,
    ramps=True,
    cosmic_rays=40,
    jump_runs=6,
    program=90010,
)
_KEPT_REFERENCES = ("extract1d", "apcorr", "psf")  # what extraction reads
_PACKED = ("dark_current", "rate", "cal")  # mostly empty frames; the pipeline reads them packed


def make_demo(folder: str | Path = DEMO_FOLDER, scene: SlitScene = DEMO_SCENE) -> Path:
    """Simulate and process the demo observation and keep what a session needs.

    The same scene gives the same pixels and tables; only the pipeline's log, which is in the
    files, and their dates tell one run from another.

    Parameters
    ----------
    folder : str or Path
        Replaced by the new demo when everything has worked.
    scene : SlitScene

    Returns
    -------
    Path
        The folder: ramp, rate, cal, s2d and x1d of both nods, s2d and x1d of their combination,
        the target acquisition images, the associations they were made with, ``truth.ecsv``,
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
        for path in (*files.acquisitions, *files.ramps, *files.rates, *products):
            _keep(path, kept)
            if path.stem.endswith("_s2d"):
                record["true_trace"][path.name] = _trace_entry(scene, path)
        for association in (*files.spec2_associations, files.spec3_association):
            text = association.read_text(encoding="utf-8").replace('.fits"', '.fits.gz"')
            (kept / association.name).write_text(text, encoding="utf-8")
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


def _keep(path: Path, folder: Path) -> None:
    """Copy a product, packed where that pays."""
    if path.stem.endswith(_PACKED):
        # No time of packing: the same content gives the same file.
        packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        (folder / f"{path.name}.gz").write_bytes(packed)
    else:
        shutil.copyfile(path, folder / path.name)


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
