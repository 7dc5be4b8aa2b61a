"""A copy of the project in the form that mutmut wants: its packages side by side."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROOMS = ("generated/enphase_streaming_api", "overlay/enphase_streaming")
_MOCK = "mock/enphase_streaming_mock"

# What measures time fails on a busy machine too, and what goes as deep as the interpreter allows
# fails in the copy anyway, where every call takes more of the stack: neither noticed anything.
_UNFIT = ("no_more_than_its_bytes", "no_more_than_their_bytes", "near_the_interpreter_s_limit")

_CONFIGURATION = """
[tool.mutmut]
source_paths = ["enphase_streaming", "enphase_streaming_mock"]
only_mutate = ["{path}"]
also_copy = ["enphase_streaming_api", "spec", "bench", "docs"]
# Log lines tell and decide nothing; that they hold no secret is tested for every run as a whole.
do_not_mutate_patterns = ['^\\s*_log\\.']
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "-k", "{unfit}"]
track_dependencies = false
use_git_change_detection = false
timeout_multiplier = 10.0
timeout_constant = 2.0
"""

# The same few examples for each mutant. A failure is enough, so it is not made smaller.
_PROFILE = """
from hypothesis import HealthCheck, Phase

settings.register_profile(
    "mutation",
    max_examples={examples},
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")
"""


def copy_for(module: str, tests: tuple[str, ...], where: Path, *, examples: int = 30) -> None:
    """Write a fresh copy to `where`, set up to mutate `module` and to run `tests`."""
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__")
    for room in (*_ROOMS, _MOCK, "tests", "spec", "bench", "docs"):
        name = Path(room).name
        shutil.copytree(ROOT / room, where / name, ignore=without)
    for test in (where / "tests").rglob("*.py"):
        text = test.read_text("utf-8")
        few = re.sub(r"max_examples=\d+", f"max_examples={examples}", text)
        if few != text:
            test.write_text(few, "utf-8")
    with (where / "tests/conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(_PROFILE.format(examples=examples))
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    path = module.replace(".", "/") + ".py"
    known = [test for test in tests if (ROOT / test).exists()]
    unfit = " and ".join(f"not {name}" for name in _UNFIT)
    (where / "pyproject.toml").write_text(
        project + _CONFIGURATION.format(path=path, tests=known, unfit=unfit), "utf-8"
    )
