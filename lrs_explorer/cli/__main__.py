"""``python -m lrs_explorer.cli``."""

import sys

from lrs_explorer.cli import main

sys.exit(main())
