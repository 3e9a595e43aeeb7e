"""A second installation does not slip in on the first one's ports."""

import socket

import pytest

from gridlane.app.supervisor import PortTaken, free_port, refuse_taken_ports
from gridlane.kernel.settings import Settings


def settings(**ports):
    return Settings(**({"port": 0, "station_port": 0, "station_tls_port": 0} | ports))


@pytest.mark.parametrize("name", ["port", "station_port", "station_tls_port"])
def test_a_port_that_another_listens_on_is_refused_though_it_would_share(name):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as refused:
            refuse_taken_ports(settings(**{name: port}))
        assert str(port) in str(refused.value)
        assert name.upper() in str(refused.value)


def test_free_ports_are_fine():
    refuse_taken_ports(settings(port=free_port(), station_port=free_port()))
