# Public names and where they live: read by type checkers, and by lazy_loader when one is used.

from .app.explorer import Explorer as Explorer
from .batch import apply as apply
from .diagnosis.diagnose import diagnose as diagnose
from .diagnosis.finding import Evidence as Evidence
from .diagnosis.finding import Finding as Finding
from .diagnosis.gain import gained as gained
from .diagnosis.mend import mend as mend
from .diagnosis.rounds import Mended as Mended
from .diagnosis.rounds import mend_all as mend_all
from .diagnosis.settle import Settled as Settled
from .diagnosis.settle import settle as settle
from .handover.exporting import Exported as Exported
from .handover.exporting import export as export
from .model.data.errors import LRSExplorerError as LRSExplorerError
from .model.data.products import Spectrum as Spectrum
from .model.data.products import Trace as Trace
from .model.measure.catalogue import CatalogueFlux as CatalogueFlux
from .model.measure.position import find_trace as find_trace
from .model.observation.opening import Observation as Observation
from .model.observation.opening import demo as demo
from .model.observation.opening import open_observation as open_observation
from .model.recipe.recipe import AdaptiveTraceModel as AdaptiveTraceModel
from .model.recipe.recipe import Aperture as Aperture
from .model.recipe.recipe import Background as Background
from .model.recipe.recipe import Extraction as Extraction
from .model.recipe.recipe import Jump as Jump
from .model.recipe.recipe import Nods as Nods
from .model.recipe.recipe import Pathloss as Pathloss
from .model.recipe.recipe import PixelReplace as PixelReplace
from .model.recipe.recipe import Recipe as Recipe
from .model.recipe.recipe import Resample as Resample
from .model.recipe.recipe import SeriesOptions as SeriesOptions
from .model.recipe.recipe import SlitlessBackground as SlitlessBackground
from .model.recipe.recipe import Uncertainty as Uncertainty
from .model.recipe.recipe import Wavelength as Wavelength
from .model.recipe.rules import Rules as Rules
from .model.reprocess import Run as Run
from .model.reprocess import reprocess as reprocess
from .model.series.products import TimeSeries as TimeSeries
from .model.stages.extract import extract as extract
from .model.stages.photometry import FluxComparison as FluxComparison
from .model.stages.photometry import Photometry as Photometry
from .model.stages.photometry import photometry as photometry
from .model.sweep.sweep import Sweep as Sweep
from .model.sweep.sweep import sweep as sweep

__version__: str
__all__: list[str]
