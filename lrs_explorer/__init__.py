"""LRS Explorer: JWST MIRI Low Resolution Spectrometer spectra, extracted live.

Importing this package imports neither ``jwst`` nor any widget: public names are loaded when they
are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from lrs_explorer._version import __version__ as __version__

if TYPE_CHECKING:
    from lrs_explorer.batch import apply
    from lrs_explorer.diagnosis.diagnose import diagnose
    from lrs_explorer.diagnosis.finding import Evidence, Finding
    from lrs_explorer.diagnosis.gain import gained
    from lrs_explorer.diagnosis.mend import mend
    from lrs_explorer.explorer import Explorer
    from lrs_explorer.model.errors import LRSExplorerError
    from lrs_explorer.model.extract import extract
    from lrs_explorer.model.observation import Observation, demo, open_observation
    from lrs_explorer.model.position import find_trace
    from lrs_explorer.model.products import Spectrum, Trace
    from lrs_explorer.model.recipe import (
        Aperture,
        Background,
        Extraction,
        Jump,
        Nods,
        Pathloss,
        PixelReplace,
        Recipe,
        SeriesOptions,
        SlitlessBackground,
        Uncertainty,
        Wavelength,
    )
    from lrs_explorer.model.reprocess import Run, reprocess
    from lrs_explorer.model.series.products import TimeSeries

_HOMES = {
    "apply": "batch",
    "diagnose": "diagnosis.diagnose",
    "Evidence": "diagnosis.finding",
    "Finding": "diagnosis.finding",
    "gained": "diagnosis.gain",
    "mend": "diagnosis.mend",
    "Explorer": "explorer",
    "LRSExplorerError": "model.errors",
    "Observation": "model.observation",
    "demo": "model.observation",
    "open_observation": "model.observation",
    "find_trace": "model.position",
    "Spectrum": "model.products",
    "TimeSeries": "model.series.products",
    "Trace": "model.products",
    "Aperture": "model.recipe",
    "Background": "model.recipe",
    "Extraction": "model.recipe",
    "Jump": "model.recipe",
    "Nods": "model.recipe",
    "Pathloss": "model.recipe",
    "PixelReplace": "model.recipe",
    "Recipe": "model.recipe",
    "SeriesOptions": "model.recipe",
    "SlitlessBackground": "model.recipe",
    "Uncertainty": "model.recipe",
    "Wavelength": "model.recipe",
    "Run": "model.reprocess",
    "reprocess": "model.reprocess",
    "extract": "model.extract",
}

__all__ = [
    "Aperture",
    "Background",
    "Evidence",
    "Explorer",
    "Extraction",
    "Finding",
    "Jump",
    "LRSExplorerError",
    "Nods",
    "Observation",
    "Pathloss",
    "PixelReplace",
    "Recipe",
    "Run",
    "SeriesOptions",
    "SlitlessBackground",
    "Spectrum",
    "TimeSeries",
    "Trace",
    "Uncertainty",
    "Wavelength",
    "apply",
    "demo",
    "diagnose",
    "extract",
    "find_trace",
    "gained",
    "mend",
    "open_observation",
    "reprocess",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
