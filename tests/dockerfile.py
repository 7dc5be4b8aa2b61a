"""Carry out a Dockerfile's steps in a folder, where no container engine can run.

The folder stands for the root of all stages: `/opt`, `/source` and `/data` lie in it. So it shows
that the steps work and what they leave behind, and nothing of base images, users and layers.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

_ABSOLUTE = re.compile(r"(?<![\w./-])/(?=(?:opt|source|data)\b)")


@dataclass(frozen=True)
class Stage:
    """A stage of a build, or the image that the last one makes."""

    base: str
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    volumes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] = ()
    folder: str = "/"
    steps: tuple[str, ...] = ()
    """The names of its instructions, without those of the stage that it is made from."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Return each instruction's name and arguments, without comments."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for line in joined.splitlines() for name, _, rest in [line.partition(" ")]]


class Build:
    """Runs the steps of `dockerfile` in `root`, with the environment `env`."""

    def __init__(self, dockerfile: Path, root: Path, env: dict[str, str]) -> None:
        self.context = dockerfile.parent
        self.root = root
        self.env = env
        self.stages: dict[str, Stage] = {}
        name = ""
        for instruction, rest in instructions(dockerfile.read_text("utf-8")):
            if instruction == "FROM":
                base, _, name = rest.partition(" AS ")
                self.stages[name] = replace(self.stages.get(base, Stage(base)), steps=())
            else:
                self.stages[name] = self._step(self.stages[name], instruction, rest)

    def inside(self, text: str) -> str:
        """Return a text whose absolute paths lead into the folder."""
        return _ABSOLUTE.sub(f"{self.root}/", text)

    def _step(self, stage: Stage, instruction: str, rest: str) -> Stage:
        stage = replace(stage, steps=(*stage.steps, instruction))
        match instruction:
            case "RUN":
                folder = self.inside(stage.folder)
                subprocess.run(
                    ["sh", "-ec", self.inside(rest)], cwd=folder, env=self.env, check=True
                )
            case "COPY":
                self._copy(stage, shlex.split(rest))
            case "WORKDIR":
                os.makedirs(self.inside(rest), exist_ok=True)
                return replace(stage, folder=rest)
            case "ENV":
                values = dict(each.split("=", 1) for each in shlex.split(self.inside(rest)))
                return replace(stage, env=stage.env | values)
            case "ARG":
                name, _, value = rest.partition("=")
                self.env.setdefault(name, *shlex.split(value) or [""])
            case "USER":
                return replace(stage, user=rest)
            case "VOLUME":
                return replace(stage, volumes=(*stage.volumes, rest))
            case "CMD":
                return replace(stage, command=tuple(json.loads(rest)))
            case "HEALTHCHECK":
                found = rest.partition("CMD ")[2]
                return replace(stage, healthcheck=tuple(json.loads(found)) if found else ())
            case "EXPOSE":
                pass
            case _:
                raise ValueError(f"{instruction} is not known here: add it to tests/dockerfile.py.")
        return stage

    def _copy(self, stage: Stage, words: list[str]) -> None:
        options = [word for word in words if word.startswith("--")]
        *sources, target = [word for word in words if not word.startswith("--")]
        if any(option.startswith("--from=") for option in options):
            assert sources == [target], "a path has to be the same in both stages"
            return
        folder = Path(self.inside(stage.folder), target)
        for source in sources:
            found = self.context / source
            if found.is_dir():
                shutil.copytree(found, folder, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, folder)
