"""What the document says, found from the operation and by type, not by names of components."""

from collections.abc import Mapping
from typing import Any

from enphase_streaming_mock.contract import STREAM_PATH, load_contract

CONTRACT = load_contract()

_SCHEMAS: Any = CONTRACT.document["components"]["schemas"]
_OPERATION: Any = CONTRACT.document["paths"][STREAM_PATH]["get"]
_STREAM: Any = _OPERATION["responses"]["200"]["content"]["text/event-stream"]


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = _SCHEMAS[schema["$ref"].rpartition("/")[2]]["properties"]
    return properties


EVENT_FIELDS = frozenset(_properties(_STREAM["schema"]))
READING_FIELDS = frozenset(_properties(_properties(_STREAM["schema"])["data"]))
EXAMPLE_FIELDS = frozenset(next(iter(_STREAM["examples"].values()))["value"]["data"])
"""The fields of a reading in the document's example; others are optional even for a mock."""


def known_values(field: str) -> list[str]:
    """Return the published values of an open set, such as `KnownBatteryMode`, or none."""
    values: list[str] = _SCHEMAS.get(f"Known{field.title().replace('_', '')}", {}).get("enum", [])
    return values
