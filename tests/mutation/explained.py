"""The survivors that no test can tell from the code: each with its reason, in survivors.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from mutation.results import Survivor, Verdicts

KNOWN = Path(__file__).with_name("survivors.yaml")


def compare(verdicts: Iterable[Verdicts], known: Path) -> list[str]:
    """Return what is to be done: survivors without a reason, and reasons without a survivor."""
    seen = list(verdicts)
    ran = {found.module for found in seen}
    explained: Counter[Survivor] = Counter()
    for entry in yaml.safe_load(known.read_text("utf-8")) or []:
        if not entry["why"].strip():
            raise ValueError(f"{entry['function']} in {known.name} gives no reason.")
        change = entry["change"].strip()
        explained[Survivor(entry["module"], entry["function"], change)] += entry.get("times", 1)
    survived = Counter(survivor for found in seen for survivor in found.survivors)
    return [
        f"No test noticed this in {one.module}, {one.function}:\n{one.change}"
        for one in (survived - explained).elements()
    ] + [
        f"{known.name} explains what no longer survives in {one.module}, {one.function}; "
        f"take it out:\n{one.change}"
        for one in (explained - survived).elements()
        if one.module in ran
    ]
