"""The commands that read a recording: `export` and `plot`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from enphase_streaming.cli.exit_codes import say, working
from enphase_streaming.cli.formatting import FLOW_NAMES, clean, count, local
from enphase_streaming.errors import InvalidArgument

if TYPE_CHECKING:
    from enphase_streaming.core.energy import Energy
    from enphase_streaming.core.reading import Reading
    from enphase_streaming.recording.reader import RecordedReadings

_PROGRESS_EVERY = 1_000  # readings
_SHOWN_GAPS = 10
File = Annotated[Path, Argument(metavar="FILE", help="A recording.", show_default=False)]
Format = Annotated[
    str | None, Option(metavar="FORMAT", help="csv, jsonl or parquet; default: OUT's, csv.")
]
Table = Annotated[
    Path | None, Option("-o", "--out", metavar="OUT", help="The file; default: stdout.")
]
Picture = Annotated[
    Path | None, Option("-o", "--out", metavar="OUT", help="The picture: .png or .svg.")
]
WithEnergy = Annotated[
    bool, Option("--energy", help="Print kWh; readings then need -o to be written.")
]
Show = Annotated[bool, Option("--show", help="Show it in a window.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace OUT if it exists.")]
LongestStep = Annotated[
    str, Option(metavar="SECONDS", help="Readings further apart have a gap between.")
]


def export(
    file: File,
    to: Format = None,
    out: Table = None,
    energy: WithEnergy = False,
    overwrite: Overwrite = False,
    gap: LongestStep = "10",
) -> None:
    """Write the readings of a recording as a table, or sum up their energy. Free of charge."""
    from enphase_streaming.cli import options
    from enphase_streaming.cli.tables import FORMATS, open_table
    from enphase_streaming.recording.reader import read_recording

    longest_step = options.number("--gap", gap, 0.1, 86_400.0)
    form = _format("--to", to, out, FORMATS)
    with read_recording(file) as recording:
        if energy and out is None:
            total = _sum(recording, longest_step, lambda reading: None)
        else:
            with _new_file(out, file, overwrite=overwrite) as part, open_table(form, part) as write:
                total = _sum(recording, longest_step, write, to_stdout=part is None)
    if energy:
        _print_energy(total)
    _summarize(recording, total)


def plot(
    file: File,
    out: Picture = None,
    show: Show = False,
    overwrite: Overwrite = False,
    gap: LongestStep = "10",
) -> None:
    """Draw a recording: solar, consumption, battery, grid and charge, in local time.

    Gaps and outages are shaded. Free of charge.
    """
    from enphase_streaming.cli import options
    from enphase_streaming.recording.reader import read_recording

    longest_step = options.number("--gap", gap, 0.1, 86_400.0)
    if out is None and not show:
        raise InvalidArgument("A plot needs -o OUT, --show, or both.")
    _format("-o", None, out, ("png", "svg"))
    try:
        from enphase_streaming.cli.chart import Chart, new_figure
    except ValueError as error:  # of MPLBACKEND
        raise InvalidArgument(f"matplotlib cannot be used: {error}") from error
    chart, figure = Chart(), new_figure(show=show)
    with read_recording(file) as recording, _new_file(out, file, overwrite=overwrite) as part:
        energy = _sum(recording, longest_step, chart.add)
        with working("Drawing"):
            chart.draw(figure, energy)
            if part is not None:
                figure.savefig(part)
    _summarize(recording, energy)
    if show:
        from matplotlib import pyplot

        pyplot.show()


def _format(option: str, name: str | None, out: Path | None, known: tuple[str, ...]) -> str:
    """Return the format that an option names, or the ending of a file; by default the first."""
    if name is None and out is not None:
        option, name = "The ending of OUT", out.suffix.removeprefix(".").lower()
    if name is None:
        return known[0]
    if name not in known:
        raise InvalidArgument(f"{option} must be one of {', '.join(known)}, got {name!r}.")
    return name


@contextmanager
def _new_file(out: Path | None, source: Path, *, overwrite: bool) -> Iterator[Path | None]:
    """Yield where to write a file that takes the place of `out` at the end; None for stdout.

    It is in a temporary folder beside `out`, and an exception or Ctrl-C leaves nothing of it.
    """
    from enphase_streaming.cli import options

    if out is None:
        yield None
        return
    options.check_new_file(out, overwrite=overwrite)
    target = Path(os.path.realpath(out))
    if target.exists() and (not target.is_file() or target.samefile(source)):
        raise InvalidArgument(f"{out} must be a new file, or one that is not the recording.")
    try:
        folder = TemporaryDirectory(prefix=".enphase-streaming-", dir=target.parent)
    except OSError as error:
        raise InvalidArgument(f"{out} cannot be written: {error.strerror}.") from error
    with folder:
        part = Path(folder.name, target.name)
        yield part
        part.replace(target)


def _sum(
    recording: RecordedReadings,
    longest_step: float,
    use: Callable[[Reading], None],
    *,
    to_stdout: bool = False,
) -> Energy:
    """Return the energy of the readings, and pass each to `use`.

    If stderr is a terminal, show how much of the file was read.
    """
    from rich.console import Console
    from rich.progress import Progress

    from enphase_streaming.core.energy import sum_energy

    def used(progress: Progress) -> Iterator[Reading]:
        # The size of a pipe is 0.
        task = progress.add_task("Reading", total=recording.path.stat().st_size or None)
        for number, reading in enumerate(recording):
            if number % _PROGRESS_EVERY == 0:
                progress.update(task, completed=recording.position)
            use(reading)
            yield reading

    quiet = not sys.stderr.isatty() or (to_stdout and sys.stdout.isatty())
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        return sum_energy(used(progress), longest_step=longest_step)


def _print_energy(energy: Energy) -> None:
    """Print a table of energies, with the gaps that they leave out."""
    print(f"{'':20}{'kWh':>10}  measured")
    for flow, (kwh, hours) in energy.flows.items():
        print(f"{FLOW_NAMES[flow]:20}{kwh:10,.3f}  {_time(hours * 3600)}")
    if energy.since is None or energy.until is None:
        return
    print(
        f"From {local(energy.since):%Y-%m-%d %H:%M:%S} to {local(energy.until):%Y-%m-%d %H:%M:%S}"
    )
    if not energy.gaps:
        return
    longest = sorted(energy.gaps, key=lambda each: abs(each.seconds), reverse=True)[:_SHOWN_GAPS]
    left_out = _time(sum(max(0.0, each.seconds) for each in energy.gaps))
    which = f", the {_SHOWN_GAPS} longest" if len(energy.gaps) > _SHOWN_GAPS else ""
    print(f"Left out: {count(len(energy.gaps), 'gap')}, {left_out} in all{which}:")
    for each in sorted(longest):
        note = _time(each.seconds) if each.seconds > 0 else "the site's clock was set back"
        since, until = local(each.since), local(each.until)
        day = "" if since.date() == until.date() else f"{until:%Y-%m-%d} "
        print(f"  {since:%Y-%m-%d %H:%M:%S} to {day}{until:%H:%M:%S}  {note}")


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _summarize(recording: RecordedReadings, energy: Energy) -> None:
    """Print what a recording holds, how its windows ended, and whether it breaks off."""
    windows = recording.windows
    ends = Counter(each.reason or "no end" for each in windows)
    how = ", ".join(f"{number:,} {clean(reason)}" for reason, number in ends.most_common())
    readings = count(sum(each.readings for each in windows), "reading")
    gaps = f", {count(len(energy.gaps), 'gap')}" if energy.gaps else ""
    say(f"{readings} in {count(len(windows), 'window')}{f' ({how})' if how else ''}{gaps}.")
    if recording.truncated:
        say(f"{recording.path} breaks off: its last line or window is incomplete.")
