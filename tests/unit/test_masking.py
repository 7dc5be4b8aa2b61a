"""Hiding secrets in text, exceptions and logs, however they are encoded there."""

from __future__ import annotations

import gc
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enphase_streaming.secrets import causes, keep_out_of_logs, mask_causes, masked

# An asterisk is what a mask is made of: to look for one of a secret's would find those.
CHARACTERS = st.characters(exclude_characters="*", exclude_categories=["Cs"])
SECRETS = st.text(st.one_of(st.sampled_from("aZ0/+=&%\\'\" "), CHARACTERS), min_size=8, max_size=20)
AROUND = st.sampled_from(["", " ", "'", '"', "'\"", "ä", "\\", "%"])


def lowered(encoded: str) -> str:
    return re.sub("%..", lambda escape: escape[0].lower(), encoded)


def escaped(text: str) -> str:
    """Every character as an escape of JSON's."""
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


@given(SECRETS, AROUND, AROUND)
def test_mask_a_secret_as_it_is(secret: str, before: str, after: str) -> None:
    assert secret not in masked(before + secret + after, [secret])


@given(SECRETS, st.text("/+=&!'()~;:@$, ", max_size=8), AROUND)
@example("pass/word", "/", "")
@example("pass(word)!", "!'()", "")
def test_mask_a_percent_encoded_secret(secret: str, safe: str, around: str) -> None:
    for encode in (quote, quote_plus):
        for spell in (str, lowered):
            text = spell(encode(around + secret + around, safe=safe))
            assert spell(encode(secret, safe=safe)) not in masked(text, [secret])


@given(SECRETS, AROUND, AROUND)
@example("the o'clock", '"', "")
def test_mask_a_secret_in_a_python_literal(secret: str, before: str, after: str) -> None:
    # Markers, which are never escaped, tell where in the text the secret begins and ends.
    value = f"{before}zz{secret}zz{after}"
    for shown in (repr(value), ascii(value), repr(value.encode()), repr({value: 0})):
        spelled = shown[shown.index("zz") : shown.rindex("zz") + 2]
        assert spelled not in masked(shown, [secret])


@given(SECRETS)
@example("\U0001f511" * 8)
@example("a\bb\bc\bd\be")
def test_mask_a_secret_in_json(secret: str) -> None:
    for plain in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        for text in (plain, plain.replace("/", r"\/"), plain.replace("=", r"\u003D")):
            assert text[1:-1] not in masked(text, [secret])
    assert masked(f"<{escaped(secret)}>", [secret]) == "<***>"


SPELLED = [
    ("pass/word", "pass/word"),
    ("pass/word", "pass%2Fword"),
    ("pass/word", "pass%2fword"),
    ("päss word!", "p%C3%A4ss+word!"),
    ("päss word!", "p%c3%a4ss%20word%21"),
    ("päss word!", r"p\xc3\xa4ss word!"),
    ("päss word!", r"p\xe4ss word!"),
    ("päss word!", r"p\u00E4ss word\u0021"),
    ("pass+wo rd", "pass%2Bwo+rd"),
    ("pass+wo rd", "pass+wo%20rd"),
    ("pass/word", r"pass\/word"),
    ("pass/word", r"pass\x2fword"),
    ("pass/word", r"pass\u002Fword"),
    ("pass/word", r"\u0070ass\u002Fword"),
    ("ten o'clock\\", r"ten o\'clock\\"),
    ("ten o'clock\\", r"ten o'clock\\"),
    ("pä'ssword", r"p\xc3\xa4\'ssword"),
    ("pä'ssword", r"pä\'ssword"),
    ("tab\tpässword", r"tab\tp\xc3\xa4ssword"),
    ("tab\tbell\b", r"tab\tbell\b"),
    ("tab\tbell\b", r"tab\tbell\x08"),
    ("🔑" * 8, r"\ud83d\udd11" * 8),
    ("🔑" * 8, r"\U0001f511" * 8),
    ("is 100%!", "is 100%!"),
    ("is 100%25", "is 100%25"),
    (r"back\\n\\", r"back\\n\\"),
]


