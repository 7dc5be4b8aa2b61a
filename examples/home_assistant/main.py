"""Show a solar site in Home Assistant over MQTT; a switch starts the streams, which cost money."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import aiomqtt
import msgspec

from enphase_streaming import (
    AsyncStreamingClient,
    Budget,
    EnphaseStreamingError,
    InvalidArgument,
    Reading,
    SqliteLedger,
    sum_energy,
)

DEVICE = (Path(__file__).parent / "device.json").read_text("utf-8")
ENERGIES = (
    *("pv_power", "consumption_power", "grid_import", "grid_export"),
    *("battery_charging", "battery_discharging", "generator_power"),
)
LONGEST_STEP = 30.0  # seconds between two readings; the energy of a longer step is unknown
LONGEST_PAUSE = 60.0  # seconds until the broker is tried again
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, rename=str.upper):
    """The variables of the environment; README.md explains them."""

    enphase_system_id: Positive
    calls_per_day: Positive
    mqtt_host: str
    mqtt_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    mqtt_tls: bool = False
    mqtt_username: str = ""
    mqtt_password: str = ""
    state_dir: str = "state"


class Energy:
    """Energy in kWh over the hours that were measured; nothing is filled in for a gap."""

    def __init__(self) -> None:
        self.totals = dict.fromkeys((*ENERGIES, "hours_measured"), 0.0)
        self._last: Reading | None = None

    def restore(self, text: bytes) -> None:
        """Go on from totals that the broker kept."""
        try:
            self.totals |= msgspec.json.decode(text, type=dict[str, float])
        except msgspec.DecodeError as error:
            say(f"the broker's energy totals cannot be read ({error}); counting from zero")

    def add(self, reading: Reading) -> None:
        """Count the energy between the last reading and this one."""
        pair = [reading] if self._last is None else [self._last, reading]
        self._last = reading
        flows = sum_energy(pair, longest_step=LONGEST_STEP).flows
        for name, flow in flows.items():
            self.totals[name] += flow.kwh
        self.totals["hours_measured"] += max((flow.hours for flow in flows.values()), default=0.0)


class Bridge:
    """Connects one site to the broker. `serve` runs once for each connection."""

    def __init__(self, enphase: AsyncStreamingClient, site: int, budget: Budget) -> None:
        self.enphase, self.site, self.budget = enphase, site, budget
        self.energy = Energy()

    async def publish(self, name: str, values: object, *, retain: bool = True) -> None:
        """Publish a text, or values as JSON, and wait until the broker has it."""
        text = values if isinstance(values, str) else json.dumps(values)
        await self.mqtt.publish(f"enphase/{self.site}/{name}", text, qos=1, retain=retain)

    async def serve(self, mqtt: aiomqtt.Client) -> None:
        """Announce the site, then follow its switch. Raises `MqttError`."""
        self.mqtt = mqtt
        device = DEVICE.replace("SITE", str(self.site))
        config = f"homeassistant/device/enphase_{self.site}/config"
        await mqtt.publish(config, device, qos=1, retain=True)
        await self.publish("availability", "online")
        await self.report("OFF", "off")
        # In this order: the totals that the broker kept come before a command that it kept.
        await mqtt.subscribe(f"enphase/{self.site}/energy", qos=1)
        await mqtt.subscribe(f"enphase/{self.site}/stream/set", qos=1)
        try:
            async with asyncio.TaskGroup() as tasks:
                await self.follow_switch(tasks)
        finally:
            with suppress(aiomqtt.MqttError):  # where the broker is gone, the last will says it
                await self.publish("availability", "offline")

    async def follow_switch(self, tasks: asyncio.TaskGroup) -> None:
        """Start and stop the stream; take the totals of an earlier run, if the broker has any."""
        stream: asyncio.Task[None] | None = None
        async for message in self.mqtt.messages:
            if message.topic.matches("enphase/+/energy"):
                # What was published here comes back as well, without the retain flag.
                if message.retain and not self.energy.totals["hours_measured"]:
                    self.energy.restore(bytes(message.payload))
            elif message.payload == b"ON" and (stream is None or stream.done()):
                stream = tasks.create_task(self.stream())
            elif message.payload == b"OFF" and stream is not None:
                stream.cancel()
                await asyncio.wait([stream])
                await self.report("OFF", "off")

    async def stream(self) -> None:
        """Publish readings until the stream ends by itself, then switch it off."""
        try:
            async with self.enphase.watch(self.site, budget=self.budget) as readings:
                await self.report("ON", "connecting")
                left = self.budget.left
                async for reading in readings:
                    if left != self.budget.left:
                        left = self.budget.left
                        await self.report("ON", "streaming")
                    self.energy.add(reading)
                    await self.publish("reading", reading.to_dict(), retain=False)
                    await self.publish("energy", self.energy.totals)
            status = "all streams of today are used up"
        except EnphaseStreamingError as error:
            status = str(error)
        await self.publish("stream/set", "")  # or the broker would keep the command
        await self.report("OFF", status)

    async def report(self, switch: str, status: str) -> None:
        """Publish the state of the switch, and how many streams are left today."""
        left = self.budget.left
        await self.publish("stream", {"switch": switch, "status": status, "calls_left": left})


async def stay_connected(bridge: Bridge, settings: Settings) -> None:
    """Serve the broker, again after each failure. Without it nothing streams, or costs."""
    clock, pause = asyncio.get_running_loop().time, 1.0
    while True:
        began = clock()
        try:
            async with aiomqtt.Client(
                settings.mqtt_host,
                settings.mqtt_port,
                username=settings.mqtt_username or None,
                password=settings.mqtt_password or None,
                tls_params=aiomqtt.TLSParameters() if settings.mqtt_tls else None,
                # A fixed name: the new connection ends a dead one, with its last will.
                identifier=f"enphase-{bridge.site}",
                will=aiomqtt.Will(f"enphase/{bridge.site}/availability", "offline", 1, retain=True),
                keepalive=15,
            ) as mqtt:
                await bridge.serve(mqtt)
        except* aiomqtt.MqttError as group:
            # Longer pauses for a broker that drops each connection: each may cost a stream.
            pause = 1.0 if clock() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            problem = str(group.exceptions[0]).rstrip(".")
            say(f"no broker (MQTT_HOST, MQTT_…): {problem}; trying again in {pause:.0f} s")
        await asyncio.sleep(pause)


async def run(settings: Settings) -> None:
    """Bridge the site until cancelled; then print what was opened today."""
    ledger = SqliteLedger(Path(settings.state_dir) / "ledger.sqlite")
    budget = Budget(calls=settings.calls_per_day, per="day", ledger=ledger)
    async with AsyncStreamingClient.from_env() as enphase:
        try:
            await stay_connected(Bridge(enphase, settings.enphase_system_id, budget), settings)
        finally:
            say(f"streams opened today: {budget.spent}, left: {budget.left}")


def say(text: object) -> None:
    """Print a line on stderr."""
    print(f"home_assistant: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    given = {name: value for name, value in os.environ.items() if value}
    try:
        # The MQTT client cannot wait on Windows' default loop.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(run(msgspec.convert(given, Settings, strict=False)))
    except KeyboardInterrupt:
        say("stopped")
    except (InvalidArgument, msgspec.ValidationError) as error:
        say(error)
        sys.exit(2)
