"""``python -m workbench.cli``: the command line, where the command ``workbench`` is not installed."""

import sys

from workbench.cli import main

sys.exit(main())
