"""The bridge against real brokers: mosquitto where it is installed, and amqtt."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from enphase_streaming import Reading
from enphase_streaming.reading import decode
from enphase_streaming_mock import MockServer
from examples.conftest import DEADLINE, Start, eventually
from examples.home_assistant.main import DEVICE, Energy

MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
"""
AMQTT = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class Broker:
    """A broker in a process of its own, which can be stopped and started again on its port."""

    def __init__(self, kind: str, folder: Path, *, anonymous: str = "true") -> None:
        self.kind, self.folder, self.anonymous = kind, folder, anonymous
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        config = self.folder / f"{self.kind}.conf"
        if self.kind == "mosquitto":
            config.write_text(MOSQUITTO.format(port=self.port, anonymous=self.anonymous))
            command = [str(shutil.which("mosquitto")), "-c", str(config)]
        else:
            config.write_text(AMQTT.format(port=self.port))
            command = [str(Path(sys.executable).parent / "amqtt"), "-c", str(config)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self.answers)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)


class HomeAssistant:
    """Subscribes as Home Assistant does, and keeps what arrives in order."""

    def __init__(self, port: int, site: int) -> None:
        self.site = site
        self.messages: list[tuple[str, Any]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = lambda _, __, message: self.messages.append(
            (message.topic, message.payload.decode())
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def of(self, topic: str) -> list[Any]:
        """Return all that came on a topic of the site, JSON decoded."""
        whole = f"enphase/{self.site}/{topic}"
        texts = [text for name, text in self.messages if name == whole and text]
        return [json.loads(text) if text.startswith("{") else text for text in texts]

    def switch(self, command: str) -> None:
        """Send a command as the entity of the discovery does: retained."""
        topic = f"enphase/{self.site}/stream/set"
        self.client.publish(topic, command, qos=1, retain=True).wait_for_publish(DEADLINE)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def the_switch_is(home: HomeAssistant, state: str) -> bool:
    return [each["switch"] for each in home.of("stream")][-1:] == [state]


def has_more(home: HomeAssistant, totals: int) -> bool:
    return len(home.of("energy")) > totals


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if request.param == "mosquitto" and shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    broker = Broker(request.param, tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def home(broker: Broker, enphase_mock: MockServer) -> Iterator[HomeAssistant]:
    home = HomeAssistant(broker.port, enphase_mock.system_id)
    yield home
    home.close()


def variables(broker: Broker, **others: str) -> dict[str, str]:
    return {
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "CALLS_PER_DAY": "5",
        **others,
    }


@pytest.mark.enphase_mock(scenario="outage", speed=10)
def test_the_outage_arrives_in_order_while_the_switch_is_on(
    start: Start, broker: Broker, home: HomeAssistant, enphase_mock: MockServer
) -> None:
    bridge = start("home_assistant", **variables(broker))
    eventually(lambda: the_switch_is(home, "OFF"))
    assert home.of("availability") == ["online"]
    assert enphase_mock.calls == []
    home.switch("ON")
    eventually(lambda: the_switch_is(home, "ON"))
    eventually(lambda: len(home.of("reading")) > 60)  # the outage comes once a minute
    phases = [status for status, _ in groupby(each["grid_status"] for each in home.of("reading"))]
    cycle = ["On Grid", "Unknown", "Off Grid", "Unknown"]
    assert phases in [(cycle * 3)[first : first + len(phases)] for first in range(4)]
    assert "Off Grid" in phases
    moments = [each["timestamp"] for each in home.of("reading")]
    assert moments == sorted(set(moments))
    home.switch("OFF")
    eventually(lambda: the_switch_is(home, "OFF"))
    enphase_mock.assert_calls(1)
    eventually(lambda: enphase_mock.requests[0].closed_by is not None)
    assert home.of("stream")[-1] == {"switch": "OFF", "status": "off", "calls_left": 4}
    bridge.stop()
    eventually(lambda: home.of("availability")[-1] == "offline")


def test_sigterm_ends_the_stream_and_prints_what_was_opened(
    start: Start, broker: Broker, home: HomeAssistant, enphase_mock: MockServer
) -> None:
    bridge = start("home_assistant", **variables(broker))
    home.switch("ON")
    eventually(partial(has_more, home, 2))
    bridge.stop()
    assert bridge.lines == [
        "home_assistant: streams opened today: 1, left: 4",
        "home_assistant: stopped",
    ]
    eventually(lambda: home.of("availability")[-1] == "offline")
    eventually(lambda: enphase_mock.calls[0].closed_by == "client")


def test_a_killed_bridge_goes_on_without_counting_twice(
    start: Start, broker: Broker, home: HomeAssistant, enphase_mock: MockServer
) -> None:
    given = variables(broker, CALLS_PER_DAY="3")
    for _ in range(3):
        bridge = start("home_assistant", **given)
        before = len(home.of("energy"))
        home.switch("ON")  # kept by the broker: the second and third time it need not be said
        eventually(partial(has_more, home, before + 5))
        bridge.end(signal.SIGKILL)
        eventually(lambda: home.of("availability")[-1] == "offline")
    start("home_assistant", **given)
    eventually(lambda: home.of("stream")[-1]["status"].startswith("All 3 calls"))
    assert home.of("stream")[-1]["switch"] == "OFF"
    enphase_mock.assert_calls(3)
    hours = [each["hours_measured"] for each in home.of("energy")]
    assert hours == sorted(hours)
    moments = [each["timestamp"] for each in home.of("reading")]
    assert moments == sorted(set(moments))
    # A step of a second for each reading but the first of a run. A kill may lose one more.
    assert len(moments) - 3 - 3 <= round(hours[-1] * 3600) <= len(moments) - 3


@pytest.mark.enphase_mock(speed=10)
def test_nothing_is_paid_for_while_the_broker_is_away(
    start: Start, broker: Broker, enphase_mock: MockServer
) -> None:
    broker.stop()
    bridge = start("home_assistant", **variables(broker))
    bridge.line("MQTT_HOST")
    broker.start()
    home = HomeAssistant(broker.port, enphase_mock.system_id)
    eventually(lambda: the_switch_is(home, "OFF"))
    home.switch("ON")
    eventually(partial(has_more, home, 2))
    broker.stop()
    home.close()
    bridge.line("MQTT_HOST")
    eventually(lambda: enphase_mock.requests[0].closed_by == "client")
    bridge.line("MQTT_HOST")  # tried again, and still away
    enphase_mock.assert_calls(1)
    broker.start()
    home = HomeAssistant(broker.port, enphase_mock.system_id)
    eventually(lambda: bool(home.of("stream")))
    home.switch("ON")  # this broker kept nothing
    eventually(partial(has_more, home, 2))
    home.close()
    enphase_mock.assert_calls(2)
    # The energy goes on from what the bridge had counted itself.
    assert home.of("energy")[0]["hours_measured"] >= 2 / 3600


@pytest.mark.enphase_mock(speed=10)
def test_a_refusal_switches_off_and_says_why(
    start: Start, broker: Broker, home: HomeAssistant, enphase_mock: MockServer
) -> None:
    enphase_mock.fault("error", code=466)
    start("home_assistant", **variables(broker))
    home.switch("ON")
    eventually(lambda: "Envoy" in home.of("stream")[-1]["status"] if home.of("stream") else False)
    assert home.of("stream")[-1]["switch"] == "OFF"
    enphase_mock.assert_calls(1)


def test_a_broker_that_refuses_the_password_is_named(start: Start, tmp_path: Path) -> None:
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    broker = Broker("mosquitto", tmp_path, anonymous="false")
    try:
        given = {"MQTT_USERNAME": "home", "MQTT_PASSWORD": "secret-password"}
        bridge = start("home_assistant", **variables(broker, **given))
        assert "ot authori" in bridge.line("MQTT_")
        bridge.line("MQTT_")
        assert "secret-password" not in "".join(bridge.lines)
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"MQTT_HOST": ""}, "MQTT_HOST"),
        ({"MQTT_PORT": "seven"}, "MQTT_PORT"),
        ({"CALLS_PER_DAY": "0"}, "CALLS_PER_DAY"),
        ({"ENPHASE_SYSTEM_ID": ""}, "ENPHASE_SYSTEM_ID"),
        ({"ENPHASE_API_KEY": ""}, "ENPHASE_API_KEY"),
    ],
)
def test_one_line_names_a_wrong_variable(start: Start, given: dict[str, str], named: str) -> None:
    usual = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": "1", "CALLS_PER_DAY": "5"}
    bridge = start("home_assistant", **{**usual, **given})
    assert bridge.end() == 2
    (line,) = bridge.lines
    assert named in line


