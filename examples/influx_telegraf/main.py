"""Write readings in InfluxDB's line protocol: to stdout for Telegraf, or to InfluxDB itself."""

import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import httpx
import msgspec

from enphase_streaming import (
    Budget,
    EnphaseStreamingError,
    InvalidArgument,
    Reading,
    SqliteLedger,
    StreamingClient,
)

NUMBERS = (
    *("pv_power", "consumption_power", "grid_power", "battery_power", "generator_power"),
    "battery_soc",
)
TEXTS = ("grid_status", "battery_mode")
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, rename=str.upper):
    """The variables of the environment; README.md explains them."""

    enphase_system_id: Positive
    calls_per_day: Positive
    influx_url: Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")] = ""
    influx_token: str = ""
    influx_org: str = ""
    influx_bucket: str = ""
    retry_seconds: float = 900.0
    state_dir: str = "state"


def line(site: int, reading: Reading) -> str | None:
    """Return a reading in line protocol, without values that are None; None if all are."""
    fields = [
        f"{name}={value}i" for name in NUMBERS if (value := getattr(reading, name)) is not None
    ]
    for name in TEXTS:
        if (text := getattr(reading, name)) is not None:
            escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
            fields.append(f'{name}="{escaped}"')
    if not fields:
        return None
    moment = reading.timestamp or reading.arrived
    nanoseconds = round(moment.timestamp() * 1000) * 1_000_000
    return f"enphase,system_id={site} {','.join(fields)} {nanoseconds}"


def write_to_stdout(text: str) -> None:
    """Write a line in one piece. If Telegraf does not read, this waits."""
    os.write(sys.stdout.fileno(), f"{text}\n".encode())


class InfluxDB:
    """The write API of InfluxDB 2 and 3."""

    def __init__(self, settings: Settings) -> None:
        self._http = httpx.Client(
            headers={"Authorization": f"Token {settings.influx_token}"},
            params={
                "org": settings.influx_org,
                "bucket": settings.influx_bucket,
                "precision": "ns",
            },
        )
        self._url = f"{settings.influx_url.rstrip('/')}/api/v2/write"
        self.write("")  # nothing, before a stream is paid for: is it there, and is the token right?

    def write(self, text: str) -> None:
        """Write a line, again until it is taken. A line that is written twice is one point."""
        pause = 1.0
        while True:
            try:
                answer = self._http.post(self._url, content=text)
            except httpx.TransportError as error:
                problem = f"INFLUX_URL cannot be reached ({type(error).__name__})"
            else:
                if answer.is_success or (not text and answer.status_code == 400):
                    return
                problem = f"InfluxDB answered {answer.status_code}: {answer.text[:200]!r}"
                if answer.is_client_error and answer.status_code != 429:
                    raise InvalidArgument(f"{problem}. Check the variables INFLUX_….")
            say(f"W! {problem}; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, 60.0)


def run(settings: Settings) -> None:
    """Write each reading before asking for the next: while writing waits, no stream is opened."""
    site = settings.enphase_system_id
    write = InfluxDB(settings).write if settings.influx_url else write_to_stdout
    ledger = SqliteLedger(Path(settings.state_dir) / "ledger.sqlite")
    budget = Budget(calls=settings.calls_per_day, per="day", ledger=ledger)
    with StreamingClient.from_env() as enphase:
        while True:
            try:
                with enphase.watch(
                    site, budget=budget, wait_for_next_period=True, on_gap=gap, on_wait=wait
                ) as readings:
                    for reading in readings:
                        text = line(site, reading)
                        if text is None:
                            continue
                        write(text)
            except EnphaseStreamingError as error:
                if not error.retryable:
                    raise
                wait(settings.retry_seconds, error)
                time.sleep(settings.retry_seconds)


def gap(since: datetime, until: datetime, error: Exception) -> None:
    """Report readings that are missing; none are made up."""
    say(f"W! no readings from {since:%H:%M:%S} to {until:%H:%M:%S} UTC: {error}")


def wait(seconds: float, error: Exception | None) -> None:
    """Report a pause."""
    say(f"I! next stream in {seconds:.0f} s: {error or 'the allowance is used up'}")


def say(text: str) -> None:
    """Print a line on stderr, where Telegraf takes E!, W! and I! for the level."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = {name: value for name, value in os.environ.items() if value}
    try:
        run(msgspec.convert(given, Settings, strict=False))
    except (KeyboardInterrupt, BrokenPipeError):
        say("I! stopped")
    except (EnphaseStreamingError, msgspec.ValidationError) as error:
        say(f"E! {error}")
        sys.exit(2)
