# Generated from spec/streaming.yaml. Do not edit: change the document or the templates in
# spec/generator, then run `make client`.
from enum import StrEnum


class KnownBatteryMode(StrEnum):
    """Published values of `battery_mode`. New ones appear unannounced and spellings vary, so no
    field is restricted to them."""

    SAVINGS_MODE = "Savings Mode"
    FULL_BACKUP = "Full Backup"
    SELF_CONSUMPTION = "Self-consumption"
    DR_EVENT_ACTIVE = "DR Event Active"
