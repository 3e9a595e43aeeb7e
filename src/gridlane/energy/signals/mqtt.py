"""A meter on MQTT: a topic with three currents as JSON, or one topic for each phase."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from gridlane.energy.capacity import LoadReading
from gridlane.energy.signals.ports import SourceUnavailable
from gridlane.kernel.clock import system_clock
from gridlane.kernel.quantities import Amperes


class MqttMeter:
    """``topics``: one (JSON with the keys in ``keys``) or three (a number each, L1 to L3)."""

    def __init__(
        self,
        host: str,
        topics: tuple[str, ...],
        port: int = 1883,
        username: str | None = None,
        password: str | None = None,
        keys: tuple[str, str, str] = ("l1", "l2", "l3"),
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.host, self.port, self.topics, self.keys = host, port, topics, keys
        self.username, self.password, self.clock = username, password, clock
        self._phases: dict[int, float] = {}

    async def readings(self) -> AsyncIterator[LoadReading]:
        """Readings until the broker fails. Raises SourceUnavailable then; a message that is no number is passed over."""
        import aiomqtt

        try:
            async with aiomqtt.Client(
                self.host, port=self.port, username=self.username, password=self.password
            ) as client:
                for topic in self.topics:
                    await client.subscribe(topic)
                async for message in client.messages:
                    reading = self.heard(str(message.topic), message.payload)
                    if reading is not None:
                        yield reading
        except aiomqtt.MqttError as wrong:
            raise SourceUnavailable(source=f"{self.host}:{self.port}", reason=str(wrong)) from None

    def heard(self, topic: str, payload: Any) -> LoadReading | None:
        """One message; a reading once all three phases are known."""
        try:
            self._take(topic, json.loads(payload))
        except (ValueError, KeyError, TypeError):
            return None
        if len(self._phases) < 3:
            return None
        first, second, third = (Amperes(self._phases[phase]) for phase in range(3))
        if len(self.topics) > 1:
            self._phases.clear()  # the next reading needs all three anew: an old phase is no measurement
        return LoadReading(self.clock(), (first, second, third))

    def _take(self, topic: str, value: Any) -> None:
        if len(self.topics) == 1:
            self._phases = {phase: float(value[key]) for phase, key in enumerate(self.keys)}
        else:
            self._phases[self.topics.index(topic)] = float(value)
