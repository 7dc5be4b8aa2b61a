"""Relay live readings to browsers: one stream from the API per site, for any number of viewers."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, StreamingResponse

from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    EnphaseStreamingError,
    SqliteLedger,
)

WAITING = 100  # events that may wait for a slow viewer; then the oldest is dropped
SILENCE = 1.0  # seconds; then a comment is sent, which shows whether the viewer is still there
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, rename=str.upper):
    """The variables of the environment; README.md explains them."""

    sites: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d*(,[1-9]\d*)*$")]
    calls_per_day: Positive
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    linger_seconds: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    retry_seconds: Annotated[float, msgspec.Meta(ge=0)] = 900.0
    state_dir: str = "state"


class Feed:
    """One site: a single stream from the API while it has viewers."""

    def __init__(
        self, enphase: AsyncStreamingClient, site: int, budget: Budget, settings: Settings
    ) -> None:
        self.enphase, self.site, self.budget, self.settings = enphase, site, budget, settings
        self.viewers: set[asyncio.Queue[str]] = set()
        self.last: dict[str, str] = {}  # by the event's name
        self.task: asyncio.Task[None] | None = None
        self.alone = asyncio.Lock()  # a stream that is being closed is still open

    async def view(self, server: uvicorn.Server) -> AsyncIterator[str]:
        """Yield the last event of each name, then each as it comes, until the server stops."""
        queue: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self.viewers.add(queue)
        if self.task is None:
            self.task = asyncio.create_task(self.follow())
        try:
            for event in list(self.last.values()):
                yield event
            while not server.should_exit:
                try:
                    yield await asyncio.wait_for(queue.get(), SILENCE)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self.viewers.discard(queue)
            if not self.viewers:
                loop = asyncio.get_running_loop()
                loop.call_later(self.settings.linger_seconds, self.close_unless_viewed)

    def send(self, name: str, values: dict[str, object]) -> None:
        """Send an event to each viewer, and keep it for those to come."""
        self.last[name] = event = f"event: {name}\ndata: {json.dumps(values)}\n\n"
        for queue in self.viewers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    def report(self, status: str, message: str = "") -> None:
        """Tell the viewers whether readings come, or why not, and what is left of the day."""
        self.send("status", {"status": status, "message": message, "calls_left": self.budget.left})

    def wait(self, seconds: float, error: Exception | None) -> None:
        """Report a pause."""
        reason = error or "the streams of today are used up"
        self.report("waiting", f"next stream in {seconds:.0f} s: {reason}")
        say(f"site {self.site}: next stream in {seconds:.0f} s: {reason}")

    async def follow(self) -> None:
        """Send each reading until cancelled; a failure that a person has to correct ends it."""
        self.report("connecting")
        while True:
            watch = self.enphase.watch(
                self.site, budget=self.budget, wait_for_next_period=True, on_wait=self.wait
            )
            try:
                async with self.alone, watch as readings:
                    calls = -1
                    async for reading in readings:
                        if calls != self.budget.spent:
                            calls = self.budget.spent
                            self.report("live")
                        self.send("reading", reading.to_dict())
            except EnphaseStreamingError as error:
                if not error.retryable:
                    self.report("stopped", str(error))
                    say(f"site {self.site}: {error}")
                    return
                self.wait(self.settings.retry_seconds, error)
                await asyncio.sleep(self.settings.retry_seconds)

    def close_unless_viewed(self) -> None:
        """End the stream if no viewer came; one that has failed stays, and pays for no other."""
        if not self.viewers and self.task is not None and not self.task.done():
            self.task.cancel()
            self.task = None
            self.last.clear()  # an old reading would pass for a present one


def make_server(settings: Settings) -> uvicorn.Server:
    """Return a server of the page, the list of sites, and each site's events."""
    ledger = SqliteLedger(Path(settings.state_dir) / "ledger.sqlite")
    budget = Budget(calls=settings.calls_per_day, per="day", ledger=ledger)
    budget.balance()  # can it be read? Before a viewer comes
    enphase = AsyncStreamingClient.from_env()
    feeds = {
        site: Feed(enphase, site, budget, settings) for site in map(int, settings.sites.split(","))
    }

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with enphase:
            yield
            for feed in feeds.values():
                feed.close_unless_viewed()

    app = FastAPI(lifespan=lifespan)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(Path(__file__).with_name("page.html"))

    @app.get("/sites")
    async def sites() -> list[int]:
        return list(feeds)

    @app.get("/sites/{site}/events")
    async def events(site: int) -> StreamingResponse:
        if site not in feeds:
            raise HTTPException(404, "This site is not in SITES.")
        return StreamingResponse(
            feeds[site].view(server),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # nginx: pass it on
        )

    return server


def run(settings: Settings) -> None:
    """Serve until a signal comes."""
    server = make_server(settings)
    with socket.create_server((settings.host, settings.port)) as listener:
        host, port = listener.getsockname()[:2]
        say(f"http://{host}:{port}/")
        server.run([listener])


def say(text: object) -> None:
    """Print a line on stderr."""
    print(f"web_relay: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = {name: value for name, value in os.environ.items() if value}
    try:
        run(msgspec.convert(given, Settings, strict=False))
    except KeyboardInterrupt:
        say("stopped")
    except OSError as error:
        say(f"HOST and PORT cannot be used: {error}")
        sys.exit(2)
    except (EnphaseStreamingError, msgspec.ValidationError) as error:
        say(error)
        sys.exit(2)
