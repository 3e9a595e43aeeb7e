"""The worker role: jobs, the dispatcher of facts, and what a dead gateway left behind."""

import asyncio
import signal
from functools import partial

import structlog

from gridlane.accounts.inbox import NewsWritten
from gridlane.accounts.mail import MailWritten
from gridlane.accounts.privacy import ArchiveAsked
from gridlane.accounts.push import Pusher
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.accounts.upkeep import Upkeep
from gridlane.app import handlers
from gridlane.app.answerers import answerers
from gridlane.app.facts import Dispatcher, Listener
from gridlane.app.personal import RETENTION, SHARES
from gridlane.billing import consequences as money
from gridlane.billing.limit_watch import LimitWatch
from gridlane.billing.parts import parts_of
from gridlane.campaigns.configuration import TemplateWatch
from gridlane.campaigns.firmware import Stepper
from gridlane.charging import loading, local_lists, silence
from gridlane.charging.housekeeping import Housekeeping as ReadingsHousekeeping
from gridlane.energy.control import Control
from gridlane.insight.rolling_up import RollUp
from gridlane.insight.scheduling import Desk
from gridlane.kernel import audit, retention
from gridlane.kernel import bus as buses
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.jobs import Job, Jobs
from gridlane.kernel.settings import Settings
from gridlane.maintenance import alerting, health, watching
from gridlane.maintenance.alerting import Alerting
from gridlane.maintenance.watching import Watch
from gridlane.planning.working import Planner
from gridlane.stations import certificate_expiry, customers, uploads
from gridlane.stations.absent import Caretaker
from gridlane.stations.housekeeping import Housekeeping
from gridlane.support import noticing
from gridlane.waiting.charging_for import bill_reservations
from gridlane.waiting.keeper import Keeper
from gridlane.waiting.learning import learn
from gridlane.waiting.plug_models import learn_plugs

log = structlog.get_logger(__name__)


def listeners(database: Database, settings: Settings, bus: buses.Bus) -> list[Listener]:
    """Who hears of each fact."""
    accounts = Upkeep(database, settings, SHARES)
    billing = _billing(database, settings, bus)
    helping = _helping(database, settings, bus)
    alarms = Alerting(database, settings, bus)
    return [
        Listener("accounts.send_mail", MailWritten, accounts.send_mail),
        Listener("accounts.make_archive", ArchiveAsked, accounts.make_archive),
        Listener("accounts.push_news", NewsWritten, Pusher(database, settings, system_clock).news_written),
        *(Listener(row.name, row.fact, partial(row.handle, billing)) for row in money.LISTENERS),
        *(Listener(row.name, row.fact, alarms.tell) for row in alerting.LISTENERS),
        *(Listener(row.name, row.fact, partial(row.handle, helping)) for row in noticing.LISTENERS),
    ]


def _billing(database: Database, settings: Settings, bus: buses.Bus) -> money.Consequences:
    return money.Consequences(database, bus, parts_of(settings, database, bus), system_clock)


def _helping(database: Database, settings: Settings, bus: buses.Bus) -> noticing.Consequences:
    return noticing.Consequences(database, parts_of(settings, database, bus), system_clock)


