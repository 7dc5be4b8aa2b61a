"""`python tests/matrix`, which `make contract` runs."""

import sys
from importlib import import_module
from pathlib import Path

# A folder that is run is its own path; the document's reader lives in spec/.
TESTS = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(TESTS), str(TESTS.parent / "spec")]
sys.exit(import_module("matrix.command").main(sys.argv[1:]))
