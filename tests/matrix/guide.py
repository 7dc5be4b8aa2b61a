"""The parts of docs/guide.md that follow from the document and the overlay's `STATUSES`."""

import re
from pathlib import Path

from drift.document import DocumentError, load
from enphase_streaming.errors import STATUSES, APIStatusError, Retry
from enphase_streaming_api.api.streaming.stream_system_live_data import BOUNDS

_SUFFIXES = {"ServiceUnavailableError": "any 5xx", "UnexpectedStatusError": "anything else"}


def updated(page: str, document: Path) -> str:
    """Return the text of the guide with its bounds, fields and statuses as they are now.

    Raises:
        DocumentError: the guide lacks one of these parts.
    """
    lowest, highest = BOUNDS["duration"]
    page = _replace(r"\d+ to \d+ whole seconds", f"{lowest} to {highest} whole seconds", page)
    table = r"(?<=^\| field \| meaning \|\n\|---\|---\|\n).*?(?=^\| `timestamp` \|)"
    page = _replace(table, _fields(document), page)
    for error in dict.fromkeys(row.error for row in STATUSES.values()):
        name = error.__name__
        page = _replace(rf"^\| `{name}` \| [^|]* \|", f"| `{name}` | {_answers(error)} |", page)
    return _replace(r"^\| [^|]* \| waits 5 min \|", _slowly(), page)


def _replace(pattern: str, new: str, page: str) -> str:
    page, count = re.subn(pattern, lambda _: new, page, count=1, flags=re.MULTILINE | re.DOTALL)
    if not count:
        raise DocumentError(f"docs/guide.md has nothing that matches {pattern}")
    return page


def _fields(document: Path) -> str:
    properties = load(document)["components"]["schemas"]["LiveStatus"]["properties"]
    return "".join(
        f"| `{name}` | {' '.join(schema.get('description', '').split()).removesuffix('.')} |\n"
        for name, schema in properties.items()
    )


def _codes(error: type[APIStatusError], *ways: Retry) -> list[str]:
    rows = STATUSES.items()
    return [str(code) for code, row in rows if row.error is error and row.retry in (ways or Retry)]


def _answers(error: type[APIStatusError]) -> str:
    suffix = _SUFFIXES.get(error.__name__)
    return ", ".join([*_codes(error), *([suffix] if suffix else [])])


def _slowly() -> str:
    errors = dict.fromkeys(row.error for row in STATUSES.values() if row.retry is Retry.SLOWLY)
    shown = (f"`{each.__name__}` ({', '.join(_codes(each, Retry.SLOWLY))})" for each in errors)
    return f"| {', '.join(shown)} | waits 5 min |"
