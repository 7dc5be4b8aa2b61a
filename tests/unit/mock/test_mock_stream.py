"""When what comes, and in what pieces, for wires whose moments can be told by hand."""

from collections.abc import Callable

import pytest

from enphase_streaming_mock import Wire
from enphase_streaming_mock.exchange import End, Step
from enphase_streaming_mock.stream import cut, timeline


def unasked(number: int) -> float:
    pytest.fail(f"the lateness of event {number} was asked for")


@pytest.mark.parametrize(
    ("jitter", "noise", "dues"),
    [
        (0.0, unasked, [0, 1, 2, 3]),
        (0.5, [0.0, 1.0, 0.5, 0.2].__getitem__, [0, 1.5, 2.25, 3.1]),
        (3.0, [0.5, 0.0, 0.0, 0.5].__getitem__, [1.5, 1.5, 2, 4]),
    ],
)
def test_events_are_late_by_their_share_of_the_jitter_and_stay_in_order(
    jitter: float, noise: Callable[[int], float], dues: list[float]
) -> None:
    assert list(timeline(Wire(jitter=jitter), 4, noise)) == list(zip(dues, range(4), strict=True))


def test_a_stall_holds_events_back_and_lets_them_come_at_once() -> None:
    wire = Wire(cadence=2, stall_after=4, stall=5)
    dues = [due for due, _ in timeline(wire, 24, unasked)]
    assert dues == [0, 2, 4, 6, 13, 13, 13, 14, 21, 21, 21, 22]


def test_keep_alives_go_on_while_events_are_held_back() -> None:
    wire = Wire(warm_up=3, keep_alive=1, stall_after=1, stall=2)
    assert list(timeline(wire, 7, unasked)) == [
        (1, None), (2, None), (3, 3), (3, None), (4, None), (5, None), (6, 4), (6, None), (7, 5),
        (7, 6),
    ]  # fmt: skip


def test_keep_alives_go_on_after_the_last_event() -> None:
    assert list(timeline(Wire(cadence=4, keep_alive=1.5), 8, unasked)) == [
        (0, 0), (1.5, None), (3, None), (4, 4), (4.5, None), (6, None), (7.5, None),
    ]  # fmt: skip


def test_an_uncut_body_is_sent_unchanged() -> None:
    steps = iter([Step(0, b"abc", 1)])
    assert cut(Wire(), steps) is steps


@pytest.mark.parametrize(
    ("wire", "pieces"),
    [
        (Wire(cut_every=3), [b"abc", b"de", b"f", b"ghi", b"j"]),
        (Wire(cut_every=5), [b"abcde", b"fghij"]),
        (Wire(cut_at=(7, 1, 7)), [b"a", b"bcde", b"fg", b"hij"]),
        # An empty chunk would be the end of the body.
        (Wire(cut_at=(5, 10)), [b"abcde", b"fghij"]),
    ],
)
def test_pieces_end_where_the_wire_says_and_none_is_empty(wire: Wire, pieces: list[bytes]) -> None:
    end = Step(3, end=End.CLEAN)
    *steps, last = cut(wire, iter([Step(1, b"abcde", 1), Step(2, b"fghij", 1), end]))
    assert ([step.data for step in steps], last) == (pieces, end)
    # An event counts with its last piece.
    assert [step.events for step in steps] == [int(piece[-1:] in (b"e", b"j")) for piece in pieces]


def test_raw_bytes_are_not_cut() -> None:
    raw, end = Step(1, b"size?", raw=True), Step(2, end=End.CLEAN)
    assert list(cut(Wire(cut_every=1), iter([raw, Step(1, b"ab"), end]))) == [
        raw, Step(1, b"a"), Step(1, b"b"), end,
    ]  # fmt: skip
