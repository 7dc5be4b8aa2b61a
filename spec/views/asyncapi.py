"""Write `spec/asyncapi.yaml`, the stream in AsyncAPI 3, from the document, or --check it."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

SPEC = Path(__file__).resolve().parents[1]
DOCUMENT, OUTPUT = SPEC / "streaming.yaml", SPEC / "asyncapi.yaml"
PATH = "/systems/{system_id}/live_data"
NOTICE = "# Generated from streaming.yaml by `make client`. Do not edit.\n"
Json = dict[str, Any]


def description(document: Json) -> Json:
    """Return the AsyncAPI description of the stream, from the view of a program that reads it."""
    # Long: it has the shape of the file that it makes.
    operation = document["paths"][PATH]["get"]
    (media, content), *_ = operation["responses"]["200"]["content"].items()
    event = content["schema"]["$ref"].rpartition("/")[2]
    url = urlsplit(document["servers"][0]["url"])
    path, *headers = operation["parameters"]
    needed = " and ".join(operation["security"][0])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": document["info"]["title"],
            "version": document["info"]["version"],
            "description": document["info"]["description"],
            "license": {"name": document["info"]["license"]["name"]},
        },
        "servers": {
            "production": {
                "host": url.netloc,
                "pathname": url.path,
                "protocol": url.scheme,
                "description": f"Each request needs {needed} together.",
                "security": [
                    {"$ref": f"#/components/securitySchemes/{name}"}
                    for name in operation["security"][0]
                ],
            }
        },
        "channels": {
            "liveData": {
                "address": PATH,
                "description": operation["responses"]["200"]["description"],
                "parameters": {
                    path["name"]: {
                        "description": path["description"],
                        "examples": [str(path["example"])],
                    }
                },
                "messages": {"event": {"$ref": "#/components/messages/event"}},
            }
        },
        "operations": {
            operation["operationId"]: {
                "action": "receive",
                "channel": {"$ref": "#/channels/liveData"},
                "summary": operation["summary"],
                "description": " ".join(
                    [
                        operation["description"],
                        *(f"Header `{each['name']}`: {each['description']}" for each in headers),
                    ]
                ),
                "bindings": {"http": {"method": "GET", "bindingVersion": "0.3.0"}},
            }
        },
        "components": {
            "messages": {
                "event": {
                    "title": "One event of the stream",
                    "contentType": "application/json",
                    "description": f"The data of one event of the `{media}`.",
                    "payload": {"$ref": f"#/components/schemas/{event}"},
                    "examples": [
                        {"name": name, "payload": example["value"]}
                        for name, example in content["examples"].items()
                    ],
                }
            },
            "schemas": {
                name: document["components"]["schemas"][name] for name in _used(document, event)
            },
            "securitySchemes": {
                name: _security(document["components"]["securitySchemes"][name])
                for name in operation["security"][0]
            },
        },
    }


def _used(document: Json, name: str) -> Iterator[str]:
    """Yield a schema's name, and those of the schemas that it refers to."""
    yield name
    for field in document["components"]["schemas"][name].get("properties", {}).values():
        if "$ref" in field:
            yield from _used(document, field["$ref"].rpartition("/")[2])


def _security(scheme: Json) -> Json:
    """Return a security scheme under the names that AsyncAPI has for its parts."""
    if scheme["type"] == "apiKey":
        return {**scheme, "type": "httpApiKey"}
    flows: Json = {}
    for kind, flow in scheme["flows"].items():
        flows[kind] = {**flow, "availableScopes": flow["scopes"]}
        del flows[kind]["scopes"]
    return {**scheme, "flows": flows}


def main() -> int:
    """Write or check, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    document: Json = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    text = yaml.safe_dump(description(document), sort_keys=False, allow_unicode=True, width=100)
    if not check:
        OUTPUT.write_text(NOTICE + text, "utf-8", newline="\n")
    elif not OUTPUT.is_file() or OUTPUT.read_text("utf-8") != NOTICE + text:
        print("spec/asyncapi.yaml is out of date: run make client")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
