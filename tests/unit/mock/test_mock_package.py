import pytest

import enphase_streaming_mock


def test_every_public_name_is_there_and_they_are_sorted() -> None:
    names = enphase_streaming_mock.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(enphase_streaming_mock, name) for name in names)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        enphase_streaming_mock.Nothing  # noqa: B018