def reading(second: float, **powers: int) -> Reading:
    event = {"data": powers, "timestamp_epoch": round(1_700_000_000_000 + second * 1000)}
    found = decode(json.dumps(event), datetime.now(UTC))
    assert isinstance(found, Reading)
    return found


def test_energy_is_counted_where_it_was_measured() -> None:
    energy = Energy()
    energy.add(reading(0, pv_power=3_600, grid_power=-3_600))
    energy.add(reading(10, pv_power=3_600, grid_power=3_600))
    energy.add(reading(20, grid_power=3_600))  # the sun is not known
    energy.add(reading(600, pv_power=3_600, grid_power=3_600))  # nothing is, for ten minutes
    energy.add(reading(600, pv_power=3_600, grid_power=3_600))
    found = {name: round(total, 6) for name, total in energy.totals.items() if total}
    assert found == {
        "pv_power": 0.01,
        "grid_export": 0.005,
        "grid_import": 0.015,
        "hours_measured": round(20 / 3600, 6),
    }


@pytest.mark.parametrize("kept", [b"", b"\xff", b"[1]", b'{"pv_power": "much"}'])
def test_totals_that_cannot_be_read_are_not_taken(
    kept: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    energy = Energy()
    energy.restore(kept)
    assert set(energy.totals.values()) == {0.0}
    assert "counting from zero" in capsys.readouterr().err
    energy.restore(b'{"pv_power": 1.5}')
    assert energy.totals["pv_power"] == 1.5


# Facts of Home Assistant's pages on MQTT discovery, MQTT sensor, MQTT switch and sensor entities.
STATE_CLASSES: dict[str | None, set[str | None]] = {
    "power": {"measurement"},
    "energy": {"total", "total_increasing"},
    "battery": {"measurement"},
    "duration": {"measurement", "total", "total_increasing"},
    None: {"measurement", "total", "total_increasing", None},
}
UNITS: dict[str | None, str | None] = {
    "power": "W",
    "energy": "kWh",
    "battery": "%",
    "duration": "h",
    None: None,
}
COMMON = {"platform", "unique_id", "name", "state_topic", "value_template", "entity_category"}
OPTIONS = {
    "sensor": COMMON
    | {"expire_after", "device_class", "unit_of_measurement", "state_class"}
    | {"suggested_display_precision"},
    "switch": COMMON | {"command_topic", "retain"},
}


def test_the_discovery_is_what_home_assistant_documents() -> None:
    device = json.loads(DEVICE.replace("SITE", "1765"))
    assert set(device) == {"device", "origin", "availability_topic", "components"}
    assert device["device"]["identifiers"]
    assert device["origin"]["name"]
    components = device["components"].values()
    assert len({each["unique_id"] for each in components}) == len(components)
    assert len({each["name"] for each in components}) == len(components)
    for each in components:
        assert {"platform", "unique_id", "state_topic"} <= set(each) <= OPTIONS[each["platform"]]
        kind = each.get("device_class")
        assert each.get("state_class") in STATE_CLASSES[kind]
        assert each.get("unit_of_measurement") == UNITS[kind]


@pytest.mark.enphase_mock(scenario="no-battery-absent", speed=10)
def test_each_entity_has_a_value_from_what_is_published(
    start: Start, broker: Broker, home: HomeAssistant, enphase_mock: MockServer
) -> None:
    start("home_assistant", **variables(broker))
    home.switch("ON")
    eventually(partial(has_more, home, 1))
    (config,) = [json.loads(text) for topic, text in home.messages if topic.endswith("/config")]
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined)
    values = {}
    for name, each in config["components"].items():
        published = home.of(each["state_topic"].removeprefix(f"enphase/{home.site}/"))[-1]
        values[name] = templates.from_string(each["value_template"]).render(value_json=published)
    assert values["stream"] == "ON"
    assert values["stream_calls_left"] == "4"
    assert values["reading_battery_soc"] == "None"  # which Home Assistant shows as unknown
    assert float(values["reading_pv_power"]) > 0
    assert float(values["energy_pv_power"]) > 0
    assert all(values.values())
