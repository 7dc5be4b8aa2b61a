"""The command `enphase-mock`."""

import argparse
import errno
import io
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from enphase_streaming_mock.extra import how_to_install
from enphase_streaming_mock.plans import PLANS
from enphase_streaming_mock.scenarios import SCENARIOS
from enphase_streaming_mock.validation import is_loopback
from enphase_streaming_mock.wire import WIRES

if TYPE_CHECKING:
    from enphase_streaming_mock.server import MockServer

# What macOS allows every process; a shell's default of 256 or 1,024 leaves connections waiting.
_OPEN_FILES = 10_240


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 for bad input. A closed pipe is no error."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        # Python flushes stdout once more when it ends, and would report the error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Windows reports EINVAL when the reader of a pipe is gone.
        is_invalid = error.errno == errno.EINVAL
        if isinstance(error, BrokenPipeError) or (sys.platform == "win32" and is_invalid):
            return 0
        return _refuse(f"the output cannot be written: {error.strerror or error}")
    except KeyboardInterrupt:
        return 0


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "scenarios":
        print(_scenario_list(), end="")
        return 0
    try:
        from enphase_streaming_mock.server import MockServer
    except ModuleNotFoundError as error:
        return _refuse(how_to_install(error))
    settings = {
        name: getattr(options, name)
        for name in ("speed", "scenario", "seed", "wire", "plan", "recording", "cors")
        if hasattr(options, name)
    }
    try:
        server = MockServer(host=options.host, port=options.port, **settings)
        for name, details in getattr(options, "fault", []):
            server.fault(name, **details)
    except ValueError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot read {options.recording}: {error.strerror or error}")
    return _serve(server, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="enphase-mock",
        description="A mock of the Enphase Streaming API: no plan, no hardware, no cost.",
    )
    shown = f"enphase-mock {version('enphase-streaming')}"
    parser.add_argument(
        "--version", action="version", version=shown, help="show the version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    serve = commands.add_parser(
        "serve",
        help="serve the mock until Ctrl-C",
        epilog="scenarios:\n" + _scenario_list("  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_address(serve)
    add = serve.add_argument
    add("--scenario", choices=list(SCENARIOS), default="sunny-day", metavar="NAME",
        help="what happens at the site (%(default)s), out of the list below")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="which day of the scenario (%(default)s)")
    add("--wire", choices=list(WIRES), default="plain", metavar="NAME",
        help=f"how streams are written (%(default)s): {', '.join(WIRES)}")  # fmt: skip
    add("--plan", choices=list(PLANS), default="unlimited", metavar="NAME",
        help=f"the application's plan (%(default)s): {', '.join(PLANS)}")  # fmt: skip
    add("--cors", action="store_true", help="let web pages of any origin use the API")
    add("--fault", type=_fault, action="append", default=[], metavar="NAME[:OPTION=VALUE,…]",
        help="what goes wrong, such as drop:after_events=3,always; may be repeated")  # fmt: skip
    replay = commands.add_parser("replay", help="play a recording back until Ctrl-C")
    replay.add_argument("recording", metavar="FILE", help="the recording")
    _add_address(replay)
    commands.add_parser("scenarios", help="list the scenarios")
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    add: Callable[..., object] = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=4010,
        help="port to listen on, 0 for a free one (%(default)s)")  # fmt: skip
    add("--speed", type=float, default=1.0, metavar="N",
        help="how much faster than real time it runs (%(default)s)")  # fmt: skip


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give an int from 0 to 65535")
    return int(text)


def _fault(text: str) -> tuple[str, dict[str, Any]]:
    """Parse `drop:after_events=3,always`; the fault itself checks its options."""
    name, _, rest = text.partition(":")
    options: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        option, equals, value = item.partition("=")
        options[option] = _value(value) if equals else True
    return name, options


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _serve(server: "MockServer", options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
    _allow_open_files()
    with ExitStack() as stack:
        try:
            stack.enter_context(server)
        except OSError as error:
            return _refuse(
                f"cannot listen on {options.host}, port {options.port}: {error.strerror or error}. "
                "Choose another --port (0 takes a free one) or --host."
            )
        if not is_loopback(options.host):
            _warn(f"listening on {options.host}: every host that reaches this one can use the mock")
        settings = {
            "BASE_URL": server.base_url,
            "API_KEY": server.api_key,
            "ACCESS_TOKEN": server.access_token,
            "SYSTEM_ID": str(server.system_id),
            "CLIENT_ID": server.client_id,
            "CLIENT_SECRET": server.client_secret,
        }
        if "insecure_http" in server.client_options:
            settings["INSECURE_HTTP"] = "1"
        lines = [f"export ENPHASE_{name}={shlex.quote(value)}" for name, value in settings.items()]
        if is_loopback(urlsplit(server.base_url).hostname or ""):
            lines.append(f"# console: {server.console_url}")
        # At once, even where Python does not buffer: a script may read six lines and leave.
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        while True:
            time.sleep(3600)


def _allow_open_files() -> None:
    """Raise the limit of open files, and so of connections, where the system lets us."""
    if sys.platform == "win32":  # which sets no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _scenario_list(indent: str = "") -> str:
    width = max(map(len, SCENARIOS))
    return "".join(
        f"{indent}{name:{width}}  {scenario.summary}\n" for name, scenario in SCENARIOS.items()
    )


def _refuse(why: str) -> int:
    _warn(why)
    return 2


def _warn(text: str) -> None:
    print(f"enphase-mock: {text}", file=sys.stderr)
