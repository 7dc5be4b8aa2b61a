"""What can go wrong, by name: the faults there are, what each can be told, and whose turn it is."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from enphase_streaming_mock.answers import SHAPES
from enphase_streaming_mock.contract import load_contract
from enphase_streaming_mock.given import check_choice, check_number

_HOW_OFTEN: Mapping[str, Any] = {"requests": None, "always": False}
_STREAM: Mapping[str, Any] = {"after_events": None, "after_bytes": None, **_HOW_OFTEN}
_ANSWER: Mapping[str, Any] = {"on": "stream", **_HOW_OFTEN}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: what happens, where, and its options with what they are if not given."""

    summary: str
    place: Literal["stream", "answer", "port"] = "stream"
    options: Mapping[str, Any] = field(default_factory=lambda: _STREAM)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "reset": Kind("the connection is reset (RST)"),
        "drop": Kind("the connection is closed (FIN) without the last chunk"),
        "close": Kind("the stream ends cleanly, too early"),
        "incomplete-chunk": Kind("a chunk is shorter than announced, then FIN"),
        "bad-chunk-size": Kind("a chunk's size is no number, then FIN"),
        "malformed-json": Kind("one event holds half a JSON text"),
        "truncated-event": Kind("one event is cut off, then the stream ends cleanly"),
        "invalid-utf8": Kind("one event holds bytes that are no UTF-8"),
        "oversized-event": Kind(
            "one event of `size` bytes", options={"size": 2 * 1024 * 1024, **_STREAM}
        ),
        "silence": Kind("nothing more comes, and the connection stays open"),
        "comments": Kind(
            "only comments come, one each `seconds`", options={"seconds": 1.0, **_STREAM}
        ),
        "error-event": Kind(
            "an event holds the documented error `code`, then the stream ends cleanly",
            options={"code": 550, "example": None, **_STREAM},
        ),
        "token-expiry": Kind(
            "the access token expires: an event holds that 401, then the stream ends cleanly"
        ),
        "overrun": Kind(
            "events go on for `seconds` after the stream's duration, or for ever",
            "stream",
            {"seconds": math.inf, **_HOW_OFTEN},
        ),
        "error": Kind(
            "the documented error `code`, as `form` json, event-stream or framed",
            "answer",
            {"code": 551, "example": None, "form": "json", **_HOW_OFTEN},
        ),
        "gateway": Kind(
            "an answer of the gateway in front of the API",
            "answer",
            {"shape": "unavailable", **_ANSWER},
        ),
        "json": Kind(
            "status `code` with JSON that is no stream", "answer", {"code": 200, **_ANSWER}
        ),
        "html": Kind("status `code` with an HTML page", "answer", {"code": 200, **_ANSWER}),
        "endless-error": Kind(
            "status `code` with a body that never ends", "answer", {"code": 503, **_ANSWER}
        ),
        "slow-head": Kind(
            "the answer's head comes after `seconds`", "answer", {"seconds": 10.0, **_ANSWER}
        ),
        "hang-up": Kind(
            "the connection ends before a head, by `how` close or reset",
            "answer",
            {"how": "close", **_ANSWER},
        ),
        "refuse": Kind("connections are refused for `seconds`", "port", {"seconds": 10.0}),
    }
)

