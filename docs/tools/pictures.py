"""Draw the pictures of the pages: the live view, on a mock whose clock needs no real time.

`python docs/tools/pictures.py [FOLDER]` writes them, by default to docs/images.
"""

import io
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from enphase_streaming import Budget, StreamingClient
from enphase_streaming.cli.cost import many_streams
from enphase_streaming.cli.live_view import LiveView
from enphase_streaming.cli.options import Access
from enphase_streaming_mock import HandClock, Mock

IMAGES = Path(__file__).resolve().parents[1] / "images"
# Rich's own format loads its fonts from another host.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_DURATION, _SHOWN = 60, 43


def live_view() -> str:
    """Return the live view of a window that runs for 43 of its 60 seconds, as SVG."""
    mock = Mock(scenario="passing-clouds", clock=HandClock(datetime(2026, 6, 21, 12, tzinfo=UTC)))
    access = Access(
        system_id=mock.system_id,
        host="127.0.0.1:4010",
        mock="127.0.0.1:4010",
        can_refresh=False,
        arguments={},
        monotonic=mock.monotonic,
    )
    budget = Budget(calls=12)
    console = recording_console(92, 24)
    view = LiveView(console, access, many_streams(budget, _DURATION, access.mock), _DURATION)
    with (
        StreamingClient(**mock.client_options) as client,
        client.live_data(mock.system_id, _DURATION, budget) as stream,
    ):
        for _ in range(_SHOWN):
            view.show(next(stream))
        frame = view.frame()
    console.print(frame)
    return as_svg(console, "enphase-streaming watch", "live-view")


def recording_console(width: int, height: int) -> Console:
    """Return a console that keeps what is printed, for `as_svg`."""
    return Console(
        file=io.StringIO(),
        record=True,
        width=width,
        height=height,
        # Not as the environment says: the text is cut where its colour changes.
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        highlight=False,
    )


def as_svg(console: Console, title: str, unique_id: str) -> str:
    """Return what was printed on the console."""
    return console.export_svg(title=title, theme=MONOKAI, code_format=_FORMAT, unique_id=unique_id)


def main(folder: Path) -> None:
    """Write the pictures."""
    os.environ["TZ"] = "UTC"  # the live view shows local time
    time.tzset()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "live-view.svg").write_text(live_view() + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
