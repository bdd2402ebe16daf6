"""The documentation site: Markdown as it is on GitHub, names from docstrings, commands from --help.

The source folder is the repository, so that every relative link is the same here and there::

    sphinx-build -c docs . docs/_build
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import lrs_explorer

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "LRS Explorer"
author = "The LRS Explorer developers"
project_copyright = author
version = release = lrs_explorer.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_copybutton",
    "command_help",
    "public_names",
]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**.md",
    "notebooks/*.ipynb",
]
exclude_patterns = [
    "**/_build",
    "notebooks/explorer.ipynb",  # the dashboard itself: two cells and no text
]

# References: all of them have to lead somewhere.
nitpicky = True
nitpick_ignore_regex = [
    # Types of other packages, of which there is an inventory with a network alone (see below).
    (r"py:.*", r"(astropy|matplotlib|numpy|specutils)\..*"),
]
linkcheck_timeout = 30
linkcheck_anchors_ignore_for_url = ["https://github.com/"]

if os.environ.get("LRS_EXPLORER_DOCS_NETWORK"):  # as on the server that publishes the site
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "astropy": ("https://docs.astropy.org/en/stable", None),
        "specutils": ("https://specutils.readthedocs.io/en/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }

# Markdown and notebooks
myst_heading_anchors = 3  # as GitHub makes them
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "force" if os.environ.get("LRS_EXPLORER_DOCS_RUN") else "off"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True

# Docstrings
autodoc_typehints = "none"  # docstrings say it in words
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # words of a type that are no names
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | {  # int, None, … stay words
    name: f"lrs_explorer.{name}" for name in lrs_explorer.__all__ if name[0].isupper()
}

# Pages
html_theme = "furo"
html_title = "LRS Explorer"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_top"]
html_copy_source = False
html_show_sphinx = False
