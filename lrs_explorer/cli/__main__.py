"""``python -m lrs_explorer.cli``."""

import os
import sys

from lrs_explorer.cli import main

# Python puts the working folder first on its path. Files of a download are no modules.
if not sys.flags.safe_path and sys.path[0] == os.getcwd():
    del sys.path[0]

sys.exit(main())
