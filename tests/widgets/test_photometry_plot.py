"""The figure of a spectrum beside photometry: what is drawn, and where."""

from __future__ import annotations

import numpy as np

from lrs_explorer.widgets.photometry_panel import FluxResult, PhotometryPanel
from lrs_explorer.widgets.photometry_plot import COLORS, PhotometryPoint

WAVELENGTH = np.linspace(4.0, 14.0, 101)


def test_points_bars_and_bandpasses() -> None:
    panel = PhotometryPanel(lambda: None)
    plot = panel.plot
    assert plot.widget.children == ()
    band = np.array([6.6, 7.6, 8.7]), np.array([0.0, 0.4, 0.0])
    points = [
        PhotometryPoint("catalogue", "catalogue", 7.6, (6.7, 8.6), 2e-3, 1e-4, 1.9e-3),
        PhotometryPoint("verification image", "v", 7.6, (6.7, 8.6), 2.1e-3, np.nan, 1.9e-3),
        PhotometryPoint("acquisition image", "a", 5.6, (5.0, 6.2), np.nan, np.nan, np.nan),
    ]
    plot.show(WAVELENGTH, np.full(101, 2e-3), points, [band])
    assert plot.widget.children[0] is plot.figure
    marks = plot.figure.marks
    # Shading, bandpass, spectrum, squares; bar, error and dot of one; bar and dot of another.
    assert len(marks) == 4 + 3 + 2
    assert marks[1].y.max() == 0.3
    np.testing.assert_allclose(marks[3].y, [1.9, 1.9])
    np.testing.assert_allclose(marks[5].y, [1.9, 2.1])
    assert marks[6].colors == [COLORS["catalogue"]]
    assert marks[8].x[0] > marks[6].x[0]  # beside the one in the same filter
    plot.show(WAVELENGTH, np.full(101, np.nan), [], [])
    assert plot.widget.children == ()


def test_entries_and_results_are_plain_text() -> None:
    panel = PhotometryPanel(lambda: None)
    panel.catalogue.value = "F770W = 1 mJy; F560W = 2 mJy\n\n F1000W = 3 mJy "
    assert panel.entries == ["F770W = 1 mJy", "F560W = 2 mJy", "F1000W = 3 mJy"]
    panel.show([FluxResult("<b>", "1.0", "limited", "why", ("a & b",))], ["a note"])
    assert "&lt;b&gt;" in panel.results.value
    assert "a &amp; b" in panel.results.value
    assert '<details data-status="limited" open>' in panel.results.value
