"""The event-stream decoder, usable alone: a public path for `enphase_streaming.core.sse`."""

from enphase_streaming.core.sse import ServerSentEvent, SSEDecoder

__all__ = ["SSEDecoder", "ServerSentEvent"]
