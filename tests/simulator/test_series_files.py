"""What is written of a simulated series, in the slit or without."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.table import Table

from lrs_explorer.simulator.__main__ import main
from lrs_explorer.simulator.series_file import SeriesFiles
from lrs_explorer.simulator.slit_series import SlitSeriesScene, simulate_slit_series
from lrs_explorer.simulator.slitless_observation import simulate_slitless
from lrs_explorer.simulator.slitless_scene import SlitlessScene


@pytest.fixture(params=["slit", "slitless"])
def series(request: pytest.FixtureRequest, tmp_path: Path) -> SeriesFiles:
    if request.param == "slit":
        scene = SlitSeriesScene(n_integrations=4, n_segments=2)
        return simulate_slit_series(scene, tmp_path)
    short = SlitlessScene(subarray="SLITLESSPRISM_IPS", n_integrations=4, n_segments=2)
    return simulate_slitless(short, tmp_path)


def test_every_file_is_named(series: SeriesFiles, tmp_path: Path) -> None:
    assert sorted(series.simulated) == sorted(tmp_path.iterdir())
    assert len(series.rateints) == 2


def test_the_light_curve_tells_each_integration(series: SeriesFiles) -> None:
    table = Table.read(series.light_curve, format="ascii.ecsv")
    assert list(table["integration"]) == [1, 2, 3, 4]
    place = "across" if series.acquisitions else "position"
    assert str(table[place].unit) == ("arcsec" if series.acquisitions else "pix")
    assert table.meta["comment"].startswith("SIMULATED (LRS Explorer). Flux is source_factor")


def test_the_command_names_acquisitions_of_a_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = "lrs_explorer.simulator.__main__"
    monkeypatch.setattr(f"{where}.build_crds_cache", lambda folder: folder)
    monkeypatch.setattr(f"{where}.process_slit_series", lambda *_: ())
    assert main(["series", str(tmp_path), "--subarray", "SUBSLIT", "--n-integrations", "4"]) == 0
    printed = map(Path, capsys.readouterr().out.split())
    assert sorted(printed) == sorted(tmp_path.iterdir())
