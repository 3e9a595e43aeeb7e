"""A meter read by Modbus TCP: three currents from three registers, as most building meters have them."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Literal

from gridlane.energy.capacity import LoadReading
from gridlane.energy.signals.ports import SourceUnavailable
from gridlane.kernel.clock import system_clock
from gridlane.kernel.quantities import Amperes

Form = Literal["float32", "int32", "uint16", "int16"]
_FORMS: dict[Form, tuple[int, str]] = {
    "float32": (2, ">f"), "int32": (2, ">i"), "uint16": (1, ">H"), "int16": (1, ">h")
}  # fmt: skip
"""Form of a value -> how many registers, how they are read (the high word first)."""


class ModbusMeter:
    """``registers``: the addresses of the currents of L1, L2, L3; ``factor`` turns them into amperes."""

    def __init__(
        self,
        host: str,
        registers: tuple[int, int, int],
        port: int = 502,
        unit: int = 1,
        form: Form = "float32",
        factor: float = 1.0,
        every: float = 2.0,
        input_registers: bool = False,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self.host, self.port, self.unit, self.registers = host, port, unit, registers
        self.form, self.factor, self.every = form, factor, every
        self.input_registers, self.clock = input_registers, clock

    async def readings(self) -> AsyncIterator[LoadReading]:
        """Readings until the meter fails. Raises SourceUnavailable then."""
        from pymodbus.client import AsyncModbusTcpClient

        client = AsyncModbusTcpClient(self.host, port=self.port, timeout=3)
        try:
            if not await client.connect():
                raise SourceUnavailable(source=f"{self.host}:{self.port}", reason="it takes no connection")
            while True:
                first, second, third = [await self._current(client, each) for each in self.registers]
                yield LoadReading(self.clock(), (first, second, third))
                await asyncio.sleep(self.every)
        finally:
            client.close()

    async def _current(self, client: Any, address: int) -> Amperes:
        from pymodbus.exceptions import ModbusException

        count, form = _FORMS[self.form]
        read = client.read_input_registers if self.input_registers else client.read_holding_registers
        try:
            answer = await read(address, count=count, device_id=self.unit)
        except ModbusException as wrong:
            raise SourceUnavailable(source=f"{self.host}:{self.port}", reason=str(wrong)) from None
        if answer.isError():
            raise SourceUnavailable(source=f"{self.host}:{self.port}", reason=f"register {address}: {answer}")
        words = struct.pack(f">{count}H", *answer.registers)
        return Amperes(struct.unpack(form, words)[0] * self.factor)
