"""The branches for Windows, in a process that looks like it. CI runs on Windows itself as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the real system tells more")

# Python and the dependencies choose by the platform when they are imported: on Windows they would
# want its own modules, so they come first.
AS_ON_WINDOWS = """
import asyncio, fcntl, os, pkgutil, sys, types
import aiohttp, h11, httpx, httpcore, jsonschema, msgspec, platformdirs, rich.live, sqlite3, trio
import typer, yaml, zoneinfo

def locking(file, mode, count):
    assert (mode, count) == (2, 1)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PermissionError(13, "Permission denied") from error

msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_NBLCK, msvcrt.locking = 2, locking
sys.modules["msvcrt"] = msvcrt
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "uvloop"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
for name in ("fork", "getuid", "geteuid", "register_at_fork", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
sys.platform = "win32"
"""


def on_windows(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", AS_ON_WINDOWS + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_module_can_be_imported() -> None:
    process = on_windows("""
import enphase_streaming, enphase_streaming_mock
for package in (enphase_streaming, enphase_streaming_mock):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith(("__main__", ".chart")) and ".checks." not in module.name:
            __import__(module.name)
print("all")
""")
    assert process.communicate(timeout=30) == ("all\n", "")


def test_the_commands_start_and_end() -> None:
    process = on_windows("""
from enphase_streaming import cli
from enphase_streaming_mock import MockServer
from enphase_streaming_mock import cli as mock_cli
mock_cli._allow_open_files()
with MockServer() as mock:
    os.environ |= {
        "ENPHASE_BASE_URL": mock.base_url,
        "ENPHASE_API_KEY": mock.api_key,
        "ENPHASE_ACCESS_TOKEN": mock.access_token,
    }
    sys.exit(cli.main(["snapshot", str(mock.system_id), "--json"]))
""")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"pv_power"' in out


def test_a_token_file_is_locked_for_one_process(tmp_path: Path) -> None:
    code = """
from enphase_streaming import FileTokenStore
from enphase_streaming.auth import tokens
tokens._LOCK_TIMEOUT = float(sys.argv[2])
try:
    with FileTokenStore(sys.argv[1]).lock():
        print("locked", flush=True)
        sys.stdin.readline()
except TimeoutError as error:
    print(error)
"""
    path = tmp_path / "tokens.json"
    holder = on_windows(code, path, 20)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    out, err = on_windows(code, path, 0.2).communicate(timeout=20)
    assert "another process holds" in out
    assert err == ""
    assert holder.communicate("\n", timeout=20) == ("", "")
