"""The JSON of one event, decoded into a `Reading`.

The documented form, in either nesting, is decoded and checked in one pass. Any other form takes
the tolerant path: a value that can be kept without loss is kept, and each deviation is noted as
`Drift`. Nothing is ever filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

import msgspec

from enphase_streaming.errors import MalformedEvent
from enphase_streaming_api.models import LiveStatus, StreamSystemLiveDataResponse

_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeEncodeError)
_SECONDS_BELOW = 1e11
_MOST_NOTED, _MOST_ODD = 1_000, 30
_SHOWN, _MASKED = 120, 1_000
"""How much of a malformed event is shown, and how much is masked for it: a mask is shorter."""
_WHOLE = re.compile(r"(-?\d{1,18})(?:\.0{1,18})?", re.ASCII)
_set = msgspec.structs.force_setattr


class Drift(NamedTuple):
    """A value that deviates from the documentation.

    `expected` is the documented type: `integer`, `string`, `array of string`, or `absent` for a
    field that is not documented.
    """

    field: str
    value: Any
    expected: str


class Reading(LiveStatus, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a site measures at one moment: the fields of `LiveStatus`, and where they came from.

    Powers are in watts, the state of charge in percent. A field that was absent, null or
    unusable is None. `arrived` is when its bytes arrived here (aware UTC), `raw` the text of its
    event, `drift` each deviation from the documentation, `epoch` and `utc` its time as sent.
    """

    # Renamed so that no field of the wire can collide with one of these.
    arrived: datetime = msgspec.field(name="arrived here", default=datetime.min.replace(tzinfo=UTC))
    raw: str = msgspec.field(name="raw text", default="")
    drift: tuple[Drift, ...] = msgspec.field(name="drift seen", default=())
    epoch: int | None = msgspec.field(name="epoch sent", default=None)
    utc: str | None = msgspec.field(name="utc sent", default=None)

    def __repr__(self) -> str:
        return (
            f"Reading({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"
        )

    @property
    def timestamp(self) -> datetime | None:
        """When it was measured (aware UTC), from the epoch, else the UTC text, else None."""
        return from_epoch(self.epoch) or _from_text(self.utc)

    @property
    def measured(self) -> float | None:
        """`timestamp` in seconds since 1970."""
        if self.epoch is not None:
            return self.epoch if abs(self.epoch) < _SECONDS_BELOW else self.epoch / 1000
        moment = _from_text(self.utc)
        return None if moment is None else moment.timestamp()

    @property
    def grid_import(self) -> int | None:
        """Power drawn from the grid, in watts; 0 while exporting."""
        return _positive(self.grid_power)

    @property
    def grid_export(self) -> int | None:
        """Power fed into the grid, in watts; 0 while importing."""
        return _negative(self.grid_power)

    @property
    def battery_discharging(self) -> int | None:
        """Power drawn from the battery, in watts; 0 while charging."""
        return _positive(self.battery_power)

    @property
    def battery_charging(self) -> int | None:
        """Power fed into the battery, in watts; 0 while discharging."""
        return _negative(self.battery_power)

    @property
    def balance(self) -> int | None:
        """pv + battery + grid + generator - consumption, in watts; None if one is missing.

        0 where every flow is measured at one moment, which the API does not promise.
        """
        supplied = (self.pv_power, self.battery_power, self.grid_power, self.generator_power)
        known = [power for power in supplied if power is not None]
        if len(known) < len(supplied) or self.consumption_power is None:
            return None
        return sum(known) - self.consumption_power

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that have a value, by wire name, as JSON types, and `timestamp`."""
        status = {name: getattr(self, name) for name in LiveStatus.__struct_fields__}
        moment = self.timestamp
        status["timestamp"] = moment.isoformat() if moment else None
        return {name: value for name, value in status.items() if value is not None}


class _Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    data: Reading
    timestamp_epoch: int | None = None
    timestamp_utc: str | None = None
    type: str | None = None


class _Nested(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    data: _Event


_plain = msgspec.json.Decoder(_Event)
_nested = msgspec.json.Decoder(_Nested)
_any = msgspec.json.Decoder()


class EventReader:
    """Reads the events of one stream: an undocumented field is noted once a stream."""

    def __init__(self, *, mask: Callable[[str], str] = str) -> None:
        self._mask = mask
        self._is_nested = False
        self._noted: set[str] = set()
        self._odd: list[str] = []
        """The names that drifted so far. While all others fit, only these are looked at."""

    def read(self, data: str, arrived: datetime) -> Reading | dict[str, Any] | None:
        """Return an event's reading, or its error envelope; None if it holds neither.

        Raises:
            MalformedEvent: if the text is no JSON object.
        """
        event: _Event | None = None
        # What drifted once will drift again: do not try the documented form in vain.
        if not self._odd:
            try:
                event = _nested.decode(data).data if self._is_nested else _plain.decode(data)
            except _UNREADABLE:
                event = None
        if event is None:
            found = self._tolerant(data)
            if not isinstance(found, _Event):
                return found
            event = found
        reading = event.data
        _set(reading, "arrived", arrived)
        _set(reading, "raw", data)
        _set(reading, "epoch", event.timestamp_epoch)
        _set(reading, "utc", event.timestamp_utc)
        return reading

    def _tolerant(self, data: str) -> _Event | dict[str, Any] | None:
        """Return an event of any form, with its drift; for anything else what `read` returns."""
        found = parse_json(data)
        if not isinstance(found, dict):
            raise malformed("An event is no JSON object", data, self._mask)
        status = found.get("data")
        if found.get("error") is None and isinstance(status, dict):
            self._is_nested = "data" in status or status.get("error") is not None
            if self._is_nested:
                found |= status
                status = found.get("data")
        if found.get("error") is not None:
            return found
        if not isinstance(status, dict):
            return None
        drift = self._fit(found, self._odd)
        try:
            event = msgspec.convert(found, _Event)
        except msgspec.ValidationError:
            new = self._fit(found, [*found, *status])
            self._odd += [each.field for each in new][: _MOST_ODD - len(self._odd)]
            drift += new
            event = msgspec.convert(found, _Event)
        _set(event.data, "drift", tuple(drift))
        return event

    def _fit(self, event: dict[str, Any], names: list[str]) -> list[Drift]:
        """Convert the fields of these names to their documented types, in place.

        A value that no conversion keeps becomes None. An undocumented field is dropped. Return
        each deviation, but not that a field is undocumented again.
        """
        drift = []
        for found, documented in ((event, _EVENT), (event["data"], _STATUS)):
            for name in names:
                if name not in found:
                    continue
                value = found[name]
                kind = documented.get(name)
                if kind is None:
                    del found[name]
                    if name not in self._noted:
                        drift.append(Drift(name, value, "absent"))
                        if len(self._noted) < _MOST_NOTED:
                            self._noted.add(name)
                elif type(value) is not kind and value is not None:
                    expected, convert = _CONVERSIONS[kind]
                    kept = found[name] = convert(value)
                    if kept is not value:
                        drift.append(Drift(name, value, expected))
        return drift


def malformed(why: str, data: str, mask: Callable[[str], str] = str) -> MalformedEvent:
    """Return the exception for an event, with the start of its text."""
    start = mask(data[:_MASKED])[:_SHOWN]
    return MalformedEvent(f"{why}: {start!r}", data=start)


def parse_json(text: str) -> object:
    """Return the value of a JSON text, NaN and Infinity included; None if it is no JSON."""
    try:
        return _any.decode(text)
    except _UNREADABLE:
        pass  # msgspec refuses NaN, which costs one field and not the event
    try:
        found = json.loads(text)
        msgspec.json.encode(found)  # fails for half a surrogate pair, which nothing can encode
    except (ValueError, RecursionError, OverflowError):
        return None
    return found


def from_epoch(epoch: float | None) -> datetime | None:
    """Return an epoch in seconds or milliseconds, told apart by magnitude, as aware UTC."""
    if epoch is None:
        return None
    try:
        return datetime.fromtimestamp(epoch if abs(epoch) < _SECONDS_BELOW else epoch / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_text(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _positive(power: int | None) -> int | None:
    return None if power is None else max(power, 0)


def _negative(power: int | None) -> int | None:
    return None if power is None else max(-power, 0)


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return int(whole[1]) if whole else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _string(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def _strings(value: object) -> list[str] | None:
    if isinstance(value, list):
        texts = [text for item in value if (text := _string(item)) is not None]
        if len(texts) != len(value):
            return None
        return value if texts == value else texts
    only = _string(value)
    return None if only is None else [only]


_CONVERSIONS: dict[Any, tuple[str, Callable[[object], Any]]] = {
    int: ("integer", _integer),
    str: ("string", _string),
    list[str]: ("array of string", _strings),
}
_STATUS, _EVENT = (
    {field.encode_name: get_args(field.type)[0] for field in msgspec.structs.fields(struct)}
    for struct in (LiveStatus, StreamSystemLiveDataResponse)
)
_EVENT["data"] = dict
