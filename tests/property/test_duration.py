"""For every duration-like Python value: taken exactly when the rule says so."""

from __future__ import annotations

import operator
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from enphase_streaming import InvalidDuration
from enphase_streaming.core.arguments import whole_seconds


class Subclass(int):
    pass


class Index:
    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


near = st.integers(-400, 400) | st.sampled_from([29, 30, 31, 299, 300, 301])
ints = near | st.integers() | st.integers(4000, 6000).map(lambda digits: 10**digits)
timedeltas = st.one_of(
    st.timedeltas(),
    near.map(lambda seconds: timedelta(seconds=seconds)),
    st.builds(lambda s, us: timedelta(seconds=s, microseconds=us), near, st.integers(-2, 2)),
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    ints,
    ints.map(Subclass),
    ints.map(Index),
    timedeltas,
    st.floats(),
    near.map(float),
    near.map(str),
    near.map(lambda number: str(number).encode()),
    st.text(),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.lists(near, max_size=2),
    st.dictionaries(near, near, max_size=2),
    st.sampled_from([int, object(), ..., range(60), memoryview(b"60")]),
)


def expected(value: Any) -> int | None:
    """The answer to `value`: its status code if it is refused, else what is sent."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        if value % timedelta(seconds=1):
            return 463
        number = value // timedelta(seconds=1)
    elif isinstance(value, bool):
        return 463
    else:
        try:
            number = operator.index(value)
        except TypeError:
            return 463
    if number < 30:
        return 461
    return 462 if number > 300 else number


def ask(value: Any) -> tuple[int | None, str]:
    """The same of the library, and the text of a refusal."""
    try:
        return whole_seconds(value), ""
    except InvalidDuration as refused:
        return refused.status_code, str(refused)


@given(values)
@settings(max_examples=500)
def test_taken_exactly_when_none_an_int_or_a_whole_timedelta_of_30_to_300(value: Any) -> None:
    answer, text = ask(value)
    assert answer == expected(value)
    assert len(text) < 600  # forty characters of a text, each of them perhaps an escape of ten
