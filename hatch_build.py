"""Complete the package's metadata where it depends on the address of the repository."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"(\]\(|\b(?:href|src|srcset)=\")(?![a-z]+:|#)([^)\"\s]+)")
_PICTURE = (".gif", ".jpg", ".png", ".svg", ".webp")


class RepositoryHook(MetadataHookInterface):
    """Set the URLs, and make the README's links absolute: a package index has no other files."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add `readme` and `urls` to the metadata."""
        repository = self.config["repository"].rstrip("/")
        text = Path(self.root, "README.md").read_text("utf-8")
        if repository:
            text = absolute_links(text, repository, f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(repository) if repository else {}


def urls(repository: str) -> dict[str, str]:
    """Return the package's URLs, by their label."""
    return {
        "Repository": repository,
        "Documentation": f"{repository}/tree/main/docs",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def absolute_links(text: str, repository: str, tag: str) -> str:
    """Return Markdown whose relative links lead to the repository's files at a tag."""

    def absolute(link: re.Match[str]) -> str:
        path = link[2].partition("#")[0]
        kind = "raw" if path.endswith(_PICTURE) else "blob"
        return f"{link[1]}{repository}/{kind}/{tag}/{link[2]}"

    return _RELATIVE_LINK.sub(absolute, text)
