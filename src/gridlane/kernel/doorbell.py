"""A doorbell: somebody waits to be rung, and looks by himself now and then in any case."""

import asyncio


class Doorbell:
    """``ring`` from anywhere on the loop; ``answered`` waits for it, at most so long, and is ready for the next ring.

    Not ``asyncio.wait_for``: in Python 3.11 it can swallow a cancellation that comes together with the ring.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def answered(self, seconds: float) -> bool:
        """Whether it rang within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
