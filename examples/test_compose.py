"""The services of compose.yaml as plain processes, with the commands and variables of that file."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from enphase_streaming_mock.account import SYSTEM_ID
from examples.conftest import eventually
from examples.home_assistant.test_home_assistant import HomeAssistant, the_switch_is

ROOT = Path(__file__).parents[1]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def ports() -> dict[int, int]:
    """A free port of this machine for each port of the containers."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        mock, broker = (each.getsockname()[1] for each in taken)
    return {4010: mock, 1883: broker}


@pytest.fixture
def services(ports: dict[int, int], tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start each service once those that it depends on can be reached."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    # The image of the broker comes with this file.
    no_auth = tmp_path / "mosquitto-no-auth.conf"
    no_auth.write_text(f"listener {ports[1883]} 127.0.0.1\nallow_anonymous true\n", "utf-8")
    here = {
        "0.0.0.0": "127.0.0.1",
        "/mosquitto-no-auth.conf": str(no_auth),
        "python": sys.executable,
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    for name in ("mock", "broker", "home_assistant"):
        command = [here.get(word, word) for word in SERVICES[name]["command"]]
        if name == "mock":
            command += ["--port", str(ports[4010]), "--speed", "10"]
        started[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                "PATH": f"{SCRIPTS}{os.pathsep}/usr/sbin{os.pathsep}{os.environ['PATH']}",
                **variables(name, ports, tmp_path),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for port in SERVICES[name].get("ports", []):
            number = ports[int(port.rpartition(":")[2])]
            eventually(partial(answers, number))
    yield started
    for process in started.values():
        process.kill()
        process.communicate(timeout=10)


def variables(name: str, ports: dict[int, int], folder: Path) -> dict[str, str]:
    """Return a service's variables with their defaults, and with this machine's addresses."""
    here = {
        "mock:4010": f"127.0.0.1:{ports[4010]}",
        "broker": "127.0.0.1",
        "1883": str(ports[1883]),
        "/data": str(folder),
    }
    found = {}
    for key, value in SERVICES[name].get("environment", {}).items():
        found[key] = re.sub(r"^\$\{\w+:?-(.*)\}$", r"\1", value)
        for before, after in here.items():
            found[key] = found[key].replace(before, after)
    return found


def test_the_image_installs_what_the_example_requires() -> None:
    required = (ROOT / "examples/home_assistant/requirements.txt").read_text("utf-8").split()
    assert SERVICES["home_assistant"]["build"]["args"]["MORE"].split() == required


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_the_outage_of_the_mock_arrives_at_the_broker_in_order(
    services: dict[str, subprocess.Popen[bytes]], ports: dict[int, int]
) -> None:
    home = HomeAssistant(ports[1883], SYSTEM_ID)
    try:
        eventually(lambda: the_switch_is(home, "OFF"))
        home.switch("ON")
        eventually(lambda: len(home.of("reading")) > 60)  # the outage comes once a minute
        moments = [each["timestamp"] for each in home.of("reading")]
        assert moments == sorted(set(moments))
        cycle = ["On Grid", "Unknown", "Off Grid", "Unknown"]
        phases = [
            status for status, _ in groupby(each["grid_status"] for each in home.of("reading"))
        ]
        assert "Off Grid" in phases
        assert phases in [(cycle * 3)[first : first + len(phases)] for first in range(4)]
        bridge = services["home_assistant"]
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(2) == 0
        eventually(lambda: home.of("availability")[-1] == "offline")
    finally:
        home.close()
