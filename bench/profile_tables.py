"""The tables of profiles: the functions that take CPU time, the files that allocate memory."""

from __future__ import annotations

import cProfile
import gc
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import table

_ROWS = 10


def show(title: str, how: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a profile as Markdown. Its first column holds the figure, its last the key."""
    print(f"### {title}\n\n{how}\n\n{table.markdown([head, *rows])}")


def largest(figures: Mapping[str, float]) -> list[str]:
    """Return the names of the largest figures, for the rows of a profile."""
    return sorted(figures, key=figures.__getitem__, reverse=True)[:_ROWS]


def show_calls(title: str, what: str, profile: cProfile.Profile, events: int) -> None:
    """Print the functions that take most of the time of a profile."""
    calls, own, folders = Counter[str](), defaultdict[str, float](float), Counter[str]()
    for (file, _, name), (_, count, seconds, *_) in profile.stats.items():
        where = f"`{name.strip('<>')}` in {_short(file)}"
        calls[where] += count
        own[where] += seconds
        folders[_folder(file)] += seconds
    total = folders.total()
    shares = ", ".join(f"{folder} {part / total:.0%}" for folder, part in folders.most_common(4))
    show(
        title,
        f"cProfile's shares of the CPU time of {what}. C code without a row of its own counts for "
        f"the function that calls it. {calls.total() / events:.0f} calls an event. By folder: "
        f"{shares}.",
        ("share", "calls an event", "function"),
        [
            (f"{own[where] / total:.1%}", f"{calls[where] / events:.1f}", where)
            for where in largest(own)
        ],
    )


def show_memory(title: str, what: str, streams: int) -> None:
    """Print which files allocated what is in use of the memory that tracemalloc has traced."""
    gc.collect()
    size, blocks, folders = Counter[str](), Counter[str](), Counter[str]()
    for each in tracemalloc.take_snapshot().statistics("filename"):
        file = each.traceback[0].filename
        size[_short(file)] += each.size
        blocks[_short(file)] += each.count
        folders[_folder(file)] += each.size
    shares = ", ".join(
        f"{folder} {part / 1024 / streams:.1f}" for folder, part in folders.most_common(4)
    )
    show(
        title,
        f"Where Python allocates the memory of {what}, according to tracemalloc: "
        f"{size.total() / 1024 / streams:.1f} KiB. By folder: {shares}.",
        ("KiB", "blocks", "file"),
        [
            (f"{size[file] / 1024 / streams:.2f}", f"{blocks[file] / streams:.1f}", file)
            for file in largest(size)
        ],
    )


def _short(file: str) -> str:
    return "C" if file == "~" else "/".join(Path(file.strip("<>")).parts[-2:])


def _folder(file: str) -> str:
    return Path(file).parent.name or _short(file)
