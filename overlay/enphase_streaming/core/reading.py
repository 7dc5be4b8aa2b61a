"""The JSON of an event → a `Reading`.

The documented form, in either nesting, is decoded and checked in one pass. Whatever does not fit
it takes the tolerant path, which keeps what can be kept without loss and notes the rest as drift;
nothing is ever filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from enphase_streaming.core.answers import error_from_envelope, from_epoch
from enphase_streaming.core.drift import Drift, make_fit
from enphase_streaming.errors import APIStatusError, MalformedEvent
from enphase_streaming_api.models import LiveEvent, LiveStatus

_SHOWN, _MASKED = 120, 1_000
"""How much of a malformed event is shown, and how much is masked for it: a mask is shorter."""
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeEncodeError)
_set = msgspec.structs.force_setattr


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

    def __repr__(self) -> str:
        return (
            f"Reading({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"
        )

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
        supplied = (self.pv_power, self.battery_power, self.grid_power, self.generator_power)
        known = [power for power in supplied if power is not None]
        if len(known) < len(supplied) or self.consumption_power is None:
            return None
        return sum(known) - self.consumption_power

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
        drift: tuple[Drift, ...] = ()
        try:
            event = _nested.decode(data).data if self._is_nested else _plain.decode(data)
        except _UNREADABLE:
            event = None
        # Not inside `except`: what is raised would have that as its context, which quotes fields.
        if event is None:
            found = self._json_object(data)
            if found.get("error") is not None:
                return error_from_envelope(found, mask=self._mask)
            status = found.get("data")
            if not isinstance(status, dict):
                return None
            drift = (
                *make_fit(found, _EVENT, self._noted),
                *make_fit(status, _STATUS, self._noted),
            )
            event = msgspec.convert(found, _Event)
        reading = event.data
        _set(reading, "arrived", arrived)
        _set(reading, "raw", data)
        _set(reading, "drift", drift)
        _set(reading, "epoch", event.timestamp_epoch)
        _set(reading, "utc", event.timestamp_utc)
        return reading

    def _json_object(self, data: str) -> dict[str, Any]:
        """Return what an event holds, in either nesting; its own nesting comes off."""
        cause: Exception | None = None
        try:
            found = _any.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            found, cause = None, error
        except UnicodeEncodeError:  # which holds the text
            found = None
        if not isinstance(found, dict):
            start = self._mask(data[:_MASKED])[:_SHOWN]
            raise MalformedEvent(f"An event is no JSON object: {start!r}", data=start) from cause
        inner = found.get("data")
        if found.get("error") is None and isinstance(inner, dict):
            self._is_nested = "data" in inner or inner.get("error") is not None
            if self._is_nested:
                return found | inner
        return found


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


_STATUS, _EVENT = (
    {field.encode_name: get_args(field.type)[0] for field in msgspec.structs.fields(struct)}
    for struct in (LiveStatus, LiveEvent)
)
_EVENT["data"] = dict


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
