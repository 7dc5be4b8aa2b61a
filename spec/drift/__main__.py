"""Run `make drift`: `python spec/drift UPSTREAM`."""

import sys
from importlib import import_module
from pathlib import Path

# A folder that is run becomes its own path, from which its modules cannot import one another.
sys.path[0] = str(Path(__file__).resolve().parents[1])
sys.exit(import_module("drift.command").main(sys.argv[1:]))
