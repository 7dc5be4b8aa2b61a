"""Chromium, a mock, and a page of its console that must neither complain nor leave its origin.

`make test-browser` runs these tests. Chromium is Debian's, or the one that CHROMIUM names.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from enphase_streaming_mock import MockServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.fail("No Chromium: install it, or set CHROMIUM to its path.", pytrace=False)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(speed=10) as server:
        yield server


class Complaints(list[str]):
    """What a page did that it must not do; `expected` are parts of messages that are in order."""

    def __init__(self) -> None:
        self.expected: list[str] = []

    def __call__(self, text: str) -> None:
        self.append(text)

    def unexpected(self) -> list[str]:
        return [each for each in self if not any(part in each for part in self.expected)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert found.unexpected() == []


@pytest.fixture
def page(browser: "Browser", mock: MockServer, complaints: Complaints) -> Iterator["Page"]:
    """The console in a window of 1280 by 900 pixels, connected."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",  # drawing it without a GPU would take most of the time
        permissions=["clipboard-write", "clipboard-read"],
    )
    page = context.new_page()
    watch(page, urlsplit(mock.base_url).netloc, complaints)
    page.goto(mock.console_url)
    page.get_by_text("connected", exact=True).wait_for()
    yield page
    context.close()


def watch(page: "Page", host: str, complaints: Complaints) -> None:
    """Note errors in the page's console, and requests to another host."""

    def on_console(message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            complaints(f"{message.type}: {message.text}")

    def on_request(url: str) -> None:
        if urlsplit(url).netloc != host:
            complaints(f"a request to {url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints(f"exception: {error}"))
    page.on("request", lambda request: on_request(request.url))
