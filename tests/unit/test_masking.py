"""No secret is left in a text, whoever wrote it and however it is spelled there."""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enphase_streaming.secrets import causes, keep_out_of_logs, mask_causes, masked

# An asterisk is what a mask is made of: to look for one of a secret's would find those.
CHARACTERS = st.characters(exclude_characters="*", exclude_categories=["Cs"])
SECRETS = st.text(st.one_of(st.sampled_from("aZ0/+=&%\\'\" "), CHARACTERS), min_size=1, max_size=12)
AROUND = st.sampled_from(["", " ", "'", '"', "'\"", "ä", "\\", "%"])


def lowered(encoded: str) -> str:
    return re.sub("%..", lambda escape: escape[0].lower(), encoded)


@given(SECRETS, AROUND, AROUND)
def test_a_secret_as_it_is(secret: str, before: str, after: str) -> None:
    assert secret not in masked(before + secret + after, [secret])


@given(SECRETS, st.text("/+=&!'()~;:@$, ", max_size=8), AROUND)
@example("pass/word", "/", "")
@example("pass(word)!", "!'()", "")
def test_a_percent_encoded_secret_whatever_was_left_alone(
    secret: str, safe: str, around: str
) -> None:
    for encoded in (quote(secret, safe=safe), quote_plus(secret, safe=safe)):
        for spelled in (encoded, lowered(encoded)):
            assert spelled not in masked(around + spelled + around, [secret])


@given(SECRETS, AROUND, AROUND)
@example("o'clock", '"', "")
def test_a_secret_in_what_python_shows_of_a_value(secret: str, before: str, after: str) -> None:
    # Markers, which are never escaped, tell where in the text the secret begins and ends.
    value = f"{before}zz{secret}zz{after}"
    for shown in (repr(value), ascii(value), repr(value.encode()), repr({value: 0})):
        spelled = shown[shown.index("zz") : shown.rindex("zz") + 2]
        assert spelled not in masked(shown, [secret])


@given(SECRETS)
@example("\U0001f511")
@example("a\bb")
def test_a_secret_in_json(secret: str) -> None:
    for plain in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        for text in (plain, plain.replace("/", r"\/"), plain.replace("=", r"\u003D")):
            assert text[1:-1] not in masked(text, [secret])


SPELLED = [
    ("pass/word", "pass/word"),
    ("pass/word", "pass%2Fword"),
    ("pass/word", "pass%2fword"),
    ("päss word!", "p%C3%A4ss+word!"),
    ("päss word!", "p%c3%a4ss%20word%21"),
    ("päss word!", r"p\xc3\xa4ss word!"),
    ("päss word!", r"p\xe4ss word!"),
    ("päss word!", r"p\u00E4ss word\u0021"),
    ("a+b c", "a%2Bb+c"),
    ("a+b c", "a+b%20c"),
    ("a/b", r"a\/b"),
    ("a/b", r"a\x2fb"),
    ("a/b", r"a\u002Fb"),
    ("o'clock\\", r"o\'clock\\"),
    ("o'clock\\", r"o'clock\\"),
    ("pä'ss", r"p\xc3\xa4\'ss"),
    ("pä'ss", r"pä\'ss"),
    ("tab\tä", r"tab\t\xc3\xa4"),
    ("tab\tbell\b", r"tab\tbell\b"),
    ("tab\tbell\b", r"tab\tbell\x08"),
    ("🔑", r"\ud83d\udd11"),
    ("🔑", r"\U0001f511"),
    ("100%", "100%"),
    ("100%25", "100%25"),
    (r"\\n", r"\\n"),
]


@pytest.mark.parametrize(("secret", "spelled"), SPELLED)
def test_nothing_but_the_secret_goes(secret: str, spelled: str) -> None:
    assert masked(f"<{spelled}> & <{spelled}>", [secret]) == "<***> & <***>"


def test_a_secret_that_no_encoding_can_carry() -> None:
    half = "planted\udc80key"
    assert masked(f"see {half}", [half]) == "see ***"
    assert masked(repr(half), [half]) == "'***'"
    assert masked(quote(half, errors="surrogatepass"), [half]) == "***"


@given(st.lists(SECRETS, max_size=4), st.lists(SECRETS, max_size=6))
def test_no_secret_is_left_beside_others(secrets: list[str], others: list[str]) -> None:
    found = masked("".join(secrets + others + secrets), secrets)
    assert [secret for secret in secrets if secret in found] == []


