"""`python -m enphase_streaming`: the command `enphase-streaming`."""

import sys

from enphase_streaming.cli import main

if __name__ == "__main__":
    sys.exit(main())
