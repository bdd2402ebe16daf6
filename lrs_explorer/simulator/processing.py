"""Turn simulated rate files into products with the real pipeline, and locate their true traces."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lrs_explorer.model.runs.worker import worker_for
from lrs_explorer.simulator import detector_image, instrument, pointing
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.observation import SlitFiles, SlitScene
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

DEFAULT_REJECTION_THRESHOLD = 4.0  # of the pipeline's jump step


def fit_ramps(files: SlitFiles, cache: str | Path) -> tuple[Path, ...]:
    """Run the pipeline's jump and ramp_fit steps, with default parameters, on an observation.

    Parameters
    ----------
    files : SlitFiles
        What `lrs_explorer.simulator.observation.simulate_slit` wrote; its ramps are used.
    cache : path
        CRDS cache from `lrs_explorer.simulator.references.build_crds_cache`.

    Returns
    -------
    tuple of Path
        ``files.rates``, which now exist: full frames, NaN and DO_NOT_USE outside the ramps.

    Raises
    ------
    LRSExplorerError
        When a step fails.
    """
    worker = worker_for(crds_environment(cache))
    for ramp, rate in zip(files.ramps, files.rates, strict=True):
        # Beside its final place: the rate appears whole or not at all.
        with TemporaryDirectory(dir=rate.parent, prefix=".jump-") as folder:
            job = {
                "kind": "stage",
                "stage": "jump",
                "inputs": [str(ramp.resolve())],
                "folder": str(Path(folder).resolve()),
                "name": rate.name,
                "parameters": {"rejection_threshold": DEFAULT_REJECTION_THRESHOLD},
            }
            worker.run(job, f"jump on {ramp.name}")
            Path(folder, rate.name).replace(rate)
    return files.rates


def process_slit(
    files: SlitFiles, cache: str | Path, output_dir: str | Path, *, combine: bool = True
) -> tuple[Path, ...]:
    """Run calwebb_spec2 on both nods and calwebb_spec3 on their pair, with default parameters.

    Ramps are first made into rates.

    Parameters
    ----------
    files : SlitFiles
        What `lrs_explorer.simulator.observation.simulate_slit` wrote.
    cache : path
        CRDS cache from `lrs_explorer.simulator.references.build_crds_cache`.
    output_dir : path
        Folder for the products. The spec3 association looks for the cal files beside itself, so
        for `combine` this must be the folder of `files`.
    combine : bool
        Whether to run spec3.

    Returns
    -------
    tuple of Path
        cal, s2d and x1d of each nod, then the combined s2d and x1d.

    Raises
    ------
    LRSExplorerError
        When the pipeline fails.
    """
    environment = crds_environment(cache)
    if files.ramps:
        fit_ramps(files, cache)
    products: list[Path] = []
    for association in files.spec2_associations:
        run = run_pipeline("calwebb_spec2", association, output_dir, crds=environment)
        products += run.products
    if combine:
        run = run_pipeline("calwebb_spec3", files.spec3_association, output_dir, crds=environment)
        products += [path for path in run.products if path.stem.endswith(("s2d", "x1d"))]
    return tuple(products)


def true_trace_in_s2d(scene: SlitScene, s2d: str | Path) -> tuple[Array, Array]:
    """Where the source truly is in a resampled image.

    Parameters
    ----------
    scene : SlitScene
        The scene the image was made from.
    s2d : path
        A level 2b or level 3 s2d product.

    Returns
    -------
    rows, columns : ndarray, shape (n_wave,), pixels
        0-indexed rows of the image that have a wavelength, and the center of the trace in each:
        the WCS position of the true place along the slit, plus the trace's departure from the
        specwcs reference, which resampling cannot know and therefore leaves in the image.
    """
    from stdatamodels.jwst import datamodels

    # On the slit's middle line: an image holds sky positions along that alone, and looking up one
    # beside it would move it along the slit too.
    ra, dec = pointing.offset_sky(scene.ra, scene.dec, scene.roll, scene.position_error, 0.0)
    with datamodels.open(s2d) as model:
        wcs = model.meta.wcs
        n_rows, n_columns = model.data.shape
        rows = np.arange(n_rows, dtype=float)
        _, _, wavelength = wcs(np.full(n_rows, n_columns / 2.0), rows, with_bounding_box=False)
        valid = np.isfinite(wavelength)
        rows, wavelength = rows[valid], wavelength[valid]
        column, _ = wcs.backward_transform(
            np.full(rows.size, ra), np.full(rows.size, dec), wavelength
        )
    grid = np.linspace(instrument.FIRST_ROW - 0.5, instrument.LAST_ROW + 0.5, 4000)
    detector_row = np.interp(wavelength, instrument.wavelength_at_row(grid)[::-1], grid[::-1])
    departure = detector_image.true_trace(0.0, scene.trace_residual, detector_row)
    departure = departure - detector_image.true_trace(0.0, 0.0, detector_row)
    return rows, np.asarray(column + departure)
