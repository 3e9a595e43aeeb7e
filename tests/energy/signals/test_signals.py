"""Sources against the real thing: a local HTTP server, a Modbus server, an MQTT broker."""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gridlane.energy.signals import ports
from gridlane.energy.signals.files import CsvSeries, read_series
from gridlane.energy.signals.http import HttpSeries, PushedMeter
from gridlane.energy.signals.modbus import ModbusMeter
from gridlane.energy.signals.mqtt import MqttMeter
from gridlane.energy.signals.openadr import OpenAdr, dimmings
from gridlane.energy.signals.ports import Series, SeriesMisses, SourceUnavailable, SourceUnknown
from gridlane.energy.signals.simulated import SimulatedMeter
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.errors import InputInvalid

NOON = parse_instant("2026-03-02T12:00:00Z")
HOUR = timedelta(hours=1)


@contextmanager
def served(answers):
    """A server on this machine; ``answers`` maps (method, path) to (content type, body)."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            length = int(self.headers.get("content-length") or 0)
            heard.append((self.command, self.path, dict(self.headers), self.rfile.read(length).decode()))
            known = answers.get((self.command, self.path.split("?")[0]))
            self.send_response(200 if known else 404)
            self.send_header("content-type", known[0] if known else "text/plain")
            self.end_headers()
            self.wfile.write((known[1] if known else "no").encode())

        do_GET = do_POST = _answer  # noqa: N815 - the server's names

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_value_holds_until_the_next_and_the_last_as_long_as_the_one_before():
    series = Series("day-ahead", (NOON, NOON + HOUR), (0.1, 0.2))
    assert series.at(NOON + HOUR / 2) == 0.1
    assert series.at(NOON + 1.9 * HOUR) == 0.2


@pytest.mark.parametrize("hours", [-0.1, 2.0])
def test_outside_a_series_no_price_is_invented(hours):
    series = Series("day-ahead", (NOON, NOON + HOUR), (0.1, 0.2))
    with pytest.raises(SeriesMisses, match="day-ahead"):
        series.at(NOON + hours * HOUR)


async def test_prices_are_read_from_a_csv_file(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("utc,eur_per_mwh\n2026-03-02T13:00Z,50\n2026-03-02T14:00+02:00,120\n")
    series = await CsvSeries(str(file), factor=0.001).fetch()
    assert series.at(NOON + HOUR / 2) == pytest.approx(0.12)
    assert series.at(NOON + HOUR) == pytest.approx(0.05)


def test_a_line_that_cannot_be_read_is_named(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("utc,price\n2026-03-02T13:00Z,50\nyesterday,60\n")
    with pytest.raises(SourceUnavailable, match="line 3"):
        read_series(file)


async def test_prices_are_fetched_as_json():
    rows = [
        {"start_timestamp": (NOON + n * HOUR).timestamp() * 1000, "marketprice": 80 + n} for n in range(3)
    ]
    with served({("GET", "/prices"): ("application/json", json.dumps({"data": rows}))}) as (url, _):
        series = await HttpSeries(f"{url}/prices", factor=0.001).fetch()
    assert series.at(NOON + 1.5 * HOUR) == pytest.approx(0.081)


async def test_a_server_that_refuses_is_said_so():
    with served({}) as (url, _), pytest.raises(SourceUnavailable, match="404"):
        await HttpSeries(f"{url}/prices").fetch()


async def test_an_answer_without_the_keys_is_said_so():
    with (
        served({("GET", "/prices"): ("application/json", '{"data": [{"when": 1}]}')}) as (url, _),
        pytest.raises(SourceUnavailable, match="start_timestamp"),
    ):
        await HttpSeries(f"{url}/prices").fetch()


async def test_pushed_readings_come_out_in_order_and_the_oldest_make_room():
    meter = PushedMeter()
    for amperes in range(100):
        meter.push(NOON, [amperes, 0, 0])
    readings = meter.readings()
    assert (await anext(readings)).phases[0] == 36.0
    assert (await anext(readings)).phases[0] == 37.0
    with pytest.raises(InputInvalid):
        meter.push(NOON, [1.0])


def event(*intervals, start="2026-03-02T12:00:00Z", duration="PT1H"):
    return {
        "intervalPeriod": {"start": start, "duration": duration},
        "intervals": [
            {"id": n, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [kilowatts]}]}
            for n, kilowatts in enumerate(intervals)
        ],
    }


def test_intervals_of_an_event_follow_each_other():
    first, second = dimmings(event(40, 20), "top")
    assert (first.most, first.since, first.until) == (40_000.0, NOON, NOON + HOUR)
    assert (second.most, second.since) == (20_000.0, NOON + HOUR)


def test_payloads_that_are_no_limits_are_passed_over():
    priced = event(1)
    priced["intervals"][0]["payloads"][0]["type"] = "PRICE"
    assert list(dimmings(priced, "top")) == []


async def test_a_ven_signs_in_and_asks_for_its_programs_events():
    answers = {
        ("POST", "/auth/token"): ("application/json", '{"access_token": "abc"}'),
        ("GET", "/events"): ("application/json", json.dumps([event(40)])),
    }
    with served(answers) as (url, heard):
        found = await OpenAdr(
            url, "top", client_id="ven", client_secret="made up", program="dimming"
        ).events()
    assert [each.most for each in found] == [40_000.0]
    assert heard[0][3] == "grant_type=client_credentials&client_id=ven&client_secret=made+up"
    assert heard[1][1] == "/events?programID=dimming"
    assert {k.lower(): v for k, v in heard[1][2].items()}["authorization"] == "Bearer abc"


async def test_a_meter_is_read_by_modbus():
    from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import ModbusTcpServer

    words = [word for value in (10.5, 11.0, -3.25) for word in struct.unpack(">2H", struct.pack(">f", value))]
    block = ModbusSequentialDataBlock(1, words + [0] * 10)
    context = ModbusServerContext(devices=ModbusDeviceContext(hr=block), single=True)
    port = free_port()
    server = ModbusTcpServer(context, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        readings = ModbusMeter("127.0.0.1", (0, 2, 4), port=port, clock=lambda: NOON).readings()
        reading = await asyncio.wait_for(anext(readings), 5)
        await readings.aclose()
    finally:
        await server.shutdown()
    assert reading.phases == (10.5, 11.0, -3.25)
    assert reading.at == NOON


async def test_a_modbus_meter_that_is_not_there_is_said_so():
    with pytest.raises(SourceUnavailable, match="no connection"):
        await anext(ModbusMeter("127.0.0.1", (0, 2, 4), port=free_port()).readings())


@pytest.fixture
def broker(tmp_path):
    """The NATS server speaks MQTT, too."""
    port = free_port()
    config = tmp_path / "nats.conf"
    store = json.dumps(str(tmp_path / "js"))
    config.write_text(
        f"server_name: test\nhost: 127.0.0.1\nport: {free_port()}\njetstream {{ store_dir: {store} }}\n"
        f"mqtt {{ host: 127.0.0.1, port: {port} }}\n"
    )
    program = Path(sys.executable).parent / "nats-server"
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    wait_for(port)
    yield port
    process.terminate()
    process.wait()


async def test_a_meter_is_heard_on_mqtt(broker):
    import aiomqtt

    readings = MqttMeter("127.0.0.1", ("site/meter",), port=broker, clock=lambda: NOON).readings()
    coming = asyncio.create_task(anext(readings))
    async with aiomqtt.Client("127.0.0.1", port=broker) as client:
        while not coming.done():
            await client.publish("site/meter", json.dumps({"l1": 1.5, "l2": 2, "l3": 3}))
            await asyncio.wait({coming}, timeout=0.1)
    reading = await coming
    await readings.aclose()
    assert reading.phases == (1.5, 2.0, 3.0)


def test_three_topics_make_a_reading_when_all_are_new():
    meter = MqttMeter("broker", ("a", "b", "c"), clock=lambda: NOON)
    assert meter.heard("a", b"1") is None
    assert meter.heard("b", b"2") is None
    assert meter.heard("c", b"3").phases == (1.0, 2.0, 3.0)
    assert meter.heard("c", b"4") is None


@pytest.mark.parametrize(
    "payload", [b"", b"soon", b"{}", b"[1, 2]", b"null", b'{"l1": "x", "l2": 1, "l3": 2}']
)
def test_messages_that_are_no_reading_are_passed_over(payload):
    assert MqttMeter("broker", ("a",)).heard("a", payload) is None


async def test_the_simulated_meter_is_a_meter():
    reading = await anext(SimulatedMeter(clock=lambda: NOON).readings())
    assert reading.at == NOON
    assert reading.phases[0] == pytest.approx(28.0)


@pytest.mark.parametrize("kind", list(ports.SOURCES))
def test_every_row_of_the_table_leads_to_a_source(kind):
    settings = {
        "csv": {"path": "prices.csv"}, "daily": {"values": [0.3] * 24}, "http": {"url": "http://127.0.0.1/"}, "http_push": {},
        "modbus": {"host": "meter", "registers": (0, 2, 4)}, "mqtt": {"host": "broker", "topics": ("a",)},
        "openadr": {"url": "http://127.0.0.1/", "circuit": "top"}, "simulated": {},
    }[kind]  # fmt: skip
    assert ports.source(kind, **settings) is not None


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(SourceUnknown, match="modbus"):
        ports.source("telepathy")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.05)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("the broker did not come up")
