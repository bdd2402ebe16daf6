"""LRS Explorer: JWST MIRI Low Resolution Spectrometer spectra, extracted live.

Importing this package imports neither ``jwst`` nor any widget: public names, which stand in
``__init__.pyi``, are loaded when they are first used.
"""

import lazy_loader

from lrs_explorer._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
