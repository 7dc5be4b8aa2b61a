# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from enum import StrEnum


class KnownGridStatus(StrEnum):
    """Published values of `grid_status`. No field is restricted to them."""

    ON_GRID = "On Grid"
    OFF_GRID = "Off Grid"
    UNKNOWN = "Unknown"
