"""Requests to the server under test: plain HTTP, no request sent twice."""

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from enphase_streaming_mock.checks.backend import Backend
from enphase_streaming_mock.checks.document import CONTRACT
from enphase_streaming_mock.contract import STREAM_PATH

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
TIMEOUT = 20.0
"""Seconds of real time to connect, to wait for the next bytes, and to read a whole answer."""
_MAX_BODY = 65_536

Headers = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; `request` says what was asked, without credentials.

    `status` is 0 if no response came, and `trouble` says why, or why the body ended early.
    `media_type` is in lower case, without parameters.
    """

    request: str = ""
    status: int = 0
    media_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""
    trouble: str = ""

    @classmethod
    def of(cls, response: httpx.Response) -> "Answer":
        """Take the head of a response, without its body."""
        sent = response.request
        request = f"{sent.method} {sent.url.path}"
        for name in (CONTRACT.duration_name, "prefer"):
            if name in sent.headers:
                request += f", {name}: {sent.headers[name]}"
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return cls(request, response.status_code, media_type, dict(response.headers))

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Client:
    """Sends requests to one server, and no more than `calls` to the real API."""

    def __init__(self, backend: Backend, transport: httpx.BaseTransport | None = None) -> None:
        self.backend = backend
        self.sent: int = 0
        self._http = httpx.Client(
            timeout=TIMEOUT,
            # A mock is reached directly, never through a proxy of the environment.
            trust_env=backend.is_remote,
            verify=backend.base_url.startswith("https:"),  # loading the CA bundle takes time
            headers={"user-agent": __package__, "accept-encoding": "identity"},
            transport=transport,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def stream_url(self, system_id: object = None) -> str:
        """Return the address of a system's stream, by default the one under test."""
        system_id = self.backend.system_id if system_id is None else system_id
        return self.backend.base_url + STREAM_PATH.format(system_id=system_id)

    @property
    def token_url(self) -> str:
        """The address that issues tokens."""
        return self.backend.origin + CONTRACT.token_path

    def open(
        self, method: str = "GET", url: str | None = None, headers: Headers | None = None
    ) -> AbstractContextManager[httpx.Response]:
        """Ask for a stream with valid credentials, and leave the body to the caller.

        `headers` add to the usual ones and replace them; None removes one. Fails the check if the
        real API's calls are used up; entering raises httpx.TransportError.
        """
        usual: Headers = {
            "accept": f"{EVENT_STREAM}, {JSON}",
            CONTRACT.key_name: self.backend.api_key,
            "authorization": f"Bearer {self.backend.access_token}",
        }
        sent = {**usual, **(headers or {})}
        present = {name: value for name, value in sent.items() if value is not None}
        self._spend()
        return self._http.stream(method, url or self.stream_url(), headers=present)

    def ask(
        self, method: str = "GET", url: str | None = None, headers: Headers | None = None
    ) -> Answer:
        """Ask as `open` does, and return the answer; the body of a stream is left unread."""
        return self._answer(self.open(method, url, headers))

    def ask_tokens(
        self,
        form: Mapping[str, str],
        application: tuple[str, str] | None,
        *,
        in_query: bool = False,
    ) -> Answer:
        """Ask for tokens with the id and secret of an application."""
        self._spend()
        where: dict[str, Any] = {"params" if in_query else "data": form}
        return self._answer(self._http.stream("POST", self.token_url, auth=application, **where))

    def _spend(self) -> None:
        if self.backend.is_real and self.sent >= self.backend.calls:
            pytest.fail(f"--calls {self.backend.calls} allows no further call", pytrace=False)
        self.sent += 1

    def _answer(self, opening: AbstractContextManager[httpx.Response]) -> Answer:
        answer, body, deadline = Answer(), b"", time.monotonic() + TIMEOUT
        try:
            with opening as response:
                answer = Answer.of(response)
                if answer.media_type != EVENT_STREAM or "content-length" in answer.headers:
                    for data in response.iter_raw():
                        body += data
                        if len(body) > _MAX_BODY or time.monotonic() > deadline:
                            break
        except httpx.TransportError as error:
            return replace(answer, body=body, trouble=f"{type(error).__name__}: {error}")
        return replace(answer, body=body)