@pytest.mark.parametrize(("secret", "spelled"), SPELLED)
def test_mask_nothing_but_the_secret(secret: str, spelled: str) -> None:
    assert masked(f"<{spelled}> & <{spelled}>", [secret]) == "<***> & <***>"


def test_mask_a_secret_with_a_surrogate() -> None:
    half = "planted\udc80key"
    assert masked(f"see {half}", [half]) == "see ***"
    assert masked(repr(half), [half]) == "'***'"
    assert masked(quote(half, errors="surrogatepass"), [half]) == "***"


@given(st.lists(SECRETS, max_size=4), st.lists(SECRETS, max_size=6))
def test_mask_each_of_many_secrets(secrets: list[str], others: list[str]) -> None:
    found = masked("".join(secrets + others + secrets), secrets)
    assert [secret for secret in secrets if secret in found] == []


@pytest.mark.parametrize("longer", ["the-token-2", "1-the-token", "1-the-token-2"])
def test_mask_a_secret_that_holds_another_once(longer: str) -> None:
    for secrets in (["the-token", longer], [longer, "the-token"]):
        assert masked(f"{longer} and the-token", secrets) == "*** and ***"


def test_mask_a_secret_that_begins_inside_itself() -> None:
    assert masked("a" * 9, ["a" * 8]) == "***"


def test_mask_a_secret_that_was_decoded_wrongly() -> None:
    secret = "pässwörter-geheim"
    assert masked(f"<{secret.encode().decode('latin-1')}>", [secret]) == "<***>"


def test_leave_text_without_secrets_alone() -> None:
    said = "pass+word is not passXword, 100 %, \\u0070ass"
    for secret in ("", "pass.word", "pass-word is", "pass/word", "PASS+WORD"):
        assert masked(said, [secret]) == said
    assert masked("passXword", ["pass word"]) == "passXword"
    assert masked(said, []) == said


@pytest.mark.parametrize("secret", ["", "k", "key", "missing", "API key"])
def test_leave_text_of_less_than_eight_characters_alone(secret: str) -> None:
    assert masked("API key is missing", [secret]) == "API key is missing"
    assert masked("API key!", ["API key!"]) == "***"


SPELLINGS: list[Callable[[str], str]] = [
    lambda char: quote(char, safe=""),
    lambda char: json.dumps(char)[1:-1],
    escaped,
    str,
]


@given(
    st.text('aB1/."+ é山😀', min_size=10, max_size=20),
    st.sampled_from(SPELLINGS),
    st.text("<>{ ", max_size=3),
    st.data(),
)
def test_mask_the_beginning_of_a_secret_that_a_cut_goes_through(
    secret: str, spell: Callable[[str], str], before: str, data: st.DataObject
) -> None:
    characters = [spell(char) for char in f"{secret}z"]
    whole = data.draw(st.integers(8, len(secret)))
    part = data.draw(st.integers(0, len(characters[whole]) - 1))
    text = before + "".join(characters[:whole]) + characters[whole][:part]
    assert masked(text, ["another secret", f"{secret}z"]) == f"{before}***"


def test_leave_what_only_resembles_a_cut_secret() -> None:
    assert masked("token of", ["token of yours"]) == "***"
    assert masked("token o", ["token of yours"]) == "token o"
    assert masked("token of, sir", ["token of yours"]) == "token of, sir"
    assert masked("token of%2", ["token of yours"]) == "***"
    assert masked("token of%20x", ["token of yours"]) == "token of%20x"


