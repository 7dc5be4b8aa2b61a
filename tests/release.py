"""Check that a tag can be released: `python tests/release.py TAG REPOSITORY`.

Writes the version's section of the changelog to build/notes.md. See docs/releasing.md.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTES = Path("build", "notes.md")


def problems(root: Path, tag: str, repository: str) -> list[str]:
    """Return what keeps `tag` from being released, a line each."""
    found = []
    version = declared_version(root)
    if tag != f"v{version}":
        found.append(f"TAG must be v{version}, as version.py says, got {tag or 'none'}.")
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    declared = settings["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    if not declared:
        found.append("repository in pyproject.toml is empty: set it to the repository's address.")
    elif declared.rstrip("/") != repository.rstrip("/"):
        found.append(f"repository in pyproject.toml is {declared}, and this is {repository}.")
    if not notes(root, version):
        found.append(f"CHANGELOG.md must have a section ## [{version}] - YYYY-MM-DD with text.")
    return found


def declared_version(root: Path) -> str:
    """Return the version that the packages are built with."""
    text = (root / "overlay/enphase_streaming/version.py").read_text("utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def notes(root: Path, version: str) -> str:
    """Return the changelog's section of a version, without its heading; empty if it has none."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    found = re.search(rf"{heading}(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def main(tag: str = "", repository: str = "") -> int:
    """Print the problems, or write the notes."""
    if found := problems(ROOT, tag, repository):
        print("\n".join(found), file=sys.stderr)
        return 1
    path = ROOT / NOTES
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{notes(ROOT, declared_version(ROOT))}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
