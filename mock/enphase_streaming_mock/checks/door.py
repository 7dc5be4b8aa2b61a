"""The way to a backend: requests as plain HTTP, and their answers. Nothing is ever asked again."""

import json
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from enphase_streaming_mock.checks.backend import Backend
from enphase_streaming_mock.contract import Contract

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
PATIENCE = 20.0
"""Real seconds in which the next byte has to come."""
_MOST = 65_536

Headers = Mapping[str, str | None]


class Unanswered(Exception):
    """No answer came, or none may be asked for any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; the body of one that goes on streaming is left unread, and empty."""

    status: int
    kind: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Door:
    """Asks one backend, never beyond its calls; `last` is the latest answer."""

    def __init__(
        self,
        backend: Backend,
        contract: Contract,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.backend = backend
        self.contract = contract
        self.asked = 0
        self.last: Answer | None = None
        self._client = httpx.Client(
            timeout=PATIENCE,
            # A proxy of the environment is for the network, and not for what is on loopback.
            trust_env=backend.paid,
            verify=backend.base_url.startswith("https:"),  # which takes time to prepare
            headers={"user-agent": __package__},
            transport=transport,
        )

    def close(self) -> None:
        """Close what connections there are."""
        self._client.close()

    def path(self, site: object = None) -> str:
        """The stream's address on this backend."""
        site = self.backend.system_id if site is None else site
        under = self.contract.before_system_id.removeprefix(self.contract.base_path)
        return f"{self.backend.base_url}{under}{site}{self.contract.after_system_id}"

    def ask(
        self, method: str = "GET", url: str | None = None, headers: Headers | None = None
    ) -> Answer:
        """Ask for a stream, unless `method` and `url` say otherwise, with the right credentials.

        `headers` replace and add; one that is None is left out. Raises `Unanswered`.
        """
        self.spend()
        return self._answered(
            self._ask(method, url or self.path(), headers=self._headers(headers or {}))
        )

    def ask_tokens(
        self,
        form: Mapping[str, str],
        client: tuple[str, str] | None,
        *,
        method: str = "POST",
        in_query: bool = False,
    ) -> Answer:
        """Ask for tokens as the application whose id and secret are given. Raises `Unanswered`."""
        self.spend()
        where = {"params" if in_query else "data": form}
        url = self.backend.origin + self.contract.token_path
        return self._answered(self._ask(method, url, auth=client, **where))

    def open(self, headers: Headers) -> AbstractContextManager[httpx.Response]:
        """Ask for a stream and leave its body to the caller. Raises `Unanswered`, and httpx's."""
        self.spend()
        return self._client.stream("GET", self.path(), headers=self._headers(headers))

    def spend(self) -> None:
        """Count a request. Raises `Unanswered` where the real API may not be asked again."""
        if self.backend.kind == "real" and self.asked >= self.backend.calls:
            raise Unanswered(f"--calls {self.backend.calls} allows no further call")
        self.asked += 1

    def _headers(self, headers: Headers) -> dict[str, str]:
        scheme = self.contract.token_scheme.capitalize()
        ours: Headers = {
            "accept": f"{EVENT_STREAM}, {JSON}",
            "accept-encoding": "identity",
            self.contract.key_name: self.backend.api_key,
            "authorization": f"{scheme} {self.backend.access_token}",
        }
        return {name: value for name, value in {**ours, **headers}.items() if value is not None}

    def _ask(self, method: str, url: str, **request: Any) -> Answer | str:
        # A failure is returned: a traceback of this frame could be made to show its variables.
        try:
            with self._client.stream(method, url, **request) as response:
                body = b""
                if kind_of(response) != EVENT_STREAM or "content-length" in response.headers:
                    for data in response.iter_raw():
                        body += data
                        if len(body) > _MOST:
                            break
        except httpx.TransportError as error:
            where = self.backend.base_url
            return f"no answer came from {where}: {type(error).__name__}: {error}"
        for secret in self.backend.secrets:
            body = body.replace(secret.encode(), b"***")
        return Answer(response.status_code, kind_of(response), dict(response.headers), body)

    def _answered(self, answer: Answer | str) -> Answer:
        if isinstance(answer, str):
            raise Unanswered(answer)
        self.last = answer
        return answer


def knock(backend: Backend) -> None:
    """Connect, and ask for nothing. Raises `Unanswered` if nothing listens there."""
    parts = urlsplit(backend.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), PATIENCE).close()
    except OSError as error:
        why = error.strerror or error
        raise Unanswered(f"nothing answers at {backend.base_url}: {why}") from None


def kind_of(response: httpx.Response) -> str:
    """The media type of a response in lower case, without its parameters."""
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()
