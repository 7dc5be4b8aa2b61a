"""How long a stream stays open: 30 to 300 whole seconds.

The API checks this only after a call was spent, so it is checked here first. The bounds are
those of Enphase's description of the `duration` header.
"""

from __future__ import annotations

from datetime import timedelta
from typing import SupportsIndex

from enphase_streaming.core.arguments import shown, whole_number
from enphase_streaming.errors import InvalidDuration

MINIMUM = 30
MAXIMUM = 300
DEFAULT = 30
"""What the API streams for when no duration is sent, in seconds."""

_RULE = f"Give an int of {MINIMUM} to {MAXIMUM}, a whole timedelta in that range, or None."


def whole_seconds(duration: SupportsIndex | timedelta | None) -> int | None:
    """Return the seconds to send, or None to send none and get the API's own 30.

    Raises `InvalidDuration`; its `status_code` is what the API would have answered.
    """
    if duration is None:
        return None
    seconds: int | None
    if isinstance(duration, timedelta):
        seconds, rest = divmod(duration, timedelta(seconds=1))
        if rest:
            raise InvalidDuration(f"duration is {duration}, with a fraction. {_RULE}")
    else:
        seconds = whole_number(duration)
        if seconds is None:
            raise InvalidDuration(f"duration is {shown(duration)}. {_RULE}")
    if seconds < MINIMUM:
        raise InvalidDuration(
            f"duration is {shown(seconds)}, below {MINIMUM} seconds. {_RULE}", status_code=461
        )
    if seconds > MAXIMUM:
        raise InvalidDuration(
            f"duration is {shown(seconds)}, above {MAXIMUM} seconds. {_RULE}", status_code=462
        )
    return seconds
