"""How a check fails: in plain words, and in all of them."""

from collections.abc import Sequence

import pytest


def none_of(faults: Sequence[str]) -> None:
    """Fail the check with what departs from the contract, if anything does."""
    __tracebackhide__ = True
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
