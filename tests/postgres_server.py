"""A private PostgreSQL server for the tests, on a unix socket in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SETTINGS = "listen_addresses = ''\nfsync = off\nmax_connections = 40\n"


class PostgresServer:
    """A server of a new cluster in `folder`. It refuses to run as root, so that root is left."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self.dsn = f"host={folder} user=postgres dbname=postgres"
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(f"{SETTINGS}unix_socket_directories = '{folder}'\n")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self._data / 'log'}")

    def stop(self) -> None:
        """Stop the server at once, as a machine that loses its power."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def _run(self, program: str, *arguments: str) -> None:
        command = [_find(program), f"--pgdata={self._data}", *arguments]
        subprocess.run(
            command, check=True, timeout=60, stdout=subprocess.DEVNULL, cwd="/", **self._as
        )


@contextmanager
def private_server() -> Iterator[PostgresServer]:
    """Yield a server that runs until the block is left."""
    if not hasattr(os, "getuid"):
        raise FileNotFoundError("The server listens on a unix socket, which Windows lacks.")
    # Not pytest's folder, which only its owner can enter, and whose path is too long for a socket.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _find(program: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, folders)])
    found = shutil.which(program, path=path)
    if found is None:
        raise FileNotFoundError(f"{program} of PostgreSQL is not installed.")
    return found
