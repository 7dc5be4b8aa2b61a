"""What `streaming.yaml` says: paths, bounds, credentials, errors, and what an event looks like."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from jsonschema import Draft202012Validator

# The C parser is several times faster, but PyYAML comes without it on some platforms.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

STREAM_PATH = "/systems/{system_id}/live_data"
_TOKENS = "/oauth/token"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One documented error: its HTTP status, the name of its example, and that example."""

    status: int
    name: str
    envelope: Mapping[str, Any]


class Contract:
    """The document, read once.

    Attributes:
        base_url: Where the real API begins.
        shortest: The least `duration`, in seconds. A stream without the header lasts that long,
            which the document says in prose only.
        longest: The greatest `duration`, in seconds.
        refusals: By documented error status of the stream, its examples by name.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        operation = document["paths"][STREAM_PATH]["get"]
        self.base_url: str = document["servers"][0]["url"]
        self.base_path: str = urlsplit(self.base_url).path
        self.stream_path: str = self.base_path + STREAM_PATH
        before, after = map(re.escape, self.stream_path.split("{system_id}"))
        self._stream_path = re.compile(f"{before}([^/]+){after}")
        schemes = document["components"]["securitySchemes"]
        flow = schemes["OAuth2"]["flows"]["authorizationCode"]
        self.token_path: str = _TOKENS
        self.authorize_path: str = urlsplit(flow["authorizationUrl"]).path
        self.key_name: str = schemes["ApiKey"]["name"]
        self.token_scheme = "bearer"  # RFC 6750: how a token of OAuth 2.0 is sent
        header = next(item for item in operation["parameters"] if item["in"] == "header")
        self.duration_name: str = header["name"]
        self.shortest: int = header["schema"]["minimum"]
        self.longest: int = header["schema"]["maximum"]
        self.refusals: dict[int, dict[str, Refusal]] = {
            int(status): dict(self._examples(int(status), response))
            for status, response in operation["responses"].items()
            if int(status) >= 400
        }

    def system_id(self, path: str) -> str:
        """Return the system whose stream a path names, "" if it names none."""
        found = self._stream_path.fullmatch(path)
        return unquote(found[1]) if found else ""

    def refusal(self, name: str) -> Refusal:
        """Return the error of an example's name, which the document uses for one status only."""
        (found,) = (each[name] for each in self.refusals.values() if name in each)
        return found

    def event_faults(self, event: object) -> list[str]:
        """Return where the JSON of an event departs from the document."""
        return self.faults("StreamSystemLiveDataResponse", event)

    def faults(self, schema: str, value: object) -> list[str]:
        """Return where a JSON value departs from a schema of the document, by the schema's name."""
        # The schema refers to others in the document.
        validator = Draft202012Validator(
            {
                "$ref": f"#/components/schemas/{schema}",
                "components": self.document["components"],
            }
        )
        return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]

    def _examples(self, status: int, response: Mapping[str, Any]) -> Iterator[tuple[str, Refusal]]:
        name = response["$ref"].rpartition("/")[2]
        content = self.document["components"]["responses"][name]["content"]
        for example, holder in content["application/json"]["examples"].items():
            yield example, Refusal(status, example, holder["value"])


@cache
def load_contract() -> Contract:
    """Read the document that came with the package."""
    return Contract(yaml.load(_document_file().read_bytes(), _Loader))


def _document_file() -> Traversable:
    packaged = files(__package__) / "streaming.yaml"
    if packaged.is_file():
        return packaged
    # The wheel carries the document inside the package; a checkout keeps the one copy in spec/.
    return Path(__file__).parents[2] / "spec" / "streaming.yaml"
