"""Files a station uploads where it is told: the shell does it, the station hears how it went."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass
class Upload:
    location: str
    name: str
    content: bytes
    ended: Callable[[datetime, bool], None]
