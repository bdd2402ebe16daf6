"""The files of a simulated series: write them, and process them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment
from lrs_explorer.simulator.transit import Transit

__all__ = [
    "PLANES",
    "SeriesFiles",
    "Times",
    "process_series",
    "write_light_curve",
    "write_rateints",
]

PLANES = ("rate", "dq", "var_poisson", "var_rnoise")
"""Names of the planes of integrations."""

START_MJD = 61085.2
BARYCENTRIC = 0.002  # days that light takes to the solar system's barycenter


@dataclass(frozen=True)
class SeriesFiles:
    """Paths of what is written of a simulated series.

    Parameters
    ----------
    folder : Path
    rateints : tuple of Path
        One for each segment.
    acquisitions : tuple of Path
        Rate files of the target acquisition; none without the slit.
    """

    folder: Path
    rateints: tuple[Path, ...]
    acquisitions: tuple[Path, ...] = ()

    @property
    def truth(self) -> Path:
        """Table of what went into it, by wavelength."""
        return self.folder / "truth.ecsv"

    @property
    def light_curve(self) -> Path:
        """Table of what went into it, by integration."""
        return self.folder / "truth_lightcurve.ecsv"

    @property
    def defects(self) -> Path:
        """Exact pixels of what is wrong."""
        return self.folder / "defects.json"

    @property
    def simulated(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.acquisitions, *self.rateints, self.truth, self.light_curve, self.defects)


@dataclass(frozen=True)
class Times:
    """When the integrations of a series were taken.

    Parameters
    ----------
    transit : Transit
    n_groups : int
    frame_time : float, s
    """

    transit: Transit
    n_groups: int
    frame_time: float

    @property
    def length(self) -> float:
        """How long an integration took, days; a reset follows it."""
        return self.n_groups * self.frame_time / 86400.0

    @property
    def begun(self) -> Array:
        """When each integration began, MJD (UTC)."""
        reset = self.frame_time / 86400.0
        count = np.arange(self.transit.n_integrations)
        return np.asarray(START_MJD + count * (self.length + reset))

    @property
    def light_curve(self) -> dict[str, Any]:
        """Columns that tell the truth of each integration."""
        return {
            "integration": np.arange(1, self.transit.n_integrations + 1),
            "mid_bjd_tdb": self.begun + self.length / 2 + BARYCENTRIC,
            "transit_shape": self.transit.transit_shape,
            "source_factor": self.transit.source_factor,
        }

    def table(self, first: int, last: int) -> NDArray[Any]:
        """Return the table INT_TIMES of some integrations."""
        moments = {"start": 0.0, "mid": 0.5, "end": 1.0}
        names = [f"int_{moment}_{scale}" for scale in ("MJD_UTC", "BJD_TDB") for moment in moments]
        table = np.zeros(
            last - first, dtype=[("integration_number", "<i4"), *((name, "<f8") for name in names)]
        )
        table["integration_number"] = np.arange(first + 1, last + 1)
        for name in names:
            part = moments[name.split("_")[1]]
            late = BARYCENTRIC if name.endswith("TDB") else 0.0
            table[name] = self.begun[first:last] + part * self.length + late
        return table


def process_series(
    files: SeriesFiles,
    cache: str | Path,
    output_dir: str | Path,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Run calwebb_spec2 on every segment.

    Parameters
    ----------
    files : SeriesFiles
    cache : path
        CRDS cache from `lrs_explorer.simulator.references.build_crds_cache`.
    output_dir : path
    parameters : mapping, optional
        Those that are no default; see `run_pipeline`.

    Returns
    -------
    tuple of Path
        calints and x1dints of each segment.

    Raises
    ------
    LRSExplorerError
        When the pipeline fails.
    """
    environment = crds_environment(cache)
    products: list[Path] = []
    for path in files.rateints:
        products += run_pipeline(
            "calwebb_spec2", path, output_dir, parameters=parameters, crds=environment
        ).products
    return tuple(products)


def write_light_curve(
    path: Path, times: Times, columns: Mapping[str, Array], units: Mapping[str, str], comment: str
) -> None:
    """Write the truth of each integration.

    Parameters
    ----------
    path : Path
    times : Times
    columns : mapping of str to ndarray
        What is told beside time and brightness.
    units : mapping of str to str
        Of these columns.
    comment : str
    """
    table = Table(
        {**times.light_curve, **columns},
        units={"mid_bjd_tdb": "d", **units},
        meta={"comment": f"SIMULATED (LRS Explorer). {comment}"},
    )
    for name in table.colnames[2:]:
        table[name].info.format = ".9g"
    table.write(path, format="ascii.ecsv", overwrite=True)


def write_rateints(
    path: Path,
    planes: Mapping[str, NDArray[Any]],
    times: Times,
    segment: int,
    identify: Callable[[Any], None],
) -> None:
    """Write a segment of a series.

    Parameters
    ----------
    path : Path
    planes : mapping of str to ndarray, shape (n_integrations, n_rows, n_columns)
        Those of `PLANES`.
    times : Times
    segment : int
        From 1.
    identify : callable
        Fills what the metadata say of instrument, observation and pointing.
    """
    from stdatamodels.jwst import datamodels

    model = datamodels.CubeModel(
        data=planes["rate"],
        dq=planes["dq"],
        err=np.sqrt(planes["var_poisson"] + planes["var_rnoise"]),
        var_poisson=planes["var_poisson"],
        var_rnoise=planes["var_rnoise"],
    )
    first, last = times.transit.segments[segment - 1]
    model.int_times = times.table(first, last)
    identify(model.meta)
    _describe(model.meta, times, segment)
    model.save(path)
    model.close()


def _describe(meta: Any, times: Times, segment: int) -> None:
    transit, exposure = times.transit, meta.exposure
    first, last = transit.segments[segment - 1]
    seconds = times.length * 86400.0
    meta.visit.tsovisit = True
    exposure.readpatt = "FASTR1"
    exposure.nints, exposure.ngroups, exposure.nframes = transit.n_integrations, times.n_groups, 1
    exposure.segment_number, exposure.total_segments = segment, transit.n_segments
    exposure.integration_start, exposure.integration_end = first + 1, last
    exposure.groupgap = exposure.drop_frames1 = 0
    exposure.sample_time = 10.0
    exposure.frame_time = exposure.group_time = times.frame_time
    exposure.integration_time = seconds
    exposure.exposure_time = exposure.effective_exposure_time = seconds * transit.n_integrations
    exposure.measurement_time = exposure.exposure_time
    exposure.start_time = float(times.begun[0])
    exposure.end_time = float(times.begun[-1] + times.length)
    exposure.mid_time = (exposure.start_time + exposure.end_time) / 2
    exposure.duration = (exposure.end_time - exposure.start_time) * 86400.0
    meta.bunit_data = meta.bunit_err = "DN/s"
    for step in ("dq_init", "saturation", "refpix", "linearity", "dark_sub", "jump", "ramp_fit"):
        setattr(meta.cal_step, step, "COMPLETE")
    meta.cal_step.gain_scale = "SKIPPED"
