"""The cost of an event that the mock sends, in a count that is equal on every machine.

The bound is what the code needs today. Raise it only for a gain that its commit names, and lower it
when the code needs less. `make bench ONLY=mock_streams` measures its time.
"""

import threading
from http.client import HTTPConnection
from types import FrameType

import aiohttp

import enphase_streaming_mock
from enphase_streaming_mock import MockServer, Wire
from enphase_streaming_mock.account import ACCESS_TOKEN, API_KEY, SYSTEM_ID

FOLDERS = (*enphase_streaming_mock.__path__, *aiohttp.__path__)

CALLS_OF_AN_EVENT = 18
"""Three coroutines that resume when the event is due, four looks at the mock's clock, ten calls to
make the step, and one to ask aiohttp whether the answer is chunked."""


def calls(cadence: float) -> tuple[int, int]:
    """Return how often functions of the mock and aiohttp are entered for a stream, and its events.

    Generators and coroutines count each time they resume. The loop's own clock is left out: how
    often it is read depends on how many events are due at once.
    """
    count = 0

    def entered(frame: FrameType, kind: str, _: object) -> None:
        nonlocal count
        code = frame.f_code
        if kind == "call" and code.co_name != "time":
            count += code.co_filename.startswith(FOLDERS)

    before = threading.getprofile()
    threading.setprofile(entered)
    try:
        with MockServer(speed=60, wire=Wire(cadence=cadence)) as mock:
            client = HTTPConnection("127.0.0.1", int(mock.base_url.split(":")[2].split("/")[0]))
            access = {"key": API_KEY, "Authorization": f"Bearer {ACCESS_TOKEN}", "duration": "30"}
            client.request("GET", f"/api/v4/systems/{SYSTEM_ID}/live_data", headers=access)
            events = client.getresponse().read().count(b"data:")
            client.close()
    finally:
        threading.setprofile(before)
    return count, events


def test_calls_to_send_an_event() -> None:
    few, thirty = calls(cadence=1.0)
    # Of the same seconds of the site, so that only the events are more.
    many, hundreds = calls(cadence=0.1)
    assert (thirty, hundreds) == (30, 300)
    assert round((many - few) / 270) <= CALLS_OF_AN_EVENT
