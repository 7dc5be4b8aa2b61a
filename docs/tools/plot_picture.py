"""Draw docs/images/recorded-day.png: a simulated day with clouds, two outages and three gaps.

`make pictures` runs it, with the tests' folder on the path.
"""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from enphase_streaming.cli import main
from enphase_streaming_mock import Conditions, Scenario
from recorded import record_site

IMAGE = Path(__file__).resolve().parents[1] / "images" / "recorded-day.png"
_GAPS = ((8.5, 9.75), (14.0, 14.3), (21.0, 21.3))
_OUTAGES = ((13.2, 16.5), (19.0, 19.4))


class Day(Scenario):
    """A day from midnight, under clouds that change every seven minutes."""

    name = "day"
    hour = 0.0
    charge = 30

    def conditions(self, second: int) -> Conditions:
        """Shade the sun, and cut the site off during the outages."""
        usual, is_out = super().conditions(second), _is_within(_OUTAGES, second)
        return replace(
            usual,
            sun=usual.sun * (0.35 + 0.65 * self.noise("cloud", second // 400)),
            islanded=is_out,
            grid_status="Off Grid" if is_out else "On Grid",
        )


def _is_within(spans: tuple[tuple[float, float], ...], second: int) -> bool:
    return any(since <= second / 3600 < until for since, until in spans)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    with tempfile.TemporaryDirectory() as folder:
        path = record_site(
            Path(folder, "site.jsonl"),
            86_400,
            scenario=Day,
            every=10,
            is_silent=lambda second: _is_within(_GAPS, second),
        )
        sys.exit(main(["plot", str(path), "-o", str(IMAGE), "--overwrite"]))
