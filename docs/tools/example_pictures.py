"""Draw a picture of each example: what `examples/demo.py` prints, on a mock, for a minute.

`make pictures` runs it in the environment of the examples, into docs/images.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.text import Text

from pictures import IMAGES, as_svg, recording_console

DEMO = IMAGES.parents[1] / "examples" / "demo.py"
SECONDS = 65  # the mock's grid fails for half of each minute
WIDTH, LINES = 110, 11
EXAMPLES = (
    "alerts",
    "fleet_worker",
    "history",
    "home_assistant",
    "influx_telegraf",
    "web_relay",
)


def printed(example: str) -> list[str]:
    """Return the lines that the example printed before SIGTERM, or after it the answers."""
    with subprocess.Popen(
        [sys.executable, str(DEMO), example],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            text, _ = demo.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            demo.terminate()
            text, _ = demo.communicate()
    if demo.returncode:
        sys.exit(f"{example}: {text}")
    return text.splitlines()


def picture(example: str, lines: list[str]) -> str:
    """Return the first lines as SVG; those of `history` are its answers, which come last."""
    shown = lines[-LINES:] if example == "history" else lines[:LINES]
    console = recording_console(WIDTH, len(shown))
    for line in shown:
        console.print(Text(line), no_wrap=True, overflow="ellipsis")
    return as_svg(console, f"python examples/demo.py {example}", example.replace("_", "-"))


def main(folder: Path) -> None:
    """Write the pictures."""
    with ThreadPoolExecutor() as pool:
        for example, lines in zip(EXAMPLES, pool.map(printed, EXAMPLES), strict=True):
            path = folder / f"example-{example.replace('_', '-')}.svg"
            path.write_text(picture(example, lines) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
