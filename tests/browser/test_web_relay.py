"""The page of examples/web_relay in a real browser."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from enphase_streaming_mock import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RELAY = Path(__file__).parents[2] / "examples" / "web_relay" / "main.py"


@pytest.fixture
def relay(mock: MockServer, tmp_path: Path) -> Iterator[str]:
    """Run the relay with one call a day; return its address."""
    with subprocess.Popen(
        [sys.executable, str(RELAY)],
        env={
            "PATH": os.environ["PATH"],
            "ENPHASE_BASE_URL": mock.base_url,
            "ENPHASE_API_KEY": mock.api_key,
            "ENPHASE_ACCESS_TOKEN": mock.access_token,
            "SITES": str(mock.system_id),
            "CALLS_PER_DAY": "1",
            "PORT": "0",
            "STATE_DIR": str(tmp_path),
        },
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stderr.readline())
        assert address is not None
        yield address[0]
        process.terminate()
        assert process.wait(10) == 0


def test_the_page_shows_readings_and_then_why_there_are_none(
    browser: "Browser", relay: str, mock: MockServer, complaints: Callable[[str], None]
) -> None:
    pages = [browser.new_page() for _ in range(2)]
    for page in pages:
        page.on("pageerror", lambda error: complaints(f"exception: {error}"))
        page.goto(relay)
        page.get_by_text("live (0 streams left today)").wait_for()
        page.locator("#pv_power", has_text=re.compile(r"^\d+ W$")).wait_for()
        page.locator("#battery_soc", has_text=re.compile(r"^\d+ %$")).wait_for()
        assert page.locator("#grid_status").inner_text() == "On Grid"
    mock.assert_calls(1)
    mock.strike("drop")
    for page in pages:
        page.locator("#status", has_text="the streams of today are used up").wait_for()
        page.close()
    mock.assert_calls(1)
