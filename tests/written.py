"""The document as it is written down in `spec/`."""

from pathlib import Path
from typing import Any

import yaml

DOCUMENT = Path(__file__).parents[1] / "spec" / "streaming.yaml"

# Many tests look into it, in each process anew, and the C parser is a good deal faster.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(file: Path = DOCUMENT) -> dict[str, Any]:
    """Return a copy of the reader's own."""
    document: dict[str, Any] = yaml.load(file.read_text("utf-8"), _Loader)
    return document
