import pytest

from enphase_streaming.cli.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "total", "drawn"),
    [
        ([], 10, 30, ""),
        ([0, 0, 0], 3, 3, "▁▁▁"),
        ([0, 500, 1000], 3, 3, "▁▅█"),
        ([-1000, 1000], 2, 2, "██"),
        ([1000, None, 1000], 3, 3, "█·█"),
        ([None], 3, 3, "·"),
        ([0, 1000, 1000, 1000], 2, 4, "▅█"),  # two values share a bar
        ([0, 1000], 4, 2, "▁▁██"),  # a value has two bars
        ([1000] * 30, 33, 30, "█" * 33),
        ([1000] * 15, 33, 30, "█" * 17),
        ([800], 1, 1, "▇"),  # a bar stands below a round number
    ],
)
def test_a_course_fills_the_width_as_its_values_fill_the_window(
    values: list[int | None], width: int, total: int, drawn: str
) -> None:
    assert sparkline(values, width, total=total).plain == drawn


def test_the_sign_has_its_own_style() -> None:
    line = sparkline([-5, 5], 2, total=2, style=lambda watts: "green" if watts < 0 else "red")
    assert [str(span.style) for span in line.spans] == ["green", "red"]


def test_a_power_as_large_as_json_allows_is_drawn() -> None:
    assert sparkline([10**400, -(10**400)], 2, total=2).plain == "██"
