"""Checks imported passwords against argon2 off the event loop, one at a time, each station once.

The station that sent one is turned away meanwhile and let in at its next try, by the keyed verifier made here: so a door that
decides from memory never waits tens of milliseconds, whoever knocks.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from gridlane.stations.credentials import VerifierKeys, matches_slowly, verifier_of
from gridlane.stations.directory import Entry

_MOST_WAITING = 1000


class ImportedPasswords:
    """``verified`` gets the entry and the verifier that replaces the slow one: to be stored, and applied to the directory."""

    def __init__(self, keys: VerifierKeys, verified: Callable[[Entry, str], None]) -> None:
        self._keys = keys
        self._verified = verified
        self._waiting: OrderedDict[tuple[str, bytes], Entry] = OrderedDict()
        self._worker: asyncio.Task[None] | None = None

    def check(self, entry: Entry, password: bytes) -> None:
        """Queues a check. A guess too many pushes the oldest out: the true station comes again."""
        self._waiting[entry.identity, password] = entry
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                (identity, password), entry = self._waiting.popitem(last=False)
                fits = entry.slow_verifier is not None and await asyncio.to_thread(
                    matches_slowly, entry.slow_verifier, password
                )
                if fits:
                    self._verified(entry, verifier_of(password, identity, self._keys))
        finally:
            self._worker = None
