"""The mock's console in a real browser."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from enphase_streaming import StreamDropped, StreamingClient
from enphase_streaming_mock import SCENARIOS, MockServer, Request
from enphase_streaming_mock.faults import KINDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

# Not `wait_for_function`, whose polling the page's policy forbids as it does any eval.
expect = pytest.importorskip(
    "playwright.sync_api", reason="these tests need a browser: run make test-browser"
).expect

SCREENS = Path(__file__).parents[2] / "build" / "browser" / "screens"
WIDTHS = {360: 740, 375: 812, 1280: 900, 2560: 1440, 3840: 2160}
HOSTILE = '<img src=x onerror="document.title=`broken in`">'


def form(page: "Page", title: str) -> "Locator":
    return page.locator("#forms .card").filter(
        has=page.get_by_role("heading", name=title, exact=True)
    )


def said(page: "Page", title: str) -> str:
    status = form(page, title).get_by_role("status")
    status.filter(has_text=re.compile(".")).wait_for()
    return str(status.inner_text())


def test_a_stream_appears_within_a_second(mock: MockServer, page: "Page") -> None:
    with (
        StreamingClient(**mock.client_options) as enphase,
        enphase.live_data(mock.system_id, duration=300) as stream,
    ):
        next(stream)
        row = page.locator("#streams tr")
        row.wait_for(timeout=1000)
        assert row.locator("td").nth(1).inner_text() == str(mock.system_id)
        assert page.locator("#open").inner_text() == "1"
    page.locator("#no-streams").wait_for()
    page.get_by_text("client left").wait_for()


def test_a_fault_set_by_click_strikes_the_next_stream(mock: MockServer, page: "Page") -> None:
    fault = form(page, "Fault")
    fault.get_by_label("fault", exact=True).select_option("drop")
    fault.get_by_label("after events", exact=True).fill("3")
    fault.get_by_role("button", name="Set the fault").click()
    assert said(page, "Fault") == "Done."
    page.get_by_text("drop, after_events=3, once").wait_for()
    with StreamingClient(**mock.client_options) as enphase, pytest.raises(StreamDropped):
        list(enphase.live_data(mock.system_id))
    mock.assert_call(events=3)
    page.get_by_text("broken off, 3 sent").wait_for()
    page.get_by_text("None is set.").wait_for()


def test_a_fault_strikes_a_running_stream(mock: MockServer, page: "Page") -> None:
    with (
        StreamingClient(**mock.client_options) as enphase,
        enphase.live_data(mock.system_id, duration=300) as stream,
    ):
        next(stream)
        fault = form(page, "Fault")
        fault.get_by_label("fault", exact=True).select_option("drop")
        fault.get_by_label("running", exact=True).check()
        fault.get_by_role("button", name="Set the fault").click()
        with pytest.raises(StreamDropped):
            list(stream)


def test_every_fault_has_a_form_that_sets_it(mock: MockServer, page: "Page") -> None:
    fault = form(page, "Fault")
    for name in KINDS:
        fault.get_by_label("fault", exact=True).select_option(name)
        assert fault.locator(".hint").inner_text() == KINDS[name].summary()
        names = fault.locator("input, select").evaluate_all("all => all.map(each => each.name)")
        assert set(names) - {"name", "running"} == KINDS[name].options().keys()
        fault.get_by_role("button", name="Set the fault").click()
        assert said(page, "Fault") == "Done."
    assert [fault.name for fault, _ in mock.engine.faults.pending] == list(KINDS)
    page.get_by_role("button", name="Clear the faults").click()
    page.get_by_text("None is set.").wait_for()
    assert mock.engine.faults.pending == []


def test_the_scenario_changes_the_picture(mock: MockServer, page: "Page") -> None:
    sun, charted = page.locator("#flow .pv .watts"), page.locator("#charted")
    expect(sun).to_have_text(re.compile(r"^\d,\d{3} W$"))
    before = sun.text_content(), charted.text_content()
    scenario = form(page, "Scenario")
    scenario.get_by_label("scenario", exact=True).select_option("night")
    assert scenario.locator(".hint").inner_text() == SCENARIOS["night"].summary
    scenario.get_by_role("button", name="Set the scenario").click()
    page.get_by_text("night, seed 0").wait_for()
    page.locator("#flow .pv .watts", has_text=re.compile("^0 W$")).wait_for()
    assert (sun.text_content(), charted.text_content()) != before
    assert "still" in str(page.locator("#flow .pv").first.get_attribute("class"))


def test_speed_plan_limits_token_wire_and_reset(mock: MockServer, page: "Page") -> None:
    form(page, "Speed").get_by_label("speed", exact=True).fill("50")
    page.get_by_role("button", name="Set the speed").click()
    page.get_by_text(re.compile("^50 ")).wait_for()
    form(page, "Plan").get_by_label("plan", exact=True).select_option("watt")
    page.get_by_role("button", name="Change the plan").click()
    page.get_by_text("0 of 1,000", exact=True).wait_for()
    form(page, "Limits").get_by_label("used up", exact=True).select_option("month")
    page.get_by_role("button", name="Use it up").click()
    page.get_by_text("1,000 of 1,000", exact=True).wait_for()
    page.get_by_role("button", name="Expire the token").click()
    assert said(page, "Access token") == "Done."
    assert mock.account.grant().expired(mock.now())
    form(page, "Wire").get_by_label("wire", exact=True).select_option("chatty")
    page.get_by_role("button", name="Use the wire").click()
    assert said(page, "Wire") == "Done."
    options = form(page, "Wire, option by option")
    options.locator("summary").click()
    expect(options.get_by_label("event name", exact=True)).to_have_value("live_data")
    options.get_by_label("cut at", exact=True).fill("5, 9")
    options.get_by_role("button", name="Use the options").click()
    assert said(page, "Wire, option by option") == "Done."
    assert (mock.engine.wire.cut_at, mock.engine.wire.event_name) == ((5, 9), "live_data")
    page.get_by_role("button", name="Reset the mock").click()
    page.get_by_text(re.compile("^10 ")).wait_for()
    assert mock.engine.wire.cut_at == ()


def test_a_refusal_is_shown_in_its_words(mock: MockServer, page: "Page", complaints: Any) -> None:
    complaints.expected.append("400 (Bad Request)")
    page.get_by_role("button", name="Use it up").click()
    assert said(page, "Limits") == "Plan Unlimited has no limit a minute: set another plan."


def test_every_shown_curl_is_accepted(mock: MockServer, page: "Page") -> None:
    mock.set_plan("watt")  # which has a limit to use up
    page.get_by_text("0 of 1,000", exact=True).wait_for()
    for command in page.locator("#forms code").all_text_contents():
        finished = subprocess.run(
            [*shlex.split(command), "--silent", "--fail-with-body"], capture_output=True, timeout=10
        )
        assert finished.returncode == 0, (command, finished.stdout)


def test_the_shown_curl_does_the_same(mock: MockServer, page: "Page") -> None:
    scenario = form(page, "Scenario")
    scenario.get_by_label("scenario", exact=True).select_option("outage")
    scenario.get_by_label("seed", exact=True).fill("7")
    scenario.get_by_role("button", name="Copy").click()
    assert said(page, "Scenario") == "Copied."
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == scenario.locator("code").text_content()
    finished = subprocess.run(
        [*shlex.split(command), "--silent", "--fail"], capture_output=True, timeout=10
    )
    assert finished.returncode == 0, finished.stderr
    page.get_by_text("outage, seed 7").wait_for()


def test_hostile_values_stay_text(mock: MockServer, page: "Page") -> None:
    mock.engine.site.gateways = [HOSTILE, "121900000001"]
    mock.engine.answer(Request("GET", f"/{HOSTILE}", query=(("a", HOSTILE),)), mock.now())
    page.locator("#envoy_serial_number", has_text=HOSTILE).wait_for()
    page.locator("#requests td", has_text=f"GET /{HOSTILE} a={HOSTILE}").wait_for()
    assert page.locator("img").count() == 1  # the page's own icon
    assert page.title() == "Enphase mock"


def test_secrets_are_not_shown(mock: MockServer, page: "Page") -> None:
    query = (("key", mock.api_key), ("access_token", "another-secret"))
    mock.engine.answer(Request("GET", f"/{mock.access_token}", query=query), mock.now())
    page.get_by_text("GET /*** key=*** access_token=***").wait_for()
    page.get_by_text("leaked-secret").wait_for()
    shown = page.content()
    for secret in (mock.api_key, mock.access_token, "another-secret"):
        assert secret not in shown


def test_the_verdict_leads_to_its_requests(mock: MockServer, page: "Page") -> None:
    path = f"/api/v4/systems/{mock.system_id}/live_data"
    refused = Request("GET", path, headers=(("key", mock.api_key), ("Authorization", "Bearer x")))
    for _ in range(2):
        mock.engine.answer(refused, mock.now())
    finding = page.locator("#findings li", has_text="retried-final")
    finding.get_by_role("link", name="#2 at").click()
    page.locator("#request-2:target").wait_for()


def test_the_page_survives_a_restart_of_the_server(
    mock: MockServer, page: "Page", complaints: Any
) -> None:
    complaints.expected += ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]
    complaints.expected += ["ERR_INCOMPLETE_CHUNKED_ENCODING"]
    mock.engine.answer(Request("GET", "/first"), mock.now())
    page.get_by_text("GET /first").wait_for()
    mock.__exit__(None, None, None)
    page.get_by_text("the mock is away, trying again").wait_for()
    port = urlsplit(mock.base_url).port
    assert port is not None
    try:
        with MockServer(port=port, scenario="night") as again:
            again.engine.answer(Request("GET", "/second"), again.now())
            page.get_by_text("GET /second").wait_for(timeout=10_000)
            page.get_by_text("connected", exact=True).wait_for()
            assert page.get_by_text("GET /first").count() == 0
            page.get_by_role("button", name="Reset the mock").click()
            assert said(page, "Start over") == "Done."
    finally:
        mock.__enter__()


def test_ten_thousand_requests_leave_the_page_responsive(mock: MockServer, page: "Page") -> None:
    for number in range(10_000):
        mock.engine.answer(Request("GET", f"/{number}"), mock.now())
    page.get_by_text("GET /9999").wait_for()
    assert page.locator("#requests tr").count() <= 250
    page.get_by_role("button", name="Clear the faults").click(timeout=1000)
    assert said(page, "Faults to come") == "Done."


def test_an_old_stream_is_listed_in_its_place_until_it_ends(mock: MockServer, page: "Page") -> None:
    access = (("key", mock.api_key), ("Authorization", f"Bearer {mock.access_token}"))
    path = f"/api/v4/systems/{mock.system_id}/live_data"
    records = [mock.engine.answer(Request("GET", path, access), mock.now()) for _ in range(60)]
    for number in range(300):
        mock.engine.answer(Request("GET", f"/{number}"), mock.now())
    streams, numbers = page.locator("#streams tr"), page.locator("#streams td:first-child")
    page.locator("#requests td", has_text="GET /299").wait_for()
    assert numbers.all_inner_texts() == [f"#{number}" for number in range(60, 10, -1)]
    records[-1].record.close("client", mock.now())
    streams.filter(has_text="#60").wait_for(state="detached")
    assert numbers.all_inner_texts() == [f"#{number}" for number in range(59, 9, -1)]
    for each in records:
        each.record.close("client", mock.now())
    page.locator("#no-streams").wait_for()
    assert streams.count() == 0
    assert page.locator("#requests tr").count() == 200


def test_the_keyboard_alone_suffices(mock: MockServer, page: "Page") -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the controls"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("drop")
    for _ in range(2):  # over `running` to `after events`
        page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    assert said(page, "Fault") == "Done."
    ((fault, _),) = mock.engine.faults.pending
    assert (fault.name, getattr(fault.effect, "after_events", None)) == ("drop", 2)


def test_the_focus_reaches_every_control_and_is_visible(page: "Page") -> None:
    wanted = page.evaluate(NUMBER_CONTROLS)
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        number, outline = page.evaluate(FOCUSED)
        assert outline == "solid", number
        reached.add(number)
    assert reached == {str(number) for number in range(wanted)}


def test_every_field_has_a_label(page: "Page") -> None:
    form(page, "Wire, option by option").locator("summary").click()
    for field in page.locator("input, select").all():
        assert field.evaluate("each => each.labels[0].textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_its_text_is_readable(
    browser: "Browser", mock: MockServer, width: int, scheme: Any
) -> None:
    path = f"/api/v4/systems/{mock.system_id}/live_data"
    for _ in range(2):
        mock.engine.answer(Request("GET", path, headers=(("duration", "1"),)), mock.now())
    viewport: Any = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(NOTE_SHIFTS)
    page.goto(mock.console_url)
    page.locator("#findings li").wait_for()
    for _ in range(2):  # two more updates
        shown = page.locator("#time").inner_text()
        expect(page.locator("#time")).not_to_have_text(shown)
    page.screenshot(path=SCREENS / f"{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.shifted") < 0.1  # what counts as good
    assert page.evaluate(LOW_CONTRAST) == []
    context.close()


def test_a_page_of_another_origin_cannot_use_the_controls(
    browser: "Browser", mock: MockServer
) -> None:
    how = "{method: 'POST', mode: 'no-cors', body: '{\"name\": \"drop\"}'}"
    elsewhere = browser.new_page()
    answers: list[int] = []
    elsewhere.on("response", lambda response: answers.append(response.status))
    # The API of another mock, which is a page without a policy of its own.
    with MockServer() as other:
        elsewhere.goto(other.base_url)
        elsewhere.evaluate(f"fetch('{mock.console_url}faults', {how}).then(() => null)")
    elsewhere.close()
    assert answers[-1] == 403
    assert mock.engine.faults.pending == []


NUMBER_CONTROLS = """() => {
  const controls = [...document.querySelectorAll("a, button, select, input, summary, .scroll")]
    .filter((each) => each.checkVisibility());
  controls.forEach((each, number) => { each.dataset.number = number; });
  return controls.length;
}"""

FOCUSED = """[
  document.activeElement.dataset.number, getComputedStyle(document.activeElement).outlineStyle
]"""

# The layout shifts that no click caused; https://web.dev calls a sum below 0.1 good.
NOTE_SHIFTS = """
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value;
  }).observe({ type: "layout-shift", buffered: true });
"""

# Texts whose contrast is less than the 4.5 that WCAG 2.2 AA asks for.
LOW_CONTRAST = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => channels(color).slice(0, 3)
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")].flatMap((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) return [];
    const style = getComputedStyle(element);
    const color = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(color), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return ratio < 4.5 ? [`${element.textContent.trim()}: ${ratio.toFixed(2)}`] : [];
  });
}"""
