"""Write or check the contract matrix: `python tests/matrix`, which `make client` runs."""

import sys
from importlib import import_module
from pathlib import Path

# A folder that is run becomes its own path. The reader of documents is in spec/.
TESTS = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(TESTS), str(TESTS.parent / "spec")]
sys.exit(import_module("matrix.command").main(sys.argv[1:]))