def cpu_of(work: Callable[[], object]) -> float:
    """Seconds of CPU, at least so many that chance does not decide; the best of three."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return max(min(taken), 0.02)


@pytest.mark.parametrize(
    "unit",
    [
        *("\\", "%", "+", "\\u", "%4", "%41", "\\ud83d", "\\x", '"\\n",', '\\"', "ä", "\\u00e4"),
        *("planted.", "planted.token", "%C3", "a" * 8, " "),
    ],
)
def test_mask_in_linear_time(unit: str) -> None:
    secrets = ["planted.token" * 10, "planted.token", "a" * 200 + "b", "pä " * 5]

    def mask(length: int) -> None:
        masked(unit * (length // len(unit)), secrets)

    assert cpu_of(lambda: mask(200_000)) < 10 * cpu_of(lambda: mask(50_000))


# --- exceptions -----------------------------------------------------------------------------------


def hush(text: str) -> str:
    return masked(text, ["planted!"])


def failure() -> Exception:
    """Raised from one cause, which came up while another was handled."""
    try:
        try:
            try:
                raise OSError(5, "planted! 1")
            except OSError:
                raise ValueError("planted! 2", 7)  # noqa: B904 - what the test is about
        except ValueError as error:
            raise RuntimeError("planted! 3", "harmless") from error
    except RuntimeError as error:
        return error


def test_mask_each_text_of_each_cause() -> None:
    error = failure()
    mask_causes(error, hush)
    assert error.args == ("*** 3", "harmless")
    cause = error.__cause__
    assert cause is not None
    assert cause.args == ("*** 2", 7)
    assert cause.__context__ is not None
    assert cause.__context__.args == (5, "*** 1")
    assert str(cause.__context__) == "[Errno 5] *** 1"


class Answered(NamedTuple):
    url: str
    headers: dict[str, str]
    status: int


class OfATransport(Exception):
    """As those of aiohttp: it is made of other things than text, and keeps them."""

    def __init__(self, answered: Answered, line: bytes) -> None:
        super().__init__(answered, line)
        self.answered, self.line, self.note = answered, line, "harmless"

    def __str__(self) -> str:
        return f"{self.line!r} from {self.answered.url}"


def test_mask_what_an_exception_holds_and_keep_its_type() -> None:
    answered = Answered("http://x", {"key": "planted!"}, 200)
    error = OfATransport(answered, b"a planted!\xff line")
    harmless = OfATransport(answered._replace(headers={}), b"a line")
    error.__context__ = UnicodeEncodeError("ascii", "planted!", 0, 1, "is planted!")
    error.__context__.__context__ = UnicodeDecodeError("ascii", b"planted!\xff", 8, 9, "odd")
    error.__cause__ = harmless
    held = (harmless.args, vars(harmless).copy())
    mask_causes(error, hush)
    for each in causes(error):
        assert "planted" not in f"{each} {each!r} {each.args} {vars(each)}"
    assert "planted" not in error.__context__.object
    assert b"planted" not in error.__context__.__context__.object
    assert str(error) == r"b'a ***\xff line' from http://x"
    assert error.args[0] == error.answered == Answered("http://x", "{'key': '***'}", 200)  # type: ignore[arg-type]  # what is left of the headers
    assert error.note == "harmless"
    assert (harmless.args, vars(harmless)) == held


def test_drop_the_tracebacks_of_a_transport_and_of_nothing_else() -> None:
    try:
        raise KeyError("of the caller")
    except KeyError:
        error = failure()
    transport, cause, _, handled = chain = list(causes(error))
    assert handled.args == ("of the caller",)
    assert None not in [each.__traceback__ for each in chain]
    mask_causes(error, hush)
    assert transport.__traceback__ is cause.__traceback__ is None
    assert handled.__traceback__ is not None


def test_mask_circular_causes_once() -> None:
    first, second, third = OSError("planted!"), ValueError("planted!"), KeyError("planted!")
    first.__cause__, second.__context__, third.__cause__ = second, third, first
    assert list(causes(first)) == [first, second, third]
    mask_causes(first, hush)
    assert [error.args for error in (first, second, third)] == [("***",)] * 3


def test_drop_the_tracebacks_of_a_suppressed_context_but_not_of_another() -> None:
    chain = [raised(OSError(str(number))) for number in range(3)]
    chain[0].__context__, chain[1].__context__ = chain[1], chain[2]
    chain[0].__suppress_context__ = True
    mask_causes(chain[0], hush)
    assert chain[0].__traceback__ is chain[1].__traceback__ is None
    assert chain[2].__traceback__ is not None


def test_drop_the_traceback_of_each_cause_of_a_circle() -> None:
    chain = [raised(OSError(str(number))) for number in range(3)]
    for error, cause in zip(chain, [*chain[1:], chain[0]], strict=True):
        error.__cause__ = cause
    mask_causes(chain[0], hush)
    assert [error.__traceback__ for error in chain] == [None] * 3


def raised(error: Exception) -> Exception:
    try:
        raise error
    except OSError:
        return error


# --- logs -----------------------------------------------------------------------------------------

LOGGERS = [
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
    "aiohttp.client",
    "aiohttp.internal",
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
def test_mask_a_log_line_with_a_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted!", "hidden away")
    keep_out_of_logs(keeper)
    logging.getLogger(name).debug("got %r and %s, %d bytes", b"planted!", "hidden away", 7)
    logging.getLogger(name).debug("planted! is %(what)s", {"what": "hidden away"})
    logging.getLogger(name).debug("100 % planted!")
    assert caplog.messages == ["got b'***' and ***, 7 bytes", "*** is ***", "100 % ***"]
    assert [record.args for record in caplog.records] == [(), (), ()]


def test_leave_a_log_line_without_secrets_alone(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted!")
    keep_out_of_logs(keeper)
    logging.getLogger("httpx").info("%s of %s", "GET", "https://x/?page=2")
    (record,) = caplog.records
    assert (record.msg, record.args) == ("%s of %s", ("GET", "https://x/?page=2"))


def test_leave_a_log_line_with_a_short_secret_alone(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("GET", "page=2", "x", "")
    keep_out_of_logs(keeper)
    logging.getLogger("httpx").info("%s %s", "GET", httpx.URL("https://x/?page=2"))
    assert caplog.messages == ["GET https://x/?page=2"]


def test_log_at_a_cost_that_many_clients_can_bear() -> None:
    keepers = [Keeper(f"key.{number:05}", f"{number:05}." * 200) for number in range(400)]
    for keeper in keepers:
        keep_out_of_logs(keeper)
    log = logging.getLogger("httpx")
    began = time.process_time()
    for _ in range(5):
        log.info('HTTP Request: GET https://x/api/v4/systems/1765/live_data "HTTP/1.1 200 OK"')
    # A pattern compiled for each secret takes half a second a line.
    assert time.process_time() - began < 2


def test_drop_the_query_of_a_logged_url_with_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted pass/word")
    keep_out_of_logs(keeper)
    secret = httpx.URL("https://x/token", params={"user": "me", "word": "planted pass/word"})
    other = httpx.URL("https://y/?page=2")
    logging.getLogger("httpx").info("from %s to %s: %s", other, secret, "planted pass/word")
    assert caplog.messages == ["from https://y/?page=2 to https://x/token: ***"]


def test_drop_a_query_with_a_secret_from_any_log_line(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper("planted!")
    keep_out_of_logs(keeper)
    log = logging.getLogger("hpack.hpack")
    log.debug("Decoded (%r, %r)", b":path", b"/oauth/token?user=me&word=planted!&x=1")
    log.debug("planted! asked for /live_data?page=2: why?")
    assert caplog.messages == [
        "Decoded (b':path', b'/oauth/token')",
        "*** asked for /live_data?page=2: why?",
    ]


def test_mask_the_secrets_of_all_keepers_alive_and_of_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keepers = [Keeper("the first"), Keeper("the second"), Keeper("the third")]
    for keeper in keepers:
        keep_out_of_logs(keeper)
    log = logging.getLogger("httpx")
    log.info("the first, the second, the third")
    del keepers[1], keeper
    gc.collect()
    log.info("the first, the second, the third")
    assert caplog.messages == ["***, ***, ***", "***, the second, ***"]
