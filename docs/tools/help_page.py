"""The help of both commands as Markdown, as each command prints it."""

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

COMMANDS = ("enphase-streaming", "enphase-mock")
_ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def page() -> str:
    """Return the help of each command and of its subcommands, under a heading each."""
    return "\n".join(line for command in COMMANDS for line in _sections(command))


def _sections(command: str) -> Iterator[str]:
    text = _help(command)
    yield from ("", f"## {command}", "", "```text", text, "```")
    for name in _subcommands(text):
        yield from ("", f"### {command} {name}", "", "```text", _help(command, name), "```")


def _help(*command: str) -> str:
    program = Path(sysconfig.get_path("scripts"), command[0])
    run = subprocess.run(
        [program, *command[1:], "--help"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=os.environ | _ENVIRONMENT,
    )
    return run.stdout.strip()


def _subcommands(text: str) -> list[str]:
    """Return the names that a help lists under its commands, each with a text beside it."""
    listed = re.split(r"(?im)^(?:commands|positional arguments):\n", text)[1]
    return re.findall(r"(?m)^ {2,4}([a-z]+) {2,}\S", listed.partition("\n\n")[0])