def periodic(database: Database, settings: Settings, bus: buses.Bus) -> list[Job]:
    """Work that comes round by itself (five fields of cron, UTC)."""
    housekeeping = Housekeeping(database, settings)
    readings = ReadingsHousekeeping(database, settings)
    billing = _billing(database, settings, bus)
    roll_up = RollUp(database, settings)
    reports = Desk(database, settings)
    templates = TemplateWatch(database, bus)
    helping = _helping(database, settings, bus)

    async def seal_audit() -> None:
        async with database.as_owner() as work:
            await audit.seal(work)

    async def forget_uploads() -> None:
        await uploads.forget_old(database, settings, system_clock())

    async def renew_certificates() -> None:
        await certificate_expiry.renew(database, bus, system_clock())

    async def keep_local_lists() -> None:
        if settings.local_lists:
            cipher = TokenCipher(settings.secret(SECRET))
            await local_lists.keep_in_step(database, bus, cipher, system_clock())

    async def forget_customers() -> None:
        await customers.forget_old(database, system_clock())

    async def count_links() -> None:
        await health.count_links(database, system_clock())

    async def forget_what_is_old() -> None:
        await retention.forget(database, settings, RETENTION, system_clock())

    async def forget_faults() -> None:
        await watching.forget(database, system_clock())

    return [
        *Upkeep(database, settings, SHARES).jobs(),
        Job("retention.forget", forget_what_is_old, cron="10 2 * * *"),
        Job("audit.seal", seal_audit, cron="* * * * *"),
        Job(
            "waiting.bill_reservations",
            partial(bill_reservations, database, parts_of(settings, database, bus).payments, system_clock),
            cron="*/5 * * * *",
        ),
        Job("waiting.learn", partial(learn, database, system_clock), cron="40 2 * * *"),
        Job("waiting.learn_plugs", partial(learn_plugs, database, system_clock), cron="45 2 * * *"),
        Job("stations.partitions", housekeeping.make_partitions, cron="10 * * * *"),
        Job("stations.expire_operations", housekeeping.expire_operations, cron="* * * * *"),
        Job("stations.forget", housekeeping.forget_old, cron="20 3 * * *"),
        Job("stations.expire_reservations", housekeeping.expire_reservations, cron="* * * * *"),
        Job("stations.renew_certificates", renew_certificates, cron="40 4 * * *"),
        Job("stations.forget_customers", forget_customers, cron="5 * * * *"),
        Job("stations.forget_uploads", forget_uploads, cron="25 3 * * *"),
        Job("stations.forget_strangers", housekeeping.forget_strangers, cron="25 3 * * *"),
        Job("charging.local_lists", keep_local_lists, cron="* * * * *"),
        Job("maintenance.remind", Alerting(database, settings, bus).remind, cron="* * * * *"),
        Job("maintenance.links", count_links, cron="40 * * * *"),
        Job("maintenance.forget", forget_faults, cron="35 3 * * *"),
        Job("charging.partitions", readings.make_partitions, cron="15 1 * * *"),
        Job("charging.forget", readings.forget_old, cron="30 3 * * *"),
        Job("campaigns.step", Stepper(database, bus).run, cron="* * * * *"),
        Job("campaigns.ask_configuration", templates.ask_all, cron="10 1 * * *"),
        Job("campaigns.mend_configuration", templates.mend_all, cron="40 2 * * *"),
        Job("insight.reports", reports.make_due, cron="*/10 * * * *"),
        Job("insight.forget_reports", reports.forget_old, cron="5 4 * * *"),
        Job("insight.roll_up", roll_up.recent, cron="*/5 * * * *"),
        Job("insight.roll_up_late", roll_up.late, cron="50 2 * * *"),
        Job("insight.forget", roll_up.forget_old, cron="55 3 * * *"),
        *(Job(row.name, partial(row.work, billing), cron=row.cron) for row in money.JOBS),
        *(Job(row.name, partial(row.work, helping), cron=row.cron) for row in noticing.JOBS),
    ]


def run(settings: Settings) -> None:
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    assert settings.database_url is not None
    url = settings.database_url
    database = Database(url, settings.database_app_url)
    bus = await buses.connect(settings.nats_url)
    keeper = Keeper(database, bus, TokenCipher(settings.secret(SECRET)), system_clock)
    jobs = Jobs(url)
    for job in periodic(database, settings, bus):
        jobs.register(job)
    dispatcher = Dispatcher(database, bus, jobs, listeners(database, settings, bus))
    caretaker = Caretaker(
        owner_url=url,
        node=f"worker-{new_id()}",
        clock=system_clock,
        handlers=handlers.table(),
        answerers=answerers(settings, url),
        load_charging=loading.load,
        overdue=silence.overdue,
    )
    watch = Watch(database, bus)
    control = Control(database, bus, system_clock, f"worker-{new_id()}")
    await Housekeeping(database, settings).make_partitions()
    await ReadingsHousekeeping(database, settings).make_partitions()
    await jobs.open()
    tasks = [
        asyncio.create_task(keeper.run(), name="queues"),
        asyncio.create_task(LimitWatch(database, bus, system_clock).run(), name="limits"),
        asyncio.create_task(jobs.run_worker(), name="jobs"),
        asyncio.create_task(dispatcher.run(), name="facts"),
        asyncio.create_task(caretaker.run(), name="caretaker"),
        asyncio.create_task(watch.run(), name="watch"),
        asyncio.create_task(control.run(), name="power"),
        asyncio.create_task(Planner(database, bus).run(), name="planner"),
    ]
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    until_told = asyncio.create_task(_wait(told), name="until told")
    done, _ = await asyncio.wait([*tasks, until_told], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await jobs.close()
    await database.close()
    await bus.close()
    for ended in done:
        ended.result()  # what ended by itself says why


async def _wait(told: asyncio.Event) -> None:
    await told.wait()
