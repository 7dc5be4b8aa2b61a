"""Store the readings of hundreds of sites in PostgreSQL, as one of several workers."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
import psycopg
from prometheus_client import REGISTRY, Counter, Gauge, start_http_server

from enphase_streaming import (
    Allowance,
    AsyncStreamingClient,
    AuthenticationError,
    Budget,
    Call,
    Counted,
    EnphaseStreamingError,
    InvalidArgument,
    LedgerUnavailable,
    LoginRequired,
    Plan,
    Reading,
    UsedUp,
    Wait,
)
from enphase_streaming.ledger.postgres import PostgresLedger

CALLS = Counter("enphase_calls", "Calls that were counted.")
ENDS = Counter("enphase_stream_ends", "Streams that ended.", ["reason"])
READINGS = Counter("enphase_readings", "Readings that were stored.")
GAPS = Counter("enphase_gaps", "Gaps, after which readings resumed.")
STOPPED = Counter("enphase_sites_stopped", "Sites that are not watched any more.")
LEFT = Gauge("enphase_budget_left", "Calls left today, as of this worker's last call.")
DATABASE = Gauge("enphase_database_up", "Whether the database could be used the last time.")

SCHEMA = (Path(__file__).parent / "schema.sql").read_bytes()
INSERT = f"INSERT INTO reading VALUES (%s{', %s' * 9}) ON CONFLICT DO NOTHING"
POWERS = ("pv_power", "consumption_power", "grid_power", "battery_power", "generator_power")
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, rename=str.upper):
    """The variables of the environment; README.md explains them."""

    sites: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d*(,[1-9]\d*)*$")]
    database_url: Annotated[str, msgspec.Meta(min_length=1)]
    calls_per_day: Positive
    plan: Annotated[str, msgspec.Meta(pattern="^(kilowatt|megawatt|partner)$")]
    worker: Annotated[int, msgspec.Meta(ge=0)] = 0
    workers: Positive = 1
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9464
    retry_seconds: Annotated[float, msgspec.Meta(ge=0)] = 900.0


class MeasuredLedger(PostgresLedger):
    """The ledger of all workers; what passes through this one is counted for the metrics."""

    def spend(self, allowance: Allowance, call: Call) -> Counted | Wait | UsedUp:
        """Count a call."""
        found = super().spend(allowance, call)
        CALLS.inc(isinstance(found, Counted))
        return found

    def finish(self, counted: Counted, reason: str, readings: int) -> None:
        """Note how a stream ended."""
        ENDS.labels(reason).inc()
        super().finish(counted, reason, readings)


class Store:
    """The readings of all sites, one after another over one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection | None = None

    async def insert(self, site: int, reading: Reading) -> None:
        """Store a reading, again until it is stored. Meanwhile the other sites wait."""
        async with self._turn:
            await persist(lambda: self._insert(row(site, reading)))

    async def _insert(self, values: tuple[object, ...]) -> None:
        cursor = await (await self.connect()).execute(INSERT, values)
        READINGS.inc(cursor.rowcount)

    async def connect(self) -> psycopg.AsyncConnection:
        """Return a connection, and make the table."""
        if self._connection is None or self._connection.closed:
            # Not waiting for the disk: a server that crashes may lose the readings of a second.
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=5, options="-c synchronous_commit=off"
            )
            await self._connection.execute(SCHEMA)
        return self._connection

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()


async def persist(work: Callable[[], Awaitable[object]]) -> None:
    """Await work with the database, and again while that is away."""
    pause = 1.0
    while True:
        try:
            await work()
            return DATABASE.set(1)
        except (LedgerUnavailable, psycopg.OperationalError) as error:
            DATABASE.set(0)
            say(f"the database is away, next try in {pause:.0f} s: {error}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, 30.0)


async def follow(
    enphase: AsyncStreamingClient, site: int, budget: Budget, store: Store, retry_seconds: float
) -> None:
    """Store each reading before asking for the next: while it waits, no stream is opened."""
    while True:
        try:
            async with enphase.watch(
                site, budget=budget, wait_for_next_period=True, on_gap=lambda *_: GAPS.inc()
            ) as readings:
                async for reading in readings:
                    await store.insert(site, reading)
        except (AuthenticationError, LoginRequired):
            raise  # it is the same for every site, and none of the others should pay to learn it
        except EnphaseStreamingError as error:
            say(f"site {site}: {error}")
            if not error.retryable:
                return STOPPED.inc()
            await asyncio.sleep(30 if isinstance(error, LedgerUnavailable) else retry_seconds)


def row(site: int, reading: Reading) -> tuple[object, ...]:
    """Return a reading as a row of the table, whose texts cannot hold every character."""
    numbers = (getattr(reading, name) for name in (*POWERS, "battery_soc"))
    texts = (
        text and text.encode(errors="replace").decode().replace("\0", "?")
        for text in (reading.grid_status, reading.battery_mode)
    )
    return site, reading.timestamp or reading.arrived, *numbers, *texts


async def run(settings: Settings) -> None:
    """Watch this worker's sites until cancelled."""
    if settings.worker >= settings.workers:
        raise InvalidArgument(f"WORKER must be less than WORKERS, {settings.workers}.")
    sites = set(map(int, settings.sites.split(",")))
    mine = [site for site in sites if site % settings.workers == settings.worker]
    ledger, plan = MeasuredLedger(settings.database_url), Plan[settings.plan.upper()]
    budget = Budget(calls=settings.calls_per_day, per="day", plan=plan, ledger=ledger)
    store = Store(settings.database_url)
    async with AsyncStreamingClient.from_env() as enphase, aclosing(store):
        metrics, _ = start_http_server(settings.metrics_port, settings.metrics_host)
        say(f"{len(mine)} of {len(sites)} sites, metrics at port {metrics.server_port}")
        await persist(lambda: asyncio.to_thread(budget.balance))
        await persist(store.connect)
        LEFT.set_function(lambda: budget.left or 0)
        async with asyncio.TaskGroup() as tasks:
            for site in mine:
                tasks.create_task(follow(enphase, site, budget, store, settings.retry_seconds))


def say(text: object) -> None:
    """Print a line on stderr."""
    print("fleet_worker:", " ".join(str(text).split()), file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    given = {name: value for name, value in os.environ.items() if value}
    try:
        # psycopg cannot wait on Windows' default loop.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(run(msgspec.convert(given, Settings, strict=False)))
    except* KeyboardInterrupt:
        total = REGISTRY.get_sample_value
        calls, readings = total("enphase_calls_total"), total("enphase_readings_total")
        say(f"stopped: {calls:.0f} calls, {readings:.0f} readings")
    except* OSError as group:
        say(f"METRICS_PORT cannot be used: {group.exceptions[0]}")
        sys.exit(2)
    except* (EnphaseStreamingError, msgspec.ValidationError, psycopg.Error) as group:
        say(group.exceptions[0])
        sys.exit(2)
