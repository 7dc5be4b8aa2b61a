"""The JSON of an event → a `Reading`.

The documented form, in either nesting, is decoded and checked in one pass. Whatever does not fit
it takes the tolerant path, which keeps what can be kept without loss and notes the rest as drift;
nothing is ever filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from enphase_streaming.answers import error_from_envelope, from_epoch, hide
from enphase_streaming.errors import APIStatusError, MalformedEvent
from enphase_streaming_api.models import LiveEvent, LiveStatus

_MOST_NAMES = 1_000
_WHOLE = re.compile(r"(-?\d{1,18})(?:\.0{1,18})?", re.ASCII)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeEncodeError)
_set = msgspec.structs.force_setattr


class Drift(NamedTuple):
    """A value that is not of the documented form.

    `expected` is what the documentation promises: `integer`, `string`, `array of string`, or
    `absent` for a field that is not documented at all.
    """

    field: str
    value: Any
    expected: str


class Reading(LiveStatus, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a site measures at one moment: the fields of `LiveStatus`, and where they came from.

    Powers are in watts, the state of charge in percent. A field that was absent, null or
    unusable is None. `arrived` is when its bytes arrived here (aware UTC), `raw` the text of its
    event, `drift` what was not as documented, `epoch` and `utc` its time as it was sent.
    """

    # Renamed so that no field of the wire can meet one of these by name.
    arrived: datetime = msgspec.field(name="arrived here", default=datetime.min.replace(tzinfo=UTC))
    raw: str = msgspec.field(name="raw text", default="")
    drift: tuple[Drift, ...] = msgspec.field(name="drift seen", default=())
    epoch: int | None = msgspec.field(name="epoch sent", default=None)
    utc: str | None = msgspec.field(name="utc sent", default=None)

    @property
    def timestamp(self) -> datetime | None:
        """When it was measured (aware UTC): from the epoch, else the UTC text, else None."""
        return from_epoch(self.epoch) or _from_text(self.utc)

    @property
    def grid_import(self) -> int | None:
        """What the site takes from the grid, in watts; 0 while it exports."""
        return _above_zero(self.grid_power)

    @property
    def grid_export(self) -> int | None:
        """What the site gives to the grid, in watts; 0 while it imports."""
        return _below_zero(self.grid_power)

    @property
    def battery_discharging(self) -> int | None:
        """What the battery gives, in watts; 0 while it charges."""
        return _above_zero(self.battery_power)

    @property
    def battery_charging(self) -> int | None:
        """What the battery takes, in watts; 0 while it discharges."""
        return _below_zero(self.battery_power)

    @property
    def balance(self) -> int | None:
        """pv + battery + grid + generator - consumption, in watts; None if one is missing.

        0 where every flow is measured at one moment, which the API does not promise.
        """
        if (
            self.pv_power is None
            or self.battery_power is None
            or self.grid_power is None
            or self.generator_power is None
            or self.consumption_power is None
        ):
            return None
        supplied = self.pv_power + self.battery_power + self.grid_power + self.generator_power
        return supplied - self.consumption_power

    def to_dict(self) -> dict[str, Any]:
        """As JSON types: the fields that have a value, by their wire names, and `timestamp`."""
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
        self._noted: set[str] = set()
        self._is_nested = False

    def read(self, data: str, arrived: datetime) -> Reading | APIStatusError | None:
        """Return the reading of an event; the exception of an error envelope; None for neither.

        Raises `MalformedEvent` if the text is no JSON object.
        """
        try:
            event = _nested.decode(data).data if self._is_nested else _plain.decode(data)
        except _UNREADABLE:
            return self._tolerate(data, arrived)
        reading = event.data
        _set(reading, "arrived", arrived)
        _set(reading, "raw", data)
        _set(reading, "drift", ())
        _set(reading, "epoch", event.timestamp_epoch)
        _set(reading, "utc", event.timestamp_utc)
        return reading

    def _tolerate(self, data: str, arrived: datetime) -> Reading | APIStatusError | None:
        event = self._json_object(data)
        inner = event.get("data")
        if event.get("error") is None and isinstance(inner, dict):
            self._is_nested = "data" in inner or inner.get("error") is not None
            if self._is_nested:
                event = event | inner
        if event.get("error") is not None:
            return error_from_envelope(event, now=arrived, mask=self._mask)
        status = event.get("data")
        if not isinstance(status, dict):
            return None
        drift = [*self._unknown(event, _EVENT), *self._unknown(status, _STATUS)]
        kept = {name: _keep(status, name, kind, drift) for name, kind in _STATUS.items()}
        about = {name: _keep(event, name, kind, drift) for name, kind in _EVENT.items() if kind}
        return Reading(
            **kept,
            arrived=arrived,
            raw=data,
            drift=tuple(drift),
            epoch=about["timestamp_epoch"],
            utc=about["timestamp_utc"],
        )

    def _json_object(self, data: str) -> dict[str, Any]:
        cause: Exception | None = None
        try:
            found = _any.decode(data)
            if isinstance(found, dict):
                return found
        except _UNREADABLE as error:
            cause = error
        start = hide(data, self._mask)[:120]
        raise MalformedEvent(f"An event is no JSON object: {start!r}", data=start) from cause

    def _unknown(self, found: dict[str, Any], documented: dict[str, str]) -> list[Drift]:
        new = [name for name in found if name not in documented and name not in self._noted]
        self._noted.update(new[: _MOST_NAMES - len(self._noted)])
        return [Drift(name, found[name], "absent") for name in new]


def decode(data: str, arrived: datetime) -> Reading:
    """Return the reading of one event's JSON text; `arrived` is an aware moment.

    Raises `MalformedEvent` if the text is no JSON object or holds no reading, and the exception
    of the code that it carries (`APIStatusError`) if it is an error envelope.
    """
    found = EventReader().read(data, arrived)
    if found is None:
        raise MalformedEvent(f"An event holds no reading: {data[:120]!r}", data=data[:120])
    if isinstance(found, APIStatusError):
        raise found
    return found


def _keep(found: dict[str, Any], name: str, kind: str, drift: list[Drift]) -> Any:
    value = found.get(name)
    if value is None:
        return None
    kept = _KEEP[kind](value)
    if kept is not value:
        drift.append(Drift(name, value, kind))
    return kept


def _integer(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (whole := _WHOLE.fullmatch(value)):
        return int(whole[1])
    return None


def _string(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def _strings(value: object) -> list[str] | None:
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        texts = [text for item in value if (text := _string(item)) is not None]
        return texts if len(texts) == len(value) else None
    only = _string(value)
    return None if only is None else [only]


_KEEP: dict[str, Callable[[object], Any]] = {
    "integer": _integer,
    "string": _string,
    "array of string": _strings,
}
_KINDS = {
    int | None: "integer",
    str | None: "string",
    list[str] | None: "array of string",
}
_STATUS = {field.encode_name: _KINDS[field.type] for field in msgspec.structs.fields(LiveStatus)}
# No kind for `data`: it is the object that _STATUS is about.
_EVENT = {
    field.encode_name: _KINDS.get(field.type, "") for field in msgspec.structs.fields(LiveEvent)
}


def _above_zero(power: int | None) -> int | None:
    return None if power is None else max(power, 0)


def _below_zero(power: int | None) -> int | None:
    return None if power is None else max(-power, 0)


def _from_text(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
