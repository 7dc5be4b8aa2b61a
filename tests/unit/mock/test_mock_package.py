import ast
import subprocess
import sys
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path

import httpx
import pytest

import enphase_streaming_mock
from enphase_streaming_mock import HandClock, Mock, MockServer


def test_every_public_name_exists_and_they_are_sorted() -> None:
    names = enphase_streaming_mock.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(enphase_streaming_mock, name) for name in names)


def test_reprs_tell_the_state_and_no_secret() -> None:
    start = datetime(2026, 6, 21, 12, tzinfo=UTC)
    mock = Mock(scenario="night", seed=7, plan="kilowatt", clock=HandClock(start))
    access = {"key": mock.api_key, "Authorization": f"Bearer {mock.access_token}"}
    with httpx.Client(transport=mock.transport(), headers=access) as client:
        client.get(f"{mock.base_url}/systems/{mock.system_id}/live_data")
    assert repr(mock) == (
        "<Mock of <Night 'night' seed=7>, <HandClock at 2026-06-21 12:00:30.000+00:00>, "
        "<Account plan='Kilowatt' calls=1>, <Journal requests=1>>"
    )
    pair = mock.account.issue(mock.account.app, "owner", start)
    shown = repr([mock, mock.transport(), mock.requests, mock.account.apps, pair, MockServer()])
    assert not [secret for secret in mock.account.secrets if secret in shown]


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        enphase_streaming_mock.Nothing  # noqa: B018


def test_a_name_that_needs_a_missing_package_says_what_to_install() -> None:
    code = "import sys; sys.modules['yaml'] = None; from enphase_streaming_mock import MockServer"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: The Enphase mock needs yaml, which is not installed. Install it "
        "with: pip install 'enphase-streaming[mock]', or in a checkout: pip install '.[mock]'"
    )


def test_no_two_modules_import_each_other_even_for_types() -> None:
    root = Path(str(enphase_streaming_mock.__file__)).parent
    names = {
        ".".join((root.name, *path.relative_to(root).with_suffix("").parts)): path
        for path in root.rglob("*.py")
    }
    imports = {
        name: {
            found
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
            for each in node.names
            for found in (node.module, f"{node.module}.{each.name}", f"{node.module}.__init__")
            if found in names.keys() - {name}
        }
        for name, path in names.items()
    }
    assert all(TopologicalSorter(imports).static_order())
