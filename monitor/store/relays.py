"""Table relays: how each mail server did last, for every process that sends through it."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from monitor.model.mail import RelayState
from monitor.store.dialects import clean
from monitor.store.tables import relays
from monitor.texts import changed, kept, revived


def state(tx: Connection, server: str) -> RelayState | None:
    """Return how a mail server, as host:port, did last; None when nothing was sent through it yet."""
    row = tx.execute(_STATE, {"server": server}).one_or_none()
    return RelayState(**{**row._mapping, "reason": revived(row.reason)}) if row else None


def spared(tx: Connection, server: str, settings: str, now: datetime) -> RelayState | None:
    """Return how a mail server did that is not tried before some later instant; None for one that may be tried."""
    found = state(tx, server)
    if found is None or found.settings != settings:
        return None
    return found if found.next_probe_at and found.next_probe_at > now else None


def save(tx: Connection, state: RelayState) -> None:
    """Store the whole state of a mail server."""
    values = {
        "server": state.server,
        "settings": state.settings,
        "failures": state.failures,
        "login_refusals": state.login_refusals,
        "since": state.since,
        "next_probe_at": state.next_probe_at,
        "reason": kept(changed(state.reason, clean)),
    }
    if not tx.execute(update(relays).where(relays.c.server == state.server).values(values)).rowcount:
        tx.execute(insert(relays).values(values))


def probe_now(tx: Connection, server: str, now: datetime) -> None:
    """Let a mail server that is being spared be tried at once."""
    tx.execute(
        update(relays)
        .where(relays.c.server == server, relays.c.next_probe_at > now)
        .values(next_probe_at=now)
    )


_STATE = select(relays).where(relays.c.server == bindparam("server"))  # asked twice for each mail: made once
