"""The command `enphase-mock`."""

import argparse
import ipaddress
import signal
import sys
import time
from collections.abc import Sequence

from enphase_streaming_mock.extra import how_to_install
from enphase_streaming_mock.scenarios import SCENARIOS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 for what it was given and cannot do."""
    options = _parser().parse_args(arguments)
    if options.command == "scenarios":
        width = max(map(len, SCENARIOS))
        for name, scenario in SCENARIOS.items():
            print(f"{name:{width}}  {scenario.summary}")
        return 0
    return _serve(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="enphase-mock",
        description="A mock of the Enphase Streaming API: no plan, no hardware, no cost.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    serve = commands.add_parser("serve", help="serve the mock until Ctrl-C")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument(
        "--port", type=_port, default=4010, help="port to listen on, 0 for a free one (%(default)s)"
    )
    serve.add_argument(
        "--scenario",
        choices=list(SCENARIOS),
        default="sunny-day",
        metavar="NAME",
        help="what happens at the site (%(default)s); `enphase-mock scenarios` lists them",
    )
    serve.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help="how much faster than real time it runs (%(default)s)",
    )
    serve.add_argument(
        "--seed", type=int, default=0, metavar="N", help="which day of the scenario (%(default)s)"
    )
    commands.add_parser("scenarios", help="list the scenarios")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    try:
        from enphase_streaming_mock.server import MockServer
    except ModuleNotFoundError as error:
        return _refuse(how_to_install(error))
    try:
        server = MockServer(
            scenario=options.scenario,
            speed=options.speed,
            seed=options.seed,
            host=options.host,
            port=options.port,
        )
    except ValueError as error:
        return _refuse(str(error))
    # Both ways of asking it to end take the same way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server:
            if not _is_loopback(options.host):
                _warn(f"listening on {options.host}: whoever reaches this machine reaches the mock")
            print(f"base_url      {server.base_url}")
            print(f"system_id     {server.system_id}")
            print(f"api_key       {server.api_key}")
            print(f"access_token  {server.access_token}", flush=True)
            while True:
                time.sleep(3600)
    except OSError as error:
        return _refuse(
            f"cannot listen on {options.host}, port {options.port}: {error.strerror or error}. "
            "Choose another --port (0 takes a free one) or --host."
        )
    except KeyboardInterrupt:
        return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse(why: str) -> int:
    _warn(why)
    return 2


def _warn(text: str) -> None:
    print(f"enphase-mock: {text}", file=sys.stderr)
