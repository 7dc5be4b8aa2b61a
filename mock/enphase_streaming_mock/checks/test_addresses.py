"""What is where, and which methods it takes."""

import pytest

from enphase_streaming_mock.checks.door import EVENT_STREAM, Door
from enphase_streaming_mock.checks.envelope import Departures
from enphase_streaming_mock.checks.plainly import none_of

OTHER_METHODS = ("POST", "PUT", "PATCH", "DELETE")


def test_the_api_is_under_the_path_that_the_document_has(door: Door) -> None:
    contract = door.contract
    path = f"{contract.before_system_id}{door.backend.system_id}{contract.after_system_id}"
    answer = door.ask(url=door.backend.origin + path)
    assert (answer.status, answer.kind) == (200, EVENT_STREAM)


def test_an_address_that_is_not_in_the_document_is_not_found(door: Door) -> None:
    assert door.ask(url=f"{door.backend.base_url}/nothing").status == 404


@pytest.mark.parametrize("site", [99_999_999_999, "abc"])
def test_a_site_that_nobody_has_is_refused(
    door: Door, departures: Departures, site: object
) -> None:
    none_of(departures(door.ask(url=door.path(site)), "systemNotFound"))


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_a_stream_takes_no_other_method(door: Door, method: str) -> None:
    assert door.ask(method).status == 405


def test_tokens_take_no_other_method(door: Door) -> None:
    assert door.ask_tokens({}, None, method="GET").status == 405


def test_a_method_that_is_not_allowed_is_told_which_is(door: Door) -> None:
    assert door.ask("POST").headers.get("allow") == "GET"  # RFC 9110, section 15.5.6
