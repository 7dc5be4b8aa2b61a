"""Reading the document in `spec/`."""

from pathlib import Path
from typing import Any

import yaml

DOCUMENT = Path(__file__).parents[1] / "spec" / "streaming.yaml"

# Many tests read it, in each process again; the C parser is much faster.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(file: Path = DOCUMENT) -> dict[str, Any]:
    """Return the document, as an object of its own for each caller."""
    document: dict[str, Any] = yaml.load(file.read_text("utf-8"), _Loader)
    return document
