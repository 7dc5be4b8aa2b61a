"""The decoder of one event's JSON: a public path for `enphase_streaming.core.reading`."""

from enphase_streaming.core.reading import Reading, decode

__all__ = ["Reading", "decode"]
