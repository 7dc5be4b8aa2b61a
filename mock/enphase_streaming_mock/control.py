"""The mock by HTTP, under `/_mock/`, for its console and for tests in other languages.

`control.yaml` describes it, and is served at `/_mock/openapi.json`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache, partial
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import SplitResult, urlsplit

import yaml

from enphase_streaming_mock.clock import ScaledClock
from enphase_streaming_mock.console import FILES, Feed, read_file, to_text
from enphase_streaming_mock.exchange import Pairs, Request
from enphase_streaming_mock.faults import KINDS, FaultName
from enphase_streaming_mock.gateway.responses import EVENT_STREAM, JSON
from enphase_streaming_mock.mock import Mock
from enphase_streaming_mock.plans import PLANS, Period
from enphase_streaming_mock.scenarios import SCENARIOS
from enphase_streaming_mock.validation import check_choice, check_options, is_loopback
from enphase_streaming_mock.wire import WIRES, make_wire

PREFIX = "/_mock/"
_YAML: Pairs = (("Content-Type", "application/yaml"),)

Body = Mapping[str, Any]
Methods = Mapping[str, Callable[[Body], object]]
Found = tuple[Pairs, bytes | Iterator[bytes]]


class Control:
    """Answers requests under `/_mock/` for one mock."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._routes: dict[str, Methods] = {
            "openapi.json": {"GET": self._document},
            "streaming.json": {"GET": self._streaming},
            "streaming.yaml": {"GET": self._streaming_yaml},
            "scenario": {"GET": self._scenario, "PUT": self._set_scenario},
            "wire": {"GET": self._wire, "PUT": self._set_wire},
            "faults": {"GET": self._faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            "clock": {"GET": self._clock, "PUT": self._set_clock},
            "account": {"GET": self._account, "PUT": self._set_account},
            "journal": {"GET": self._journal},
            "verdict": {"GET": self._verdict},
            "reset": {"POST": self._reset},
            "events": {"GET": self._events},
        }
        self._pages: dict[str, Methods] = {path: {"GET": partial(_page, path)} for path in FILES}

    def answer(self, request: Request) -> tuple[int, Pairs, bytes | Iterator[bytes]]:
        """Return status, headers and body; an iterator is asked for more while the client stays.

        A refused request changes nothing.
        """
        name = request.path.removeprefix(PREFIX)
        methods = self._routes.get(name)
        if name or "text/html" in ",".join(request.header("accept")):
            methods = methods or self._pages.get(name)
        if methods is None:
            return _refused(404, f"Nothing at {request.path}: use {', '.join(self._routes)}.")
        allowed = ", ".join(methods)
        if request.method not in methods:
            said = f"{request.method} is not allowed: use {allowed}."
            return _refused(405, said, ("Allow", allowed))
        try:
            found = methods[request.method](_parsed(request))
        except ValueError as error:
            return _refused(400, str(error))
        return 200, *(found if isinstance(found, tuple) else (JSON, to_text(found).encode()))

    def _document(self, _: Body) -> object:
        origin = self._mock.base_url.removesuffix(self._mock.engine.contract.base_path)
        return {**document(), "servers": [{"url": origin + PREFIX.rstrip("/")}]}

    def _streaming(self, _: Body) -> object:
        """Return the API's document with every address rewritten to this mock."""
        contract = self._mock.engine.contract
        real, here = (
            url.removesuffix(contract.base_path) for url in (contract.base_url, self._mock.base_url)
        )
        return json.loads(json.dumps(contract.document).replace(real, here))

    def _streaming_yaml(self, _: Body) -> Found:
        return _YAML, yaml.safe_dump(self._streaming(_), sort_keys=False).encode()

    def _scenario(self, _: Body) -> object:
        scenario = self._mock.engine.site.scenario
        choices = {name: each.summary for name, each in SCENARIOS.items()}
        return {"name": scenario.name, "seed": scenario.seed, "choices": choices}

    def _set_scenario(self, body: Body) -> object:
        check_options(body, "name", "seed")
        now = self._mock.engine.site.scenario
        name = body.get("name", now.name)
        check_choice("name", name, tuple(SCENARIOS))
        self._mock.use(SCENARIOS[name](body.get("seed", now.seed)))
        return self._scenario(body)

    def _wire(self, _: Body) -> object:
        wire = self._mock.engine.wire
        name = next((name for name, each in WIRES.items() if each == wire), None)
        return {"name": name, **asdict(wire), "choices": list(WIRES)}

    def _set_wire(self, body: Body) -> object:
        options = dict(body)
        if isinstance(options.get("cut_at"), list):
            options["cut_at"] = tuple(options["cut_at"])
        name = options.pop("name", None)
        if "name" in body:
            check_choice("name", name, tuple(WIRES))
        self._mock.use(wire=make_wire(name, options))
        return self._wire(body)

    def _faults(self, _: Body) -> object:
        return {
            name: {"summary": kind.summary(), "options": kind.options()}
            for name, kind in KINDS.items()
        }

    def _add_fault(self, body: Body) -> object:
        options = dict(body)
        name = options.pop("name", None)
        check_choice("name", name, get_args(FaultName))
        running = options.pop("running", False)
        check_choice("running", running, (False, True))
        set_it = self._mock.strike if running else self._mock.fault
        set_it(name, **options)
        return {"set": body}

    def _clear_faults(self, _: Body) -> object:
        self._mock.clear_faults()
        return {}

    def _clock(self, _: Body) -> object:
        clock = self._mock.clock
        speed = getattr(clock, "speed", None)
        return {"now": clock.now().isoformat(), "monotonic": clock.monotonic(), "speed": speed}

    def _set_clock(self, body: Body) -> object:
        check_options(body, "speed")
        clock = self._mock.clock
        if not isinstance(clock, ScaledClock):
            raise ValueError("speed cannot be set: this clock is moved by hand.")
        if any(call.ended is None for call in self._mock.requests):
            raise ValueError("speed cannot be set while a stream is open.")
        clock.set_speed(body.get("speed", clock.speed))
        return self._clock(body)

    def _account(self, _: Body) -> object:
        mock = self._mock
        credentials = {"api_key": mock.api_key, "access_token": mock.access_token}
        return {**credentials, "system_id": mock.system_id, **self._plan()}

    def _plan(self) -> dict[str, object]:
        """Return what the application's plan is, what it allows and what was used of it."""
        account, bill = self._mock.account, self._mock.bill
        app, now = account.app, self._mock.clock.now()
        return {
            "plan": next(name for name, each in PLANS.items() if each == app.plan),
            "choices": list(PLANS),
            "token_lifetime": account.token_lifetime,
            "limit_answer": account.limit_answer,
            "limits": {
                period: {"used": app.used(period, now), "limit": app.plan.limit(period)}
                for period in get_args(Period)
            },
            "bill": {**asdict(bill), "dollars": str(bill.dollars), "fee": str(bill.fee)},
        }

    def _set_account(self, body: Body) -> object:
        check_options(body, "plan", "limit_answer", "used_up", "expired")
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
        return [
            {**asdict(each), "reply_body": each.reply_body.decode("utf-8", "replace")}
            for each in self._mock.requests
        ]

    def _verdict(self, _: Body) -> object:
        return [{**asdict(each), "text": str(each)} for each in self._mock.verdict()]

    def _reset(self, body: Body) -> object:
        check_options(body)
        self._mock.reset()
        return {}

    def _events(self, _: Body) -> Found:
        shown: dict[str, Callable[[], object]] = {
            "clock": partial(self._clock, {}),
            "scenario": partial(self._scenario, {}),
            "wire": partial(self._wire, {}),
            "account": self._plan,
        }
        return EVENT_STREAM, Feed(self._mock, shown)


def is_same_origin(request: Request) -> bool:
    """Return whether a request is a program's or the console's, and no other web page's.

    The host is checked as well: another site's name may be made to lead here.
    """
    hosts, origins = request.header("host"), request.header("origin")
    return (
        all(is_loopback(_split(f"//{host}").hostname or "") for host in hosts)
        and all(_split(origin).netloc in hosts for origin in origins)
        and set(request.header("sec-fetch-site")) <= {"none", "same-origin"}
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # an address of IPv6 that lacks a bracket
        return urlsplit("")


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of `/_mock/`."""
    text = (files(__package__) / "control.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _parsed(request: Request) -> Body:
    if not request.body.strip():
        if request.method == "PUT":
            raise ValueError("The body must be a JSON object, and is empty.")
        return {}
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("The body must be a JSON object.")
    return found


def _page(path: str, _: Body) -> Found:
    return read_file(path)


def _refused(status: int, message: str, *headers: tuple[str, str]) -> tuple[int, Pairs, bytes]:
    return status, JSON + headers, json.dumps({"error": message}).encode()
