"""The mock by HTTP, under `/_mock/`, for tests in other languages: JSON in, JSON out.

`control.yaml` describes it, and is served at `/_mock/openapi.json`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from enphase_streaming_mock.clock import ScaledClock
from enphase_streaming_mock.exchange import Request
from enphase_streaming_mock.faults import KINDS
from enphase_streaming_mock.journal import Pairs, RecordedRequest
from enphase_streaming_mock.plans import PLANS
from enphase_streaming_mock.scenarios import SCENARIOS, find_scenario
from enphase_streaming_mock.wire import WIRES, Wire, make_wire

if TYPE_CHECKING:
    from enphase_streaming_mock.mock import Mock

PREFIX = "/_mock/"
_JSON: Pairs = (("Content-Type", "application/json"),)

Body = Mapping[str, Any]


class Control:
    """Answers requests under `/_mock/` for one mock."""

    def __init__(self, mock: "Mock") -> None:
        self._mock = mock
        self._routes: dict[str, dict[str, Callable[[Body], object]]] = {
            "openapi.json": {"GET": lambda _: document()},
            "scenario": {"GET": self._scenario, "PUT": self._set_scenario},
            "wire": {"GET": self._wire, "PUT": self._set_wire},
            "faults": {"GET": self._faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            "clock": {"GET": self._clock, "PUT": self._set_clock},
            "account": {"GET": self._account, "PUT": self._set_account},
            "journal": {"GET": self._journal},
            "verdict": {"GET": self._verdict},
            "reset": {"POST": self._reset},
        }

    def answer(self, request: Request) -> tuple[int, Pairs, bytes]:
        """Return status, headers and body. What cannot be done is refused, and changes nothing."""
        name = request.path.removeprefix(PREFIX)
        if name not in self._routes:
            return _refused(404, f"there is nothing at {request.path}", self._routes)
        methods = self._routes[name]
        if request.method not in methods:
            allow = ("Allow", ", ".join(methods))
            return _refused(405, f"{request.method} means nothing here", methods, allow)
        try:
            found = methods[request.method](_parsed(request))
        except ValueError as error:
            return _refused(400, str(error))
        return (200, _JSON, json.dumps(found, default=_plain, allow_nan=False).encode())

    def _scenario(self, _: Body) -> object:
        scenario = self._mock.engine.site.scenario
        choices = {name: each.summary for name, each in SCENARIOS.items()}
        return {"name": scenario.name, "seed": scenario.seed, "choices": choices}

    def _set_scenario(self, body: Body) -> object:
        _only(body, "name", "seed")
        now = self._mock.engine.site.scenario
        name = body.get("name", now.name)
        if not isinstance(name, str):
            raise ValueError(f"name is {name!r}; choose from {', '.join(SCENARIOS)}")
        self._mock.use(find_scenario(name, body.get("seed", now.seed)))
        return self._scenario(body)

    def _wire(self, _: Body) -> object:
        return {**asdict(self._mock.engine.wire), "choices": list(WIRES)}

    def _set_wire(self, body: Body) -> object:
        options = dict(body)
        name = options.pop("name", None)
        _only(options, *(each.name for each in fields(Wire)))
        if "name" in body and not isinstance(name, str):
            raise ValueError(f"name is {name!r}; choose from {', '.join(WIRES)}")
        if isinstance(options.get("cut_at"), list):
            options["cut_at"] = tuple(options["cut_at"])
        self._mock.use(wire=make_wire(name, options))
        return self._wire(body)

    def _faults(self, _: Body) -> object:
        return {
            name: {"summary": kind.summary, "options": _finite(kind.options)}
            for name, kind in KINDS.items()
        }

    def _add_fault(self, body: Body) -> object:
        options = dict(body)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ValueError(f"name is {name!r}; choose from {', '.join(KINDS)}")
        self._mock.fault(name, **options)
        return {"set": body}

    def _clear_faults(self, _: Body) -> object:
        self._mock.clear_faults()
        return {}

    def _clock(self, _: Body) -> object:
        clock = self._mock.clock
        speed = getattr(clock, "speed", None)
        return {"now": clock.now().isoformat(), "monotonic": clock.monotonic(), "speed": speed}

    def _set_clock(self, body: Body) -> object:
        _only(body, "speed")
        clock = self._mock.clock
        if not isinstance(clock, ScaledClock):
            raise ValueError("speed cannot be set: this clock is moved by hand")
        if any(call.ended is None for call in self._mock.requests):
            raise ValueError("speed cannot be set while a stream is open")
        clock.set_speed(body.get("speed", clock.speed))
        return self._clock(body)

    def _account(self, _: Body) -> object:
        account, plan = self._mock.account, self._mock.account.app.plan
        bill = account.app.bill
        return {
            "api_key": self._mock.api_key,
            "access_token": self._mock.access_token,
            "system_id": self._mock.system_id,
            "plan": next(name for name, each in PLANS.items() if each == plan),
            "choices": list(PLANS),
            "token_lifetime": account.token_lifetime,
            "limit_answer": account.limit_answer,
            "bill": {**asdict(bill), "dollars": str(bill.dollars), "fee": str(bill.fee)},
        }

    def _set_account(self, body: Body) -> object:
        _only(body, "plan", "limit_answer", "used_up", "expired")
        mock, account = self._mock, self._mock.account
        if "expired" in body:
            account.grant(body["expired"])  # looked up first: nothing may fail after `used_up`
        before = account.app.plan, account.limit_answer
        try:
            for name, change in (
                ("plan", mock.set_plan),
                ("limit_answer", mock.set_limit_answer),
                ("used_up", mock.use_up),
                ("expired", mock.expire_token),
            ):
                if name in body:
                    change(body[name])
        except ValueError:
            account.app.plan, account.limit_answer = before
            raise
        return self._account(body)

    def _journal(self, _: Body) -> object:
        return [_entry(request) for request in self._mock.requests]

    def _verdict(self, _: Body) -> object:
        return [{**asdict(each), "text": str(each)} for each in self._mock.verdict()]

    def _reset(self, body: Body) -> object:
        _only(body)
        self._mock.reset()
        return {}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of `/_mock/`."""
    text = (files(__package__) / "control.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _parsed(request: Request) -> Body:
    if not request.body.strip():
        if request.method == "PUT":
            raise ValueError("the body is empty; give a JSON object")
        return {}
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the body has to be a JSON object")
    return found


def _only(body: Body, *options: str) -> None:
    for name in body:
        if name not in options:
            choices = ", ".join(options) or "none at all"
            raise ValueError(f"there is no option {name!r}; choose from {choices}")


def _finite(options: Body) -> Body:
    # JSON has no infinity; null says "for ever" as well as "not given".
    return {name: None if value == float("inf") else value for name, value in options.items()}


def _entry(request: RecordedRequest) -> Body:
    return {**asdict(request), "reply_body": request.reply_body.decode("utf-8", "replace")}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _refused(
    status: int,
    message: str,
    choices: Mapping[str, object] | None = None,
    *headers: tuple[str, str],
) -> tuple[int, Pairs, bytes]:
    if choices is not None:
        message = f"{message}; choose from {', '.join(choices)}"
    return status, _JSON + headers, json.dumps({"error": message}).encode()
