"""Loaders for specutils: after ``import lrs_explorer.loaders`` it reads x1dints of the LRS.

`specutils.Spectrum.read` gives one spectrum with a flux of shape (n_integrations, n_wave), and
`specutils.SpectrumList.read` a spectrum for each integration; specutils' own loaders take x1dints
for a single x1d, and fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from astropy.io import registry
from specutils import Spectrum, SpectrumList

from lrs_explorer.model.files.image_file import read_header
from lrs_explorer.model.files.recognition import recognise
from lrs_explorer.model.series.spectrum_file import read_series

__all__ = ["LABEL", "integrations_loader", "series_loader"]

LABEL: Final = "JWST LRS x1dints"
"""What ``format=`` is called."""

PRIORITY: Final = 20
"""Above specutils' own loaders of x1d (10), which know these files by their extension alone."""


def _is_x1dints(_origin: str, *arguments: Any, **_keywords: Any) -> bool:
    """Tell whether a file is what the loaders below read."""
    path = arguments[0]
    if not isinstance(path, (str, Path)):
        return False
    return recognise(Path(path), read_header(path)).kind == "x1dints"


def series_loader(file_obj: Any, **_keywords: Any) -> Spectrum:
    """Read x1dints as one spectrum, flux of shape (n_integrations, n_wave).

    ``file_obj`` is a path, or the open file. ``meta`` has the header, and the middle of each
    integration as ``time`` with its ``time_scale``.
    """
    return _read(file_obj)


def integrations_loader(file_obj: Any, **_keywords: Any) -> SpectrumList:
    """Read x1dints as a spectrum for each integration; each ``meta`` has its own ``time``."""
    series = _read(file_obj)
    found = SpectrumList()
    for number, time in enumerate(series.meta["time"]):
        one = series[number]
        one.meta = dict(series.meta) | {"time": time}
        found.append(one)
    return found


def _read(file_obj: Any) -> Spectrum:
    """Read a file that is given by its path, or has been opened by astropy."""
    series = read_series([Path(getattr(file_obj, "name", file_obj))])
    spectrum = series.to_specutils()
    spectrum.meta["header"] = dict(series.header)
    return spectrum


for _kind, _loader in ((Spectrum, series_loader), (SpectrumList, integrations_loader)):
    registry.register_reader(LABEL, _kind, _loader, priority=PRIORITY, force=True)
    registry.register_identifier(LABEL, _kind, _is_x1dints, force=True)
