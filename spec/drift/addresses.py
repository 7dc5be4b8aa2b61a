"""Finds the streaming operation, wherever a document puts the base path."""

import difflib
import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .document import Document, items, listed, mapping, text
from .files import DocumentError

WANTED = "/systems/{system_id}/live_data"
LONGEST = 1000  # of an address, so that many variables in it cannot multiply


class Found(NamedTuple):
    """One operation: its whole addresses, and the nodes that describe it."""

    path: str
    addresses: list[str]
    shared: dict[Any, Any]
    node: dict[Any, Any]


def find(document: Document) -> list[Found]:
    """Return the operations at `…/systems/{}/live_data`, that of version 4 first.

    Raise DocumentError, naming what is there instead, if there is none.
    """
    found, without_get = [], []
    paths = dict(items(document.root.get("paths"), "`paths`"))
    for path, node in paths.items():
        if not path.rstrip("/").endswith("live_data"):
            continue
        document.count()
        shared = document.resolved(node, f"the path {path}")
        operation = mapping(shared.get("get"), f"GET {path}")
        full = [base + shape(path) for base in bases(document, shared, operation)]
        if any(f"/{address}".endswith(shape(WANTED)) for address in full):
            if "get" in shared:
                found.append(Found(path, sorted(set(full)), shared, operation))
            else:
                without_get.append(path)
    if not found:
        near = difflib.get_close_matches(WANTED, list(paths)[:2000], n=3, cutoff=0.4)
        others = [f"{path} (which has no GET)" for path in without_get]
        others += [path for path in near if path not in without_get]
        raise DocumentError(
            f"lacks the operation GET …{WANTED}. Paths in it: {len(paths)}, "
            + (f"the nearest {', '.join(others)}" if others else "none of them near")
        )
    return sorted(found, key=lambda each: "/v4/" not in each.addresses[0])


def shape(path: str) -> str:
    """Return the path without the names of its parameters, which no request carries."""
    return "/" + re.sub(r"\{[^{}/]*\}", "{}", path).strip("/")


def bases(document: Document, *levels: dict[Any, Any]) -> list[str]:
    """Return what precedes a path: of an origin and a base path, what the document names."""
    if document.swagger:
        root = document.root
        host = text(root.get("host") or "", "`host`")
        path = text(root.get("basePath") or "", "`basePath`").strip("/")
        schemes = listed(root.get("schemes"), "`schemes`") or ["https"]
        origins = [f"{text(each, 'a scheme')}://{host}" for each in schemes] if host else [""]
        return [f"{origin.lower()}/{path}".rstrip("/") for origin in origins]
    nearest = [level["servers"] for level in (*levels[::-1], document.root) if level.get("servers")]
    return [base(document, each) for each in listed(nearest[0], "`servers`")] if nearest else [""]


def base(document: Document, server: object) -> str:
    """Return the address of an OpenAPI 3 server, its variables at their defaults."""
    document.count()
    node = mapping(server, "a server")
    defaults = {
        name: text(mapping(variable, "a variable").get("default", ""), "a default")[:LONGEST]
        for name, variable in items(node.get("variables"), "`variables`")
    }
    url = text(node.get("url", ""), "the `url` of a server")[:LONGEST]
    url = re.sub(r"\{([^{}]*)\}", lambda match: defaults.get(match[1], match[0]), url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DocumentError(f"is broken: {url} is no address") from None
    origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
    return origin + shape(parts.path).rstrip("/")
