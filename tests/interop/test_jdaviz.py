"""jdaviz and specutils, in an environment without LRS Explorer, read what it writes."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main

pytestmark = pytest.mark.pipeline

READER = """
import json, sys, warnings
warnings.simplefilter("ignore")
import jdaviz, numpy as np
from specutils import Spectrum
said = {}
for path in sys.argv[1:]:
    two = path.endswith("s2d.fits")
    app = jdaviz.Specviz2d() if two else jdaviz.Specviz()
    app.load(path, **({"format": "2D Spectrum"} if two else {}))
    label = app.data_labels[0]
    data = app.get_data(label)
    said[path] = {
        "loaded": len(app.data_labels),
        "shape": list(data.flux.shape),
        "unit": str(data.flux.unit),
        "sum": float(np.nansum(data.flux.value)),
    }
    if not two:
        read = Spectrum.read(path)
        for name, one in (("jdaviz", data), ("specutils", read)):
            said[path][name] = {
                "wavelength": one.spectral_axis.to_value("micron").tolist(),
                "flux": one.flux.to_value("Jy").tolist(),
                "error": one.uncertainty.array.tolist(),
            }
print("SAID" + json.dumps(said))
"""


@dataclass(frozen=True)
class Written:
    """Files that were written, and what the other tools read in each."""

    spectra: tuple[Path, ...]
    image: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def written(jdaviz: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("interop")
    observation = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(observation).replace(
        aperture=lrs.Aperture(18.3, 8.0), pixel_replace=lrs.PixelReplace("fit_profile")
    )
    run = lrs.reprocess(observation, recipe, folder)
    (image,) = (path for path in run.products if path.name.endswith("_s2d.fits"))
    swept = folder / "swept_x1d.fits"
    with_errors = folder / "recipe.json"
    recipe.replace(uncertainty=lrs.Uncertainty("bootstrap", 20)).to_json(with_errors)
    delivered = str(observation.folder / image.name)
    assert main(["sweep", delivered, "-o", str(swept), "--recipe", str(with_errors)]) == 0
    with fits.open(swept) as hdus:
        assert {"COVARIANCE", "SYSTEMATIC"} <= {hdu.name for hdu in hdus}
    spectra = (*run.spectra, swept)
    done = subprocess.run(
        [jdaviz, "-P", "-c", READER, *map(str, (*spectra, image))],
        env={**os.environ, "MPLBACKEND": "agg"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Written(spectra, image, json.loads(done.stdout.rpartition("SAID")[2]))


@pytest.mark.parametrize("number", [0, 1], ids=["of the pipeline", "with covariance and band"])
@pytest.mark.parametrize("tool", ["jdaviz", "specutils"])
def test_spectra_are_read(written: Written, number: int, tool: str) -> None:
    path = written.spectra[number]
    ours = fits.getdata(path, "EXTRACT1D")
    theirs = {name: np.array(values) for name, values in written.said[str(path)][tool].items()}
    order = np.argsort(theirs["wavelength"])
    assert written.said[str(path)]["loaded"] == 1
    for name, column in (("wavelength", "WAVELENGTH"), ("flux", "FLUX"), ("error", "FLUX_ERROR")):
        expected = ours[column][np.argsort(ours["WAVELENGTH"])]
        np.testing.assert_array_equal(theirs[name][order], expected, err_msg=name)


def test_the_image_is_read(written: Written) -> None:
    said = written.said[str(written.image)]
    pixels = fits.getdata(written.image, "SCI")
    assert said["unit"] == "MJy / sr"
    assert sorted(said["shape"]) == sorted(pixels.shape)
    assert said["sum"] == pytest.approx(np.nansum(pixels, dtype=float), rel=1e-5)
