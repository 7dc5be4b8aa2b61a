"""Run an example against a mock: `python examples/demo.py home_assistant`, until Ctrl-C.

Starts the mock, what the example talks to, and the example's own main.py with the variables that
point there. Nothing is sent beyond this machine, nothing costs money.
"""

from __future__ import annotations

import argparse
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from enphase_streaming_mock import SCENARIOS, MockServer

HERE = Path(__file__).parent
SITES = "1765,1766,1767"
# Of this environment, which may hold the credentials of a real site. Windows needs SYSTEMROOT.
NEEDED = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
AMQTT = """
listeners: {{default: {{type: tcp, bind: "127.0.0.1:{port}"}}}}
plugins: {{amqtt.plugins.authentication.AnonymousAuthPlugin: {{allow_anonymous: true}}}}
"""


@contextmanager
def broker(folder: Path) -> Iterator[dict[str, str]]:
    """Run an MQTT broker, print what is published there, and switch the stream on."""
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "amqtt.yaml"
    config.write_text(AMQTT.format(port=port), "utf-8")
    command = [str(Path(sys.executable).with_name("amqtt")), "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe("enphase/#")
    client.on_message = lambda _, __, message: print(
        message.topic, message.payload.decode(), flush=True
    )
    try:
        while True:
            with suppress(OSError):
                client.connect("127.0.0.1", port)
                break
            time.sleep(0.1)
        client.loop_start()
        client.publish("enphase/1765/stream/set", "ON", retain=True)
        yield {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port)}
    finally:
        client.loop_stop()
        process.terminate()
        process.wait()


@contextmanager
def receiver(folder: Path) -> Iterator[dict[str, str]]:
    """Run a web server that prints what is posted to it."""

    class Printer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Print no line for each request."""

    with HTTPServer(("127.0.0.1", 0), Printer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {"ALERT_WEBHOOK": f"http://127.0.0.1:{server.server_port}/", "HOLD_SECONDS": "2"}
        server.shutdown()
        thread.join()


@contextmanager
def nothing(folder: Path) -> Iterator[dict[str, str]]:
    """Start nothing: the example needs only the mock."""
    yield {}


@contextmanager
def viewer(folder: Path) -> Iterator[dict[str, str]]:
    """Run a viewer of the relay, which prints its events."""
    import httpx

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def view() -> None:
        while not ended.wait(0.1):
            with (
                suppress(httpx.TransportError),
                httpx.stream("GET", f"http://127.0.0.1:{port}/sites/1765/events") as events,
            ):
                for line in events.iter_lines():
                    print(line, flush=True)

    ended = threading.Event()
    thread = threading.Thread(target=view)
    thread.start()
    try:
        yield {"SITES": SITES, "PORT": str(port)}
    finally:
        ended.set()
        thread.join()


@contextmanager
def database(folder: Path) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL server, and print the newest reading every two seconds."""
    import psycopg

    def show() -> None:
        while not ended.wait(2):
            with suppress(psycopg.Error), psycopg.connect(server.dsn) as connection:
                newest = "SELECT site, at, pv_power FROM reading ORDER BY at DESC LIMIT 1"
                for site, at, power in connection.execute(newest):
                    print(f"site {site} at {at:%H:%M:%S}: {power} W from the sun", flush=True)

    ended = threading.Event()
    run = runpy.run_path(str(HERE.parent / "tests" / "postgres_server.py"))["private_server"]
    with run() as server:
        thread = threading.Thread(target=show)
        thread.start()
        try:
            yield {
                "SITES": SITES,
                "DATABASE_URL": server.dsn,
                "PLAN": "partner",
                "METRICS_PORT": "0",
            }
        finally:
            ended.set()
            thread.join()


@contextmanager
def questions(folder: Path) -> Iterator[dict[str, str]]:
    """Answer the questions about what was stored, once the example has ended."""
    yield {}
    for path in sorted(HERE.glob("history/questions/*.sql")):
        print(f"\n{path.stem}:", flush=True)
        subprocess.run(
            [sys.executable, str(HERE / "history" / "main.py"), path.stem],
            env={**NEEDED, "STATE_DIR": str(folder)},
            check=True,
        )


PARTS = {
    "home_assistant": broker,
    "web_relay": viewer,
    "fleet_worker": database,
    "history": questions,
    "alerts": receiver,
    "influx_telegraf": nothing,
}


def main() -> int:
    """Run the example that the command line names; return its exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("example", choices=list(PARTS))
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="outage", metavar="NAME")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        mock = parts.enter_context(MockServer(scenario=options.scenario))
        mock.account.add_sites(*map(int, SITES.split(",")))
        variables = parts.enter_context(PARTS[options.example](folder))
        example = subprocess.Popen(
            [sys.executable, str(HERE / options.example / "main.py")],
            env={
                **NEEDED,
                "ENPHASE_BASE_URL": mock.base_url,
                "ENPHASE_API_KEY": mock.api_key,
                "ENPHASE_ACCESS_TOKEN": mock.access_token,
                "ENPHASE_SYSTEM_ID": str(mock.system_id),
                "CALLS_PER_DAY": "12",
                "STATE_DIR": str(folder),
                **variables,
            },
            start_new_session=True,  # so that Ctrl-C in a terminal comes here alone
        )
        try:
            return example.wait()
        except KeyboardInterrupt:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # once is enough
            example.terminate()
            return example.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError as error:  # a program that the part needs
        sys.exit(f"demo: {error}")
