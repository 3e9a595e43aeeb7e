"""The demo network as the simulator and the history are told of it."""

import msgspec


class SimulatedStation(msgspec.Struct):
    """A station as the simulator is told of it."""

    identity: str
    password: str
    version: str
    kind: str
    evses: int
    power: float
    vendor: str
    model: str
    latitude: float
    longitude: float
    standing: float | None = None  # A of each phase that it keeps without us, since it was put up


class SimulatedNetwork(msgspec.Struct):
    stations: list[SimulatedStation]
    tokens: list[str]
