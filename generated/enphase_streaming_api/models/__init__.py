# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
"""Contains all the data models used in inputs/outputs"""

from .error_detail import ErrorDetail
from .error_response import ErrorResponse
from .known_battery_mode import KnownBatteryMode
from .known_grid_status import KnownGridStatus
from .live_status import LiveStatus
from .stream_system_live_data_response import StreamSystemLiveDataResponse
from .token_error import TokenError
from .token_request import TokenRequest
from .token_request_grant_type import TokenRequestGrantType
from .token_response import TokenResponse

__all__ = (
    "ErrorDetail",
    "ErrorResponse",
    "KnownBatteryMode",
    "KnownGridStatus",
    "LiveStatus",
    "StreamSystemLiveDataResponse",
    "TokenError",
    "TokenRequest",
    "TokenRequestGrantType",
    "TokenResponse",
)
