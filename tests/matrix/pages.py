"""The parts of the pages that follow from the document and the overlay's `STATUSES`."""

import re
from pathlib import Path

from drift.document import DocumentError, load
from enphase_streaming.errors import STATUSES, APIStatusError, Retry
from enphase_streaming_api.api.streaming.stream_system_live_data import BOUNDS

PAGES = ("errors.md", "readings.md", "streams.md", "watching.md")
_SUFFIXES = {"ServiceUnavailableError": "any 5xx", "UnexpectedStatusError": "anything else"}


def updated(name: str, page: str, document: Path) -> str:
    """Return the text of a page of `PAGES` with its bounds, fields or statuses as they are now.

    Raises:
        DocumentError: the page lacks one of these parts.
    """
    for pattern, new in _parts(document)[name].items():
        found = re.search(pattern, page, re.MULTILINE | re.DOTALL)
        if found is None:
            raise DocumentError(f"docs/{name} has nothing that matches {pattern}")
        page = page[: found.start()] + new + page[found.end() :]
    return page


def _parts(document: Path) -> dict[str, dict[str, str]]:
    """Return what replaces what in each page: the text by its pattern."""
    lowest, highest = BOUNDS["duration"]
    table = r"(?<=^\| field \| meaning \|\n\|---\|---\|\n).*?(?=^\| `timestamp` \|)"
    errors = {row.error for row in STATUSES.values()}
    return {
        "errors.md": {
            rf"^\| `{each.__name__}` \| [^|]* \|": f"| `{each.__name__}` | {_answers(each)} |"
            for each in errors
        },
        "readings.md": {table: _fields(document)},
        "streams.md": {r"\d+ to \d+ whole seconds": f"{lowest} to {highest} whole seconds"},
        "watching.md": {r"^\| [^|]* \| waits 5 min \|": _slowly()},
    }


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
