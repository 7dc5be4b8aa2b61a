"""`spec/asyncapi.yaml` is valid AsyncAPI 3, says what the document says, and is up to date."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

import written

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "tests" / "clients" / "asyncapi" / "node_modules" / "@asyncapi" / "specs" / "schemas"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def stream() -> Json:
    loaded: Json = yaml.safe_load((ROOT / "spec" / "asyncapi.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def asyncapi() -> Draft7Validator:
    """AsyncAPI's own schema of its version 3.0.0, as its npm package has it."""
    file = SPECS / "3.0.0-without-$id.json"
    if not file.is_file():
        pytest.fail("no AsyncAPI schema: run make tests/clients/asyncapi/node_modules/installed")
    return Draft7Validator(json.loads(file.read_text("utf-8")))


def test_it_is_valid_asyncapi(stream: Json, asyncapi: Draft7Validator) -> None:
    assert [each.message for each in asyncapi.iter_errors(stream)] == []
    wrong = {**stream, "operations": {"stream": {"action": "listen"}}}
    assert not asyncapi.is_valid(wrong)


def test_it_says_what_the_document_says(stream: Json) -> None:
    document = written.read()
    server = stream["servers"]["production"]
    address = stream["channels"]["liveData"]["address"]
    assert f"https://{server['host']}{server['pathname']}" == document["servers"][0]["url"]
    operation = document["paths"][address]["get"]
    assert list(stream["operations"]) == [operation["operationId"]]
    schemes = stream["components"]["securitySchemes"]
    assert [set(schemes)] == [set(each) for each in operation["security"]]
    schemas = stream["components"]["schemas"]
    assert schemas == {name: document["components"]["schemas"][name] for name in schemas}
    assert {"StreamSystemLiveDataResponse", "LiveStatus"} <= set(schemas)


def test_its_example_matches_its_payload(stream: Json) -> None:
    message = stream["components"]["messages"]["event"]
    payload = Draft202012Validator({**stream, **message["payload"]})
    (example,) = message["examples"]
    assert payload.is_valid(example["payload"])
    assert not payload.is_valid({"data": {"pv_power": "much"}})


def test_a_change_of_the_document_fails_the_check_until_it_is_derived_again(tmp_path: Path) -> None:
    spec = tmp_path / "spec"
    (spec / "views").mkdir(parents=True)
    for name in ("streaming.yaml", "asyncapi.yaml", "views/asyncapi.py"):
        shutil.copy(ROOT / "spec" / name, spec / name)

    def derive(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, spec / "views" / "asyncapi.py", *options],
            capture_output=True,
            text=True,
        )

    assert derive("--check").returncode == 0, "run make client"
    document = (spec / "streaming.yaml").read_text("utf-8")
    changed = document.replace("Solar production, in watts.", "Solar power, in watts.")
    assert changed != document
    (spec / "streaming.yaml").write_text(changed, "utf-8")
    refused = derive("--check")
    assert (refused.returncode, refused.stdout.count("run make client")) == (1, 1)
    assert derive().returncode == 0
    assert derive("--check").returncode == 0
