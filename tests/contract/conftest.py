"""Fixtures of the contract tests."""

import sys
from collections.abc import Iterator

import pytest

from prism import PrismIsMissing, running_prism


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running Prism, started once; fails where Prism cannot be had."""
    if sys.platform == "win32":
        pytest.skip("Prism is ended as a process group")
    try:
        with running_prism(tmp_path_factory.mktemp("prism")) as base_url:
            yield base_url
    except PrismIsMissing as missing:
        pytest.fail(str(missing), pytrace=False)