_CHOICES = {
    "form": ("json", "event-stream", "framed"),
    "how": ("close", "reset"),
    "on": ("stream", "tokens"),
    "shape": tuple(SHAPES),
}
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "after_events": (0, 1_000_000),
    "after_bytes": (0, 1_000_000_000),
    "requests": (1, 1_000_000),
    "size": (1_024, 256 * 1024 * 1024),
    "code": (200, 599),
    "seconds": (0.01, 86_400.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, such as `Fault("drop", after_events=3)`; `KINDS` names them all.

    A fault within a stream strikes when the next event would be sent after `after_events` of them
    (0 or more; 0 when left out), or at exactly `after_bytes` of the body; one that puts an event of
    its own in the place of the next waits until the event under way is whole. It waits for a
    request that opens a stream. A fault of the answer takes the next request, right or wrong,
    `on` the "stream" or the "tokens" address.

    A fault strikes once, for the next `requests`, or `always`. Raises ValueError that names the
    option and its choices.
    """

    name: str
    after_events: int | None = None
    after_bytes: int | None = None
    size: int | None = None
    seconds: float | None = None
    code: int | None = None
    example: str | None = None
    form: Literal["json", "event-stream", "framed"] | None = None
    shape: str | None = None
    how: Literal["close", "reset"] | None = None
    on: Literal["stream", "tokens"] | None = None
    requests: int | None = None
    always: bool = False

    def __post_init__(self) -> None:
        if self.name not in list(KINDS):
            raise ValueError(f"there is no fault {self.name!r}; choose from {', '.join(KINDS)}")
        options = KINDS[self.name].options
        for each in fields(self)[1:]:
            value = getattr(self, each.name)
            if value is each.default:
                object.__setattr__(self, each.name, options.get(each.name, each.default))
            elif each.name not in options:
                takes = ", ".join(options)
                raise ValueError(f"fault {self.name!r} takes no {each.name}; it takes {takes}")
            else:
                self._check(each.name, value)
        if self.after_events is not None and self.after_bytes is not None:
            raise ValueError("after_events and after_bytes contradict each other; give one of them")
        if self.always and self.requests is not None:
            raise ValueError("always and requests contradict each other; give one of them")
        if self.name in ("error", "error-event"):
            self._check_documented()

    @property
    def place(self) -> Literal["stream", "answer", "port"]:
        """Whether it strikes within a stream, instead of an answer, or at the port."""
        return KINDS[self.name].place

    def _check(self, option: str, value: object) -> None:
        if option == "always" and not isinstance(value, bool):
            raise ValueError(f"always is {value!r}; give True or False")
        if option in _CHOICES:
            check_choice(option, value, _CHOICES[option])
        if option in _BOUNDS:
            check_number(option, value, *_BOUNDS[option])

    def _check_documented(self) -> None:
        documented = load_contract().refusals
        assert self.code is not None
        if self.code not in documented:
            choices = ", ".join(map(str, documented))
            raise ValueError(f"code is {self.code}, which is not documented; choose from {choices}")
        examples = documented[self.code]
        if self.example is not None and self.example not in list(examples):
            choices = ", ".join(examples)
            raise ValueError(
                f"example is {self.example!r}; for code {self.code} choose from {choices}"
            )


class Faults:
    """The faults that are set, in the order they strike. May be used from any thread."""

    def __init__(self) -> None:
        self.on_refuse: Callable[[], None] = _nothing
        """Called when connections are refused from now on, or accepted again."""
        self.refused_until: datetime | None = None
        self._lock = threading.Lock()
        self._set: list[tuple[Fault, float]] = []

    def add(self, fault: Fault, now: datetime) -> None:
        """Set a fault behind those that are set already.

        Raises ValueError if one of them strikes `always`, so that this one never would.
        """
        if fault.place == "port":
            assert fault.seconds is not None
            self.refused_until = now + timedelta(seconds=fault.seconds)
            self.on_refuse()
            return
        with self._lock:
            for other, left in self._set:
                if left == math.inf and (other.on or "stream") == (fault.on or "stream"):
                    raise ValueError(
                        f"fault {other.name!r} strikes always, so {fault.name!r} never would; "
                        "clear the faults first"
                    )
            self._set.append((fault, math.inf if fault.always else fault.requests or 1))

    def clear(self) -> None:
        """Take back every fault that is still to strike."""
        with self._lock:
            self._set.clear()
        if self.refused_until is not None:
            self.refused_until = None
            self.on_refuse()

    def take(self, place: Literal["stream", "answer"], on: str = "stream") -> Fault | None:
        """The fault whose turn it is at a place, counted as having struck."""
        with self._lock:
            for index, (fault, left) in enumerate(self._set):
                if (fault.on or "stream") != on:
                    continue
                if fault.place != place:
                    return None  # those set first strike first
                if left > 1:
                    self._set[index] = (fault, left - 1)
                else:
                    del self._set[index]
                return fault
        return None

    def refusing(self, now: datetime) -> bool:
        """Whether connections are refused at `now`."""
        return self.refused_until is not None and now < self.refused_until


def _nothing() -> None:
    pass
