"""What is where, and which methods it takes."""

import pytest

from enphase_streaming_mock.checks.door import Door
from enphase_streaming_mock.checks.envelope import Departures, status_faults, stream_faults
from enphase_streaming_mock.checks.plainly import none_of

OTHER_METHODS = ("POST", "PUT", "PATCH", "DELETE")


def test_the_api_is_under_the_path_that_the_document_has(door: Door) -> None:
    contract = door.contract
    path = f"{contract.before_system_id}{door.backend.system_id}{contract.after_system_id}"
    none_of(stream_faults(door.ask(url=door.backend.origin + path)))


def test_an_address_that_is_not_in_the_document_is_not_found(door: Door) -> None:
    none_of(status_faults(door.ask(url=f"{door.backend.base_url}/nothing"), 404))


@pytest.mark.parametrize("site", [99_999_999_999, "abc"])
def test_a_site_that_nobody_has_is_refused(
    door: Door, departures: Departures, site: object
) -> None:
    none_of(departures(door.ask(url=door.path(site)), "systemNotFound"))


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_a_stream_takes_no_other_method(door: Door, method: str) -> None:
    none_of(status_faults(door.ask(method), 405))


def test_tokens_take_no_other_method(door: Door) -> None:
    none_of(status_faults(door.ask_tokens({}, None, method="GET"), 405))


def test_a_method_that_is_not_allowed_is_told_which_is(door: Door) -> None:
    allowed = door.ask("POST").headers.get("allow")  # RFC 9110, section 15.5.6
    none_of([] if allowed == "GET" else [f"the header Allow is {allowed!r}, and not 'GET'"])
