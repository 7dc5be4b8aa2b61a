"""Report a grid outage, a low battery or missing readings, and their end: command or webhook."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import SubprocessError
from typing import Annotated

import httpx
import msgspec

from enphase_streaming import (
    Budget,
    EnphaseStreamingError,
    InvalidArgument,
    SqliteLedger,
    StreamingClient,
)

FRESH = 30.0  # seconds for which a reading tells how things are
RECOVERED = 5  # percentage points above BATTERY_LOW
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, rename=str.upper):
    """The variables of the environment; README.md explains them."""

    enphase_system_id: Positive
    calls_per_day: Positive
    alert_command: str = ""
    alert_webhook: Annotated[str, msgspec.Meta(pattern="^(https?://.+)?$")] = ""
    battery_low: int = 20
    silent_seconds: float = 600.0
    hold_seconds: float = 60.0
    retry_seconds: float = 900.0
    state_dir: str = "state"


class Alert:
    """A condition that is reported once it has lasted, and again once it was over as long."""

    def __init__(self, *, active: bool) -> None:
        self.active = active
        self._since: float | None = None

    def changes(self, holds: bool | None, now: float, hold: float) -> bool:
        """Note whether the condition holds, None if unknown; return whether to report it."""
        if holds == self.active:
            self._since = None
        elif holds is not None:
            self._since = now if self._since is None else self._since
            if now - self._since >= hold:
                self.active, self._since = holds, None
                return True
        return False


class Site:
    """What is known of the site now."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.grid: str | None = None
        self.charge: int | None = None
        self.heard = time.monotonic()
        self.watched = True
        self.failure: EnphaseStreamingError | None = None

    def follow(self, enphase: StreamingClient, budget: Budget) -> None:
        """Watch the site, again after each failure that may pass; note the others."""
        watch = partial(enphase.watch, budget=budget, wait_for_next_period=True, on_wait=self.wait)
        while True:
            try:
                with watch(self.settings.enphase_system_id) as readings:
                    for reading in readings:
                        self.grid, self.charge = reading.grid_status, reading.battery_soc
                        self.heard, self.watched = time.monotonic(), True
            except EnphaseStreamingError as error:
                if not error.retryable:
                    self.failure = error
                    return
                self.wait(self.settings.retry_seconds, error)
                time.sleep(self.settings.retry_seconds)

    def wait(self, seconds: float, error: Exception | None) -> None:
        """Note why no reading comes: a used-up allowance is no silence of the gateway."""
        self.watched = error is not None
        say(f"next stream in {seconds:.0f} s: {error or 'the allowance is used up'}")

    def conditions(self) -> dict[str, bool | None]:
        """Return which conditions hold now, None where that is unknown."""
        age, limit = time.monotonic() - self.heard, self.settings.battery_low
        found: dict[str, bool | None] = dict.fromkeys(("grid_outage", "battery_low", "no_readings"))
        if age < FRESH and self.grid in ("On Grid", "Off Grid"):
            found["grid_outage"] = self.grid == "Off Grid"
        charge = self.charge if age < FRESH else None
        if charge is not None and not limit < charge < limit + RECOVERED:
            found["battery_low"] = charge <= limit
        if self.watched:
            found["no_readings"] = age > self.settings.silent_seconds
        return found


def deliver(message: dict[str, object], settings: Settings) -> None:
    """Deliver a message, again until it arrives. An address may hold a secret: it is not shown."""
    pause = 1.0
    while True:
        try:
            if settings.alert_webhook:
                answer = httpx.post(settings.alert_webhook, json=message)
                problem = f"ALERT_WEBHOOK answered {answer.status_code}" if answer.is_error else ""
            else:
                command, text = shlex.split(settings.alert_command), json.dumps(message)
                done = subprocess.run(command, input=text, text=True, timeout=60)
                problem = f"ALERT_COMMAND ended with {done.returncode}" if done.returncode else ""
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, SubprocessError) as error:
            problem = f"the alert cannot be delivered ({type(error).__name__})"
        if not problem:
            return
        say(f"{problem}; {message['alert']} is sent again in {pause:.0f} s")
        time.sleep(pause)
        pause = min(2 * pause, 60.0)


def run(settings: Settings) -> None:
    """Look at the site each second, and deliver each change. Raises what ended the watch."""
    if bool(settings.alert_command) == bool(settings.alert_webhook):
        raise InvalidArgument("Set either ALERT_COMMAND or ALERT_WEBHOOK: it receives the alerts.")
    delivered = Path(settings.state_dir) / "alerts.json"
    delivered.parent.mkdir(parents=True, exist_ok=True)
    active: dict[str, bool] = {}
    if delivered.exists():
        try:
            active = msgspec.json.decode(delivered.read_bytes(), type=dict[str, bool])
        except msgspec.DecodeError as error:
            raise InvalidArgument(f"{delivered} is damaged: delete it. ({error})") from error
    ledger = SqliteLedger(Path(settings.state_dir) / "ledger.sqlite")
    budget = Budget(calls=settings.calls_per_day, per="day", ledger=ledger)
    site = Site(settings)
    alerts = {name: Alert(active=active.get(name, False)) for name in site.conditions()}
    with StreamingClient.from_env() as enphase:
        threading.Thread(target=site.follow, args=(enphase, budget), daemon=True).start()
        while site.failure is None:
            for name, holds in site.conditions().items():
                alert = alerts[name]
                if alert.changes(holds, time.monotonic(), settings.hold_seconds):
                    message = {
                        "alert": name,
                        "active": alert.active,
                        "site": settings.enphase_system_id,
                        "at": datetime.now(UTC).isoformat(timespec="seconds"),
                    }
                    deliver(message, settings)
                    states = {each: other.active for each, other in alerts.items()}
                    new = delivered.with_suffix(".new")
                    new.write_text(json.dumps(states), "utf-8")
                    new.replace(delivered)
            time.sleep(1)
    raise site.failure


def say(text: object) -> None:
    """Print a line on stderr."""
    print(f"alerts: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = {name: value for name, value in os.environ.items() if value}
    try:
        run(msgspec.convert(given, Settings, strict=False))
    except KeyboardInterrupt:
        say("stopped")
    except (EnphaseStreamingError, msgspec.ValidationError, OSError) as error:
        say(error)
        sys.exit(2)
