"""Every station comes back at once: TLS, password, claim, boot. How long until all are served?

As many as the machine's limit of open files allows, up to 10,000; they come from eight loopback addresses, so ports suffice.
"""

import asyncio
import resource
import time

import uvloop

from gridlane.bench.installed import Installed, installed
from gridlane.bench.station_load import Load, only_boot, percentile
from gridlane.bench.table import CouldNotRun, Options, Row, Table

STATIONS, QUICK_STATIONS, FILES_TO_SPARE = 10_000, 500, 600
SERVED_SECONDS, BOOT_MILLISECONDS = 60.0, 5_000.0
PATIENCE = 300.0


def run(options: Options) -> Table:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(QUICK_STATIONS if options.quick else STATIONS, files - FILES_TO_SPARE)
    with installed(count, profile=2) as made:
        rows = uvloop.run(_storm(made, count))
    remarks = (
        f"{count} stations with TLS 1.3 and Basic, none backs off; files allowed per process: {files}",
    )
    return Table("storm", rows, options, remarks)


async def _storm(made: Installed, count: int) -> list[Row]:
    load = Load(made.port, "ocpp1.6", made.tls)
    before, began = made.cost(), time.perf_counter()
    await load.storm(range(count), lambda meter: only_boot("ocpp1.6", meter))
    connected = time.perf_counter() - began
    try:
        async with asyncio.timeout(PATIENCE):
            await load.until_said(count)
    except TimeoutError:
        missing = count - load.log.calls
        raise CouldNotRun(f"{missing} of {count} stations were not served in {PATIENCE:g} s") from None
    served, spent = time.perf_counter() - began, made.cost().since(before)
    ((known,),) = made.rows("SELECT count(*) FROM stations WHERE connected AND booted_at IS NOT NULL")
    await load.leave()
    if known != count:
        raise CouldNotRun(f"{count} boots were answered, {known} are stored")
    times = load.log.times
    return [
        Row("stations that came back at once", count),
        Row("all connected", connected, "s"),
        Row("knocks in vain meanwhile", load.refused),
        Row("all served: boot answered after its commit", served, "s", at_most=SERVED_SECONDS),
        Row("boot answer, p50", percentile(times, 0.5), "ms"),
        Row("boot answer, p99", percentile(times, 0.99), "ms", at_most=BOOT_MILLISECONDS),
        Row("gateway, CPU per station served", spent.gateway / count * 1e3, "ms"),
        Row("database, CPU per station served", spent.database / count * 1e3, "ms"),
    ]
