"""The pages on the test kit, followed as written: the first test, and the controls by HTTP."""

import json
import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from enphase_streaming import (
    Budget,
    StreamEndedEarly,
    StreamingClient,
)
from enphase_streaming_mock import Mock, MockServer
from enphase_streaming_mock.faults import KINDS
from enphase_streaming_mock.pytest_plugin import OPTIONS

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "test-kit.md").read_text("utf-8")
OTHER_LANGUAGES = (DOCS / "other-languages.md").read_text("utf-8")


def first_block(language: str, page: str = PAGE) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_first_test_has_ten_lines_and_passes_in_a_folder_of_its_own(
    pytester: pytest.Pytester,
) -> None:
    text = first_block("python")
    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    pytester.makepyfile(text)
    result = pytester.runpytest_subprocess("-W", "error", "--strict-markers")
    result.assert_outcomes(passed=1)


def test_the_first_test_fails_for_code_that_swallows_the_drop(pytester: pytest.Pytester) -> None:
    wrong = "[reading.pv_power for reading in client.live_data(site)]"
    text = first_block("python")
    assert wrong in text
    pytester.makepyfile(text.replace(wrong, "[]"))
    result = pytester.runpytest_inprocess("-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DID NOT RAISE*StreamDropped*"])


def test_the_orders_by_http_do_what_the_page_says() -> None:
    with MockServer(speed=500) as mock:
        origin = mock.base_url.removesuffix("/api/v4")
        for line in first_block("bash", OTHER_LANGUAGES).splitlines():
            command, _, method, url, *data = shlex.split(line)
            assert command == "curl"
            request = urllib.request.Request(
                url.replace("http://127.0.0.1:4010", origin),
                method=method,
                data=data[1].encode() if data else None,
            )
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert answer.status == 200
                json.load(answer)


def test_the_page_names_every_fault_and_every_option_of_the_marker() -> None:
    assert [name for name in [*KINDS, *OPTIONS] if f"`{name}`" not in PAGE] == []


def test_a_replay_has_its_own_length_and_its_old_timestamps(tmp_path: Path) -> None:
    file = tmp_path / "site.jsonl"
    mock = Mock()
    with (
        StreamingClient(**mock.client_options) as client,
        client.live_data(mock.system_id).record(file) as stream,
    ):
        assert len(list(stream)) == 30
    mock = Mock(recording=file)
    with StreamingClient(**mock.client_options) as client:
        with pytest.raises(StreamEndedEarly):
            list(client.live_data(mock.system_id, duration=60))
        with client.watch(mock.system_id, duration=30, budget=Budget(calls=2)) as watch:
            seen = [reading.timestamp for reading in watch]
    assert (len(seen), len(set(seen))) == (50, 30)
