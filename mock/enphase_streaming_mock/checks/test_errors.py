"""Every documented error, asked for by name: `Prefer: code=461, example=tooShort`."""

import pytest

from enphase_streaming_mock.checks.door import EVENT_STREAM, Door
from enphase_streaming_mock.checks.envelope import refusal_faults
from enphase_streaming_mock.checks.plainly import none_of
from enphase_streaming_mock.contract import Refusal, load_contract

REFUSALS = [each for examples in load_contract().refusals.values() for each in examples.values()]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: f"{each.status}-{each.name}")
def test_a_documented_error_comes_as_documented(door: Door, refusal: Refusal) -> None:
    answer = door.ask(headers={"prefer": f"code={refusal.status}, example={refusal.name}"})
    none_of(refusal_faults(answer, refusal))


def test_an_error_comes_as_json_whatever_is_acceptable(door: Door) -> None:
    refusal = door.contract.refusal("tooShort")
    asked = {"prefer": f"code={refusal.status}", "accept": EVENT_STREAM}
    none_of(refusal_faults(door.ask(headers=asked), refusal))
