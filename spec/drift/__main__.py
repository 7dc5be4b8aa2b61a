"""`python spec/drift UPSTREAM`, which `make drift` runs."""

import sys
from importlib import import_module
from pathlib import Path

# A folder that is run is its own path, from which its modules could not import one another.
sys.path[0] = str(Path(__file__).resolve().parents[1])
sys.exit(import_module("drift.command").main(sys.argv[1:]))
