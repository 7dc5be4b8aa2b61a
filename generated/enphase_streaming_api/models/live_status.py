# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from collections.abc import Mapping
from typing import Any, Self

import msgspec


class LiveStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What the gateway measures at one moment. The publisher requires no field."""

    system_id: int | None = None
    """The id of the site."""

    envoy_serial_number: list[str] | None = None
    """Serial numbers of the gateways. Of several at a site, only one reports."""

    pv_power: int | None = None
    """Solar production, in watts."""

    consumption_power: int | None = None
    """Consumption of the site, in watts."""

    battery_power: int | None = None
    """Battery power, in watts; positive while discharging, negative while charging."""

    battery_soc: int | None = None
    """State of charge of the battery, in percent."""

    battery_mode: str | None = None
    """Profile of the battery. An open set; KnownBatteryMode lists known values."""

    grid_power: int | None = None
    """Grid power, in watts; positive while importing, negative while exporting."""

    grid_status: str | None = None
    """State of the grid. An open set; KnownGridStatus lists known values."""

    generator_power: int | None = None
    """Generator power, in watts."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build one from decoded JSON, and ignore unknown names.

        Raises:
            msgspec.ValidationError: A field has another type, or a required one is missing.
        """
        return msgspec.convert(src_dict, cls)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types by their names on the wire, without fields that are None."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result
