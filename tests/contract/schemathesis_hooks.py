"""Extensions of Schemathesis: a path's own server, and a check of every credential."""

from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from schemathesis import APIOperation, Case, CheckContext, HookContext, Response

# Base URL and operation of each confirmation.
_confirmed: set[tuple[str | None, str]] = set()


@schemathesis.hook
def before_init_operation(ctx: HookContext, operation: APIOperation[Any, Any, Any, Any]) -> None:
    """Use the path of an operation's own server, which `--url` would replace."""
    servers = operation.schema.raw_schema["paths"][operation.path].get("servers")
    if servers:
        assert operation.base_url is not None
        base = urlsplit(operation.base_url)
        operation.base_url = base._replace(path=urlsplit(servers[0]["url"]).path).geturl()


@schemathesis.check
def every_credential_counts(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Repeat a granted request without one credential, and with a wrong one; expect 401.

    Schemathesis' own `ignored_auth` sends one wrong credential and nothing else, so an API that
    checks only the other one passes. One confirmation per operation is enough.
    """
    place = case.operation.base_url, case.operation.label
    if response.status_code != 200 or place in _confirmed:
        return
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        for name in ("Authorization", "key"):
            if name not in response.request.headers:
                continue
            for value in (None, "Bearer wrong"):
                again = response.request.copy()
                del again.headers[name]
                if value is not None:
                    again.headers[name] = value
                status = session.send(again, timeout=10).status_code
                how = "without" if value is None else "with a wrong"
                assert status == 401, f"{status} {how} {name}, not 401"
    _confirmed.add(place)
