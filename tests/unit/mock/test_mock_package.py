import subprocess
import sys

import pytest

import enphase_streaming_mock


def test_every_public_name_exists_and_they_are_sorted() -> None:
    names = enphase_streaming_mock.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(enphase_streaming_mock, name) for name in names)


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
