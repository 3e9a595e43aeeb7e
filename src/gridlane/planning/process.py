"""The near end of a planner in a process of its own: ask, hear of progress, stop it. Imports nothing heavy."""

import asyncio
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from gridlane.kernel.errors import Kind, Refusal

IDLE = 600.0
"""Seconds after which a planner nobody asks anything is sent home."""


class PlannerRefused(Refusal):
    """The planner's own sentence; ``because`` is its code and ``problems`` has one sentence per thing that is wrong."""

    code = "planning_refused"
    kind = Kind.INVALID
    sentence = "{sentence}"


class PlannerFailed(Refusal):
    code = "planning_failed"
    kind = Kind.UNAVAILABLE
    sentence = "The planner ended unexpectedly ({reason}). Nothing is lost; please try again."


class PlannerProcess:
    """One planner. Questions are answered in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls) -> "PlannerProcess":
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gridlane.planning.answering", stdin=pipe, stdout=pipe
            )
        )

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(
        self, question: dict[str, Any], hear: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> dict[str, Any]:
        """The answer; what is said on the way goes to ``hear``. Raises PlannerRefused, PlannerFailed."""
        async with self._turn:
            try:
                await self._send(question)
                while "answer" not in (frame := await self._receive()):
                    hear(frame)
            except (asyncio.IncompleteReadError, OSError) as gone:
                raise PlannerFailed(reason=f"exit code {await self._process.wait()}") from gone
        answer: dict[str, Any] = frame["answer"]
        if "refused" in answer:
            no = answer["refused"]
            raise PlannerRefused(sentence=no["sentence"], because=no["code"], problems=no["problems"])
        if "failed" in answer:
            raise PlannerFailed(reason=answer["failed"])
        return answer

    async def stop_working(self) -> None:
        """Answer with the best plan so far."""
        with suppress(OSError):
            await self._send({"do": "stop"})

    async def end(self) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = msgspec.msgpack.encode(message)
        self._process.stdin.write(struct.pack(">I", len(body)) + body)
        await self._process.stdin.drain()

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
        frame: dict[str, Any] = msgspec.msgpack.decode(await self._process.stdout.readexactly(length))
        return frame


class WarmPlanner:
    """One planner kept ready for questions that somebody waits for: reading files, moving a site, drawing a report.

    Started by the first question, sent home after a while without any.
    """

    def __init__(self) -> None:
        self._process: PlannerProcess | None = None
        self._starting = asyncio.Lock()
        self._leaving: asyncio.TimerHandle | None = None
        self._ends: set[asyncio.Task[None]] = set()

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Raises PlannerRefused, PlannerFailed."""
        async with self._starting:
            if self._process is None or not self._process.alive:
                self._process = await PlannerProcess.start()
            process = self._process
        if self._leaving is not None:
            self._leaving.cancel()
        try:
            return await process.ask(question)
        finally:
            self._leaving = asyncio.get_running_loop().call_later(IDLE, self._leave)

    def _leave(self) -> None:
        task = asyncio.ensure_future(self.close())
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def close(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        process, self._process = self._process, None
        if process is not None:
            await process.end()
