"""The documentation site: built without a warning, whole, self-contained, its picture current."""

import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import enphase_streaming
import enphase_streaming_mock

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.stem for page in DOCS.glob("*.md"))
LOADED = {"img": "src", "link": "href", "script": "src"}


def build(pages: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does, with the settings of docs/conf.py."""
    options = re.search(r"-m sphinx (--.*) docs ", (ROOT / "Makefile").read_text("utf-8"))
    assert options is not None
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options[1].split(), "-c", DOCS, pages, folder],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site. Built once, as it takes ten seconds."""
    folder = tmp_path_factory.mktemp("site")
    built = build(DOCS, folder)
    assert (built.returncode, built.stderr) == (0, "")
    return folder


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_every_page_is_in_the_site_and_in_llms_txt(site: Path) -> None:
    listed = re.findall(r"^- \[.+\]\((.+)\)$", (site / "llms.txt").read_text("utf-8"), re.MULTILINE)
    assert {Path(each).stem for each in listed} == {*PAGES} - {"index"}
    for each in [*listed, *(f"{page}.html" for page in PAGES)]:
        assert (site / each).stat().st_size > 500, each


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for page in site.glob("*.html"):
        for tag, attributes in Tags(page).tags:
            source = attributes.get(LOADED.get(tag, "")) or ""
            assert not re.match(r"(https?:)?//", source), f"{page.name}: {source}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import) *.?(https?:)?//", style.read_text("utf-8")), style


def test_the_reference_holds_every_command_path_and_field(site: Path) -> None:
    control = yaml.safe_load(
        (ROOT / "mock" / "enphase_streaming_mock" / "control.yaml").read_text("utf-8")
    )
    streaming = yaml.safe_load((ROOT / "spec" / "streaming.yaml").read_text("utf-8"))
    expected = {
        "commands-help.html": ["watch", "record", "login", "serve", "replay", "--clock-speed"],
        "control-api.html": [*control["paths"], "after_events"],
        "document.html": [
            *streaming["paths"],
            *streaming["components"]["schemas"],
            *streaming["components"]["schemas"]["LiveStatus"]["properties"],
            "552",
        ],
        "changelog.html": ["Unreleased"],
        "contributing.html": ["Change the contract"],
    }
    for name, texts in expected.items():
        page = (site / name).read_text("utf-8")
        assert [text for text in texts if text not in page] == [], name


@pytest.mark.parametrize(
    ("page", "package"),
    [("python.html", enphase_streaming), ("mock.html", enphase_streaming_mock)],
)
def test_the_reference_holds_every_public_name(site: Path, page: str, package: ModuleType) -> None:
    documented = re.findall(r'<dt [^>]*id="[\w.]+\.(\w+)"', (site / page).read_text("utf-8"))
    assert set(package.__all__) - {"__version__"} <= set(documented)


def test_search_finds_a_word_offline(site: Path) -> None:
    assert '"budget"' in (site / "searchindex.js").read_text("utf-8")


def test_a_link_to_a_missing_heading_fails_the_build(tmp_path: Path) -> None:
    page = "# Title\n\n## Heading\n\n[a heading](#heading)\n"
    for text, fails in ((page, False), (page + "[no heading](#nothing)\n", True)):
        (tmp_path / "index.md").write_text(text, "utf-8")
        built = build(tmp_path, tmp_path / "site")
        assert ("nothing" in built.stderr, built.returncode != 0) == (fails, fails)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the picture is drawn in UTC")
def test_the_picture_of_the_live_view_is_current(tmp_path: Path) -> None:
    """Only its text is compared, as other versions of Rich draw the same frame differently."""
    subprocess.run([sys.executable, DOCS / "tools" / "pictures.py", tmp_path], check=True)

    def text(folder: Path) -> list[str]:
        return re.findall(r">([^<>\s][^<>]*)</text>", (folder / "live-view.svg").read_text("utf-8"))

    assert len(text(tmp_path)) > 20
    assert text(DOCS / "images") == text(tmp_path), "run make pictures"
