"""Table services: the heartbeat of each running service."""

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, inspect, or_, select, update

from monitor.errors import StoreError
from monitor.model.services import RunningService
from monitor.store import schema
from monitor.store.dialects import insert_missing
from monitor.store.processes import is_gone
from monitor.store.tables import services
from monitor.texts import sentence

_SILENT = timedelta(minutes=1)  # six beats: it may still be there, but does not work
_STALE = timedelta(minutes=5)  # without a beat: it was killed, or its clock was far off
_FORGOTTEN = timedelta(days=1)


def beat(tx: Connection, service: RunningService) -> None:
    """Write that a service runs, and delete the rows of those that do not.

    Raises SchemaError when the tables are not those of this version any more.
    """
    schema.check(tx)
    values = asdict(service)
    if not tx.execute(update(services).where(services.c.id == service.id).values(values)).rowcount:
        insert_missing(tx, services, [values])
    earliest, latest = service.beat_at - _STALE, service.beat_at + _STALE
    stale = or_(services.c.beat_at < earliest, services.c.beat_at > latest, services.c.ended_at.is_not(None))
    tx.execute(delete(services).where(services.c.id != service.id, stale))


def end(tx: Connection, service_id: str, now: datetime) -> None:
    """Record that a service was told to stop."""
    tx.execute(update(services).where(services.c.id == service_id).values(ended_at=now))


def forget(tx: Connection, now: datetime) -> None:
    """Delete the rows of services that have not run for a day: the work is done without one by now."""
    tx.execute(delete(services).where(services.c.beat_at < now - _FORGOTTEN))


def newest(tx: Connection) -> RunningService | None:
    """Return the service that has beaten last, whether it still runs or not; None where there was none."""
    row = tx.execute(select(services).order_by(services.c.beat_at.desc()).limit(1)).one_or_none()
    return None if row is None else RunningService(**row._asdict())


def end_all(tx: Connection) -> None:
    """Delete all rows: this is a copy of a database, on which no service runs."""
    tx.execute(delete(services))


def running(tx: Connection) -> list[RunningService]:
    """Return the services whose heartbeat stands, the longest running first."""
    query = select(services).where(services.c.ended_at.is_(None))
    return [
        RunningService(**row._asdict())
        for row in tx.execute(query.order_by(services.c.started_at, services.c.id))
    ]


def beating(tx: Connection, now: datetime) -> list[RunningService]:
    """Return the services that have beaten within a minute and are not seen to be gone, the longest running first."""
    return [
        service
        for service in running(tx)
        if _beats(service.beat_at, now) and not is_gone(service.host, service.pid)
    ]


def require_none(tx: Connection, now: datetime, *, database: str) -> None:
    """Raise StoreError while a service runs on a database, which is called `database` there.

    Its tables may be missing, or of an earlier version: those told nothing of a service that was told to stop, and
    have all else that is asked for here.
    """
    inspector = inspect(tx)
    if not inspector.has_table(services.name):
        return
    query = select(services.c.pid, services.c.host, services.c.beat_at).order_by(services.c.started_at)
    if any(column["name"] == services.c.ended_at.name for column in inspector.get_columns(services.name)):
        query = query.where(services.c.ended_at.is_(None))
    for row in tx.execute(query):
        if _beats(row.beat_at, now) and not is_gone(row.host, row.pid):
            raise StoreError(
                sentence(
                    "{database}: a service runs on it, process {pid} on {host}. Stop it first (systemctl stop "
                    "monitor); one that was killed on another machine is taken to run for another minute",
                    database=database,
                    pid=row.pid,
                    host=row.host,
                )
            )


def _beats(beat_at: datetime, now: datetime) -> bool:
    return abs(now - beat_at) <= _SILENT
