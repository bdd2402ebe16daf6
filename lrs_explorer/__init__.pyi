# Public names and where they live: read by type checkers, and by lazy_loader when one is used.

from .batch import apply as apply
from .diagnosis.diagnose import diagnose as diagnose
from .diagnosis.finding import Evidence as Evidence
from .diagnosis.finding import Finding as Finding
from .diagnosis.gain import gained as gained
from .diagnosis.mend import mend as mend
from .explorer import Explorer as Explorer
from .model.errors import LRSExplorerError as LRSExplorerError
from .model.extract import extract as extract
from .model.observation import Observation as Observation
from .model.observation import demo as demo
from .model.observation import open_observation as open_observation
from .model.position import find_trace as find_trace
from .model.products import Spectrum as Spectrum
from .model.products import Trace as Trace
from .model.recipe import Aperture as Aperture
from .model.recipe import Background as Background
from .model.recipe import Extraction as Extraction
from .model.recipe import Jump as Jump
from .model.recipe import Nods as Nods
from .model.recipe import Pathloss as Pathloss
from .model.recipe import PixelReplace as PixelReplace
from .model.recipe import Recipe as Recipe
from .model.recipe import SeriesOptions as SeriesOptions
from .model.recipe import SlitlessBackground as SlitlessBackground
from .model.recipe import Uncertainty as Uncertainty
from .model.recipe import Wavelength as Wavelength
from .model.reprocess import Run as Run
from .model.reprocess import reprocess as reprocess
from .model.series.products import TimeSeries as TimeSeries

__version__: str
__all__: list[str]
