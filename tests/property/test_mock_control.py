"""The mock's controls answer any request, and the mock goes on."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from enphase_streaming_mock import Mock, Request, Wire
from enphase_streaming_mock.control import Control
from enphase_streaming_mock.faults import KINDS, FaultOptions

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
OPTIONS = ["name", "seed", "speed", "plan", "limit_answer", "used_up", "expired"]
OPTIONS += [*Wire.__dataclass_fields__, *FaultOptions.__annotations__]
names = st.sampled_from(
    ["scenario", "wire", "faults", "clock", "account", "journal", "verdict", "reset", ""]
)
bodies = st.fixed_dictionaries(
    {}, optional={"name": st.sampled_from(sorted(KINDS)) | values}
) | st.dictionaries(st.sampled_from(OPTIONS), values, max_size=3)


@settings(max_examples=300)
@given(names, st.sampled_from(["GET", "PUT", "POST", "DELETE"]), bodies, st.data())
def test_the_controls_answer_any_json_with_json(
    name: str, method: str, body: dict[str, Any], data: st.DataObject
) -> None:
    kind = body.get("name")
    if isinstance(kind, str) and kind in KINDS:
        options = sorted(KINDS[kind].options())
        body |= data.draw(st.dictionaries(st.sampled_from(options), values, max_size=2))
    mock = Mock()
    request = Request(method, f"/_mock/{name}", body=json.dumps(body).encode())
    status, _, answer = Control(mock).answer(request)
    assert status in (200, 400, 404, 405)
    assert isinstance(answer, bytes)
    found = json.loads(answer)
    assert status == 200 or found.keys() == {"error"}
    stream = Request("GET", f"/api/v4/systems/{mock.system_id}/live_data")
    assert mock.engine.answer(stream, mock.now()).record.number == 1


@given(st.binary(max_size=40))
def test_the_controls_answer_any_bytes(body: bytes) -> None:
    status, _, answer = Control(Mock()).answer(Request("PUT", "/_mock/wire", body=body))
    assert status in (200, 400)
    assert isinstance(answer, bytes)
    json.loads(answer)
