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


class SimulatedNetwork(msgspec.Struct):
    stations: list[SimulatedStation]
    tokens: list[str]