@pytest.mark.parametrize("longer", ["token-2", "1-token", "1-token-2"])
def test_nothing_is_left_of_a_secret_that_holds_another(longer: str) -> None:
    for secrets in (["token", longer], [longer, "token"]):
        assert masked(f"{longer} and token", secrets) == "*** and ***"


def test_what_is_no_secret_stays() -> None:
    said = "a+b is not aXb, 100 %"
    for secret in ("", "a.b", "a b c", "a/b", "A+B"):
        assert masked(said, [secret]) == said
    assert masked("aXb", ["a b"]) == "aXb"
    assert masked(said, []) == said


@pytest.mark.parametrize("sign", ["\\", "%", "+", " ", "'", "\xc3\x83"])
def test_many_signs_of_encoders_are_no_puzzle(sign: str) -> None:
    # Each of them may be an escape or a character: to try all of that out would never end.
    text = sign * 101
    assert masked(text, [sign * 50 + "x"]) == text


# --- exceptions -----------------------------------------------------------------------------------


def hush(text: str) -> str:
    return masked(text, ["planted"])


def failure() -> Exception:
    """Raised from one cause, which came up while another was handled."""
    try:
        try:
            try:
                raise OSError(5, "planted 1")
            except OSError:
                raise ValueError("planted 2", 7)  # noqa: B904 - what the test is about
        except ValueError as error:
            raise RuntimeError("planted 3", "harmless") from error
    except RuntimeError as error:
        return error


def test_each_text_of_each_cause_is_masked() -> None:
    error = failure()
    mask_causes(error, hush)
    assert error.args == ("*** 3", "harmless")
    cause = error.__cause__
    assert cause is not None
    assert cause.args == ("*** 2", 7)
    assert cause.__context__ is not None
    assert cause.__context__.args == (5, "*** 1")
    assert str(cause.__context__) == "[Errno 5] *** 1"


def test_causes_that_go_round_in_a_circle_are_each_looked_at_once() -> None:
    first, second, third = OSError("planted"), ValueError("planted"), KeyError("planted")
    first.__cause__, second.__context__, third.__cause__ = second, third, first
    assert list(causes(first)) == [first, second, third]
    mask_causes(first, hush)
    assert [error.args for error in (first, second, third)] == [("***",)] * 3


# --- logs -----------------------------------------------------------------------------------------

LOGGERS = [
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
]


class Keeper:
    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets

    def secrets(self) -> tuple[str, ...]:
        return self._secrets


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Loggers that no client has touched yet."""
    for name in LOGGERS:
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
        caplog.set_level(logging.DEBUG, name)
    yield
    gc.collect()


@pytest.mark.parametrize("name", LOGGERS)
def test_a_log_line_that_repeats_a_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted", "hidden")
    keep_out_of_logs(keeper)
    logging.getLogger(name).debug("got %r and %s, %d bytes", b"planted", "hidden", 7)
    logging.getLogger(name).debug("planted is %(what)s", {"what": "hidden"})
    logging.getLogger(name).debug("100 % planted")
    assert caplog.messages == ["got b'***' and ***, 7 bytes", "*** is ***", "100 % ***"]
    assert [record.args for record in caplog.records] == [(), (), ()]


def test_a_log_line_that_repeats_none_stays_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted")
    keep_out_of_logs(keeper)
    logging.getLogger("httpx").info("%s of %s", "GET", "https://x/?page=2")
    (record,) = caplog.records
    assert (record.msg, record.args) == ("%s of %s", ("GET", "https://x/?page=2"))


def test_an_address_with_a_secret_loses_its_query_and_others_keep_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Keeper("planted pass/word")
    keep_out_of_logs(keeper)
    secret = httpx.URL("https://x/token", params={"user": "me", "word": "planted pass/word"})
    other = httpx.URL("https://y/?page=2")
    logging.getLogger("httpx").info("from %s to %s: %s", other, secret, "planted pass/word")
    assert caplog.messages == ["from https://y/?page=2 to https://x/token: ***"]


def test_the_secrets_of_all_who_live_are_masked_and_of_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keepers = [Keeper("first"), Keeper("second"), Keeper("third")]
    for keeper in keepers:
        keep_out_of_logs(keeper)
    log = logging.getLogger("httpx")
    log.info("first second third")
    del keepers[1], keeper
    gc.collect()
    log.info("first second third")
    assert caplog.messages == ["*** *** ***", "*** second ***"]
