"""Build the documentation with Sphinx: `make docs`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "tools"))

import help_page  # noqa: E402  # found through the line above
import openapi_page  # noqa: E402  # likewise

project = "enphase-streaming"
author = "the enphase-streaming contributors"
html_title = "enphase-streaming"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["contract-in-ci", "tools"]
myst_heading_anchors = 3

# Docstrings are Markdown in so far as a single backtick is code.
default_role = "code"
autoclass_content = "both"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
# References to the standard library and to httpx would need their inventories, from the network.
nitpick_ignore_regex = [("py:.*", r"(?!enphase_streaming).*")]

html_theme = "furo"
html_copy_source = False
html_show_copyright = False
copybutton_prompt_text = "$ "


def root_page(name: str) -> str:
    """Return a page of the repository's root."""
    return (ROOT / name).read_text("utf-8")


GENERATED: dict[str, Callable[[], str]] = {
    "commands-help": help_page.page,
    "document": lambda: openapi_page.page(ROOT / "spec" / "streaming.yaml"),
    "control-api": lambda: openapi_page.page(
        ROOT / "mock" / "enphase_streaming_mock" / "control.yaml"
    ),
    "changelog": lambda: root_page("CHANGELOG.md"),
    "contributing": lambda: root_page("CONTRIBUTING.md"),
}
"""The pages with a part that is written as the site is built, in place of `_PLACE`."""
_PLACE = "<!-- The rest of this page is written by `make docs`. -->\n"

# Links between docs/ and the two pages of the root that are pages of the site as well.
_LINKS = {
    "](docs/": "](",
    "](CHANGELOG.md": "](changelog.md",
    "](../CHANGELOG.md": "](changelog.md",
    "](../CONTRIBUTING.md": "](contributing.md",
}
_sources: dict[str, str] = {}


def insert_generated(app: Sphinx, name: str, source: list[str]) -> None:
    """Insert what is generated into a page, and keep its Markdown for `write_markdown`."""
    if name in GENERATED:
        before, place, after = source[0].partition(_PLACE)
        if not place:
            raise ValueError(f"docs/{name}.md lacks the line {_PLACE}")
        source[0] = before + GENERATED[name]() + after
    for link, here in _LINKS.items():
        source[0] = source[0].replace(link, here)
    _sources[name] = source[0]


def write_markdown(app: Sphinx, error: Exception | None) -> None:
    """Write the Markdown of each page beside its HTML, and `llms.txt`, which lists the pages."""
    if error is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for name, text in _sources.items():
        (out / f"{name}.md").write_text(text, "utf-8")
    (out / "llms.txt").write_text("\n".join([*llms_lines(app.env), ""]), "utf-8")


def llms_lines(env: BuildEnvironment) -> Iterator[str]:
    """Yield the lines of `llms.txt`: a heading, a summary, and the pages by section."""
    title, summary = _sources["index"].split("\n\n")[:2]
    yield from (title, "", f"> {' '.join(summary.split())}")
    for tree in env.get_doctree("index").findall(addnodes.toctree):
        yield from ("", f"## {tree['caption']}", "")
        for name in tree["includefiles"]:
            # The Markdown of these pages holds the names alone, without their docstrings.
            suffix = "html" if "{eval-rst}" in _sources[name] else "md"
            yield f"- [{env.titles[name].astext()}]({name}.{suffix})"


def setup(app: Sphinx) -> None:
    """Connect the hooks."""
    app.connect("source-read", insert_generated)
    app.connect("build-finished", write_markdown)
