"""Register a configuration in the database: its feeds, its subscriptions, and the version of its rules."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.addresses import parse_mailbox
from monitor.config.options import Config, Subscription
from monitor.config.values import in_words
from monitor.feeds.pace import after_edit, settings_of
from monitor.jobs.demand import readers_of
from monitor.jobs.lapse import lapse_absent
from monitor.jobs.suppress import lift_after_edit
from monitor.loaded import LoadedConfig
from monitor.model.digests import Registered
from monitor.model.feeds import RegisteredFeed
from monitor.model.notices import NoticeKind
from monitor.store import (
    choices,
    digests,
    feeds,
    notices,
    outbox,
    owed,
    recipients,
    relays,
    rulesets,
    subscriptions,
)
from monitor.store.database import Connection
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A subscription as config.toml has it."""

    name: str
    schedule: str  # as in Registered
    recipients: frozenset[str]  # addresses of the envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened to the subscriptions since the database saw a configuration last."""

    renamed: tuple[Registered, str] | None = None  # with its new name
    new: tuple[Wanted, ...] = ()
    gone: tuple[Registered, ...] = ()
    back: tuple[Registered, ...] = ()  # before they lapsed: they go on
    anew: tuple[Registered, ...] = ()  # after they lapsed: they begin anew
    left: Mapping[str, frozenset[str]]  # by the key of a subscription that stays: who receives it no more
    respelled: Mapping[str, Mapping[str, str]]  # by key: an address to the same one in other letters


def register(tx: Connection, loaded: LoadedConfig, now: datetime) -> list[str]:
    """Make the feeds, subscriptions and rules of a configuration known to the database.

    Mails to whom it has no more are held from here on. Return what changed for feeds and subscriptions, in sentences.
    """
    sentences = _register_feeds(tx, {feed.url: feed.name for feed in loaded.config.feeds}, now)
    _forgive_paused_feeds(tx, loaded.config, now)
    _reschedule_feeds(tx, loaded.config, now)
    _make_mails_due(tx, loaded, now)
    sentences += _register_subscriptions(tx, list(map(wanted, loaded.config.subscriptions)), now)
    record_rules(tx, loaded, now)
    lift_after_edit(tx, loaded.content_hash, now)
    for kind in NoticeKind:  # a server that mail no longer goes to is no trouble
        if kind.telling.stops_mail:
            notices.clear_others(tx, kind, loaded.config.smtp.server, now)
    return sentences


def register_again(tx: Connection, loaded: LoadedConfig, now: datetime) -> list[str]:
    """Register the subscriptions of a configuration in force again, where another one was registered since."""
    in_file = [wanted(subscription) for subscription in loaded.config.subscriptions]
    registered = [each for each in subscriptions.registered(tx) if each.gone_at is None]
    known = {(each.name, each.schedule, each.recipients) for each in registered}
    if known == {(each.name, each.schedule, each.recipients) for each in in_file}:
        return []
    return _register_subscriptions(tx, in_file, now)


def record_rules(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Record the rules of a configuration as a version, so that it can be put back."""
    rulesets.record(tx, fingerprint=loaded.rules.fingerprint, text=loaded.rule_text, now=now)


def wanted(subscription: Subscription) -> Wanted:
    """Return what is registered of a subscription in config.toml."""
    times = [f"{at:%H:%M:%S}" for at in subscription.at]
    every = in_words(subscription.every) if subscription.every is not None else ""
    days = [str(day) for day in subscription.days]
    return Wanted(
        name=subscription.name,
        schedule=f"at={','.join(times)} every={every} days={','.join(days)} timezone={subscription.timezone}",
        recipients=frozenset(parse_mailbox(to).address for to in subscription.to),
    )


def compare(before: Sequence[Registered], wanted: Sequence[Wanted]) -> Changes:
    """Return what happened between the configuration that was registered last and this one.

    When exactly one subscription went and one came, with the same recipients and schedule, it was renamed.
    """
    known, names = {each.name: each for each in before}, {each.name for each in wanted}
    gone = tuple(each for each in before if each.gone_at is None and each.name not in names)
    new = tuple(each for each in wanted if each.name not in known)
    in_file = [known[each.name] for each in wanted if each.name in known]
    anew = tuple(each for each in in_file if each.lapsed)
    came = [*new, *(each for each in wanted if each.name in {lapsed.name for lapsed in anew})]
    renamed = None
    stayed = [
        (known[each.name], each) for each in wanted if each.name in known and not known[each.name].gone_at
    ]
    if len(gone) == len(came) == 1 and _is_same(gone[0], came[0]):
        renamed = (gone[0], came[0].name)
        stayed.append((gone[0], came[0]))
        gone, new, anew = (), (), ()
    respelled = {each.key: _respelled(each.recipients, now.recipients) for each, now in stayed}
    return Changes(
        renamed=renamed,
        new=new,
        gone=gone,
        back=tuple(each for each in in_file if each.gone_at and not each.lapsed),
        anew=anew,
        left={
            each.key: each.recipients - now.recipients - respelled[each.key].keys() for each, now in stayed
        },
        respelled=respelled,
    )


def _is_same(before: Registered, now: Wanted) -> bool:
    """Return whether schedule and recipients are the same, capitals of addresses aside."""
    keys = {_mailbox_key(address) for address in before.recipients}
    return before.schedule == now.schedule and keys == {_mailbox_key(address) for address in now.recipients}


def _respelled(before: Collection[str], now: Collection[str]) -> dict[str, str]:
    """Return the addresses that have other capitals now: mail servers take them for the same."""
    spellings = {_mailbox_key(address): address for address in now}
    return {
        address: spellings[_mailbox_key(address)]
        for address in before
        if address not in now and _mailbox_key(address) in spellings
    }


def _mailbox_key(address: str) -> str:
    try:
        return parse_mailbox(address).key
    except ValueError:  # queued by an earlier version, which took more for an address
        return address


def moves(before: Sequence[RegisteredFeed], names: Mapping[str, str]) -> list[tuple[RegisteredFeed, str]]:
    """Return the feeds that may have moved, each with its new url: of one name, with a url that nothing had yet.

    `names` are those in config.toml by url.
    """
    known = {feed.url for feed in before}
    left = [feed for feed in before if feed.visited and feed.url not in names]
    moved = []
    for url, name in names.items():
        namesakes = [feed for feed in left if feed.name == name]
        if namesakes and url not in known:
            moved.append((max(namesakes, key=lambda feed: (feed.visited, feed.key)), url))
    return moved


def _register_feeds(tx: Connection, names: Mapping[str, str], now: datetime) -> list[str]:
    registered = feeds.registered(tx)
    moved = moves(registered, names)
    for feed, url in moved:
        feeds.move(tx, feed, url, now)
    for feed in registered:  # what was told of its old url is no trouble any more
        if feed.url not in names:
            feeds.ask_again(tx, feed.key)
            notices.clear(tx, NoticeKind.FEED_GONE, feed.key, now)
            notices.clear(tx, NoticeKind.FEED_MOVED, feed.key, now)
    feeds.sync(tx, list(names), now)
    named = {feed.url: feed.name for feed in registered}
    feeds.set_names(tx, {url: name for url, name in names.items() if named.get(url) != name})
    return [
        sentence("{name} has a new url: the next visit tells whether it is the same feed", name=feed.name)
        for feed, _ in moved
    ]


def _forgive_paused_feeds(tx: Connection, config: Config, now: datetime) -> None:
    """Let a paused feed that was gone be no trouble; once it is polled again, it is asked."""
    for url in [feed.url for feed in config.feeds if not feed.enabled]:
        registered = feeds.at(tx, url)
        if registered and notices.clear(tx, NoticeKind.FEED_GONE, registered.key, now):
            feeds.ask_again(tx, registered.key)


def _reschedule_feeds(tx: Connection, config: Config, now: datetime) -> None:
    """Poll feeds by the settings that config.toml has now: at once, or at another time, where an edit concerns them."""
    by_url, readers = {feed.url: feed for feed in config.feeds}, readers_of(config)
    before = feeds.settings(tx, list(by_url))
    wanted = {url: settings_of(feed, config.fetch, readers[url].text) for url, feed in by_url.items()}
    changed = {url: settings for url, settings in wanted.items() if before[url] != settings}
    for state in feeds.states(tx) if changed else ():
        url = state.feed_url
        if settings := changed.get(url):
            after = after_edit(
                state,
                before[url],
                settings,
                feed=by_url[url],
                demand=readers[url].demand(now),
                options=config.fetch,
                now=now,
            )
            feeds.change_settings(tx, after, settings)


def _make_mails_due(tx: Connection, loaded: LoadedConfig, now: datetime) -> None:
    """Make the waiting mails due where another server, or another way to this one, is what they wait for."""
    server = loaded.config.smtp.server
    if not server:
        return
    relay = relays.state(tx, server)
    if relay and relay.settings != loaded.smtp_hash:
        outbox.make_due(tx, now)
    else:
        outbox.make_due(tx, now, other_than=server)


def _register_subscriptions(tx: Connection, wanted: Sequence[Wanted], now: datetime) -> list[str]:
    before = subscriptions.registered(tx)
    changes = compare(before, wanted)
    came = {each.name for each in changes.new} | {each.name for each in changes.anew}
    if changes.renamed:
        _rename(tx, *changes.renamed, before, now)
    for gone in changes.gone:
        subscriptions.mark_gone(tx, gone.key, now)
        recipients.leave_all(tx, gone.key, now)
    for lapsed in changes.anew:
        _begin_anew(tx, lapsed.key, now)
    known: dict[str, set[str]] = {}
    for key, addresses in changes.respelled.items():
        new = recipients.new(tx, key)
        for old, address in addresses.items():
            recipients.forget(tx, key, old)
            if old not in new:
                known.setdefault(key, set()).add(address)
            owed.add(tx, key, address, owed.of(tx, key).get(old, {}), now)
            owed.drop(tx, key, old)
    subscriptions.sync(tx, [each.name for each in wanted], now)
    keys = {state.name: state.key for state in subscriptions.states(tx)}
    subscriptions.set_schedules(tx, {keys[each.name]: each.schedule for each in wanted})
    present = {keys[each.name]: each.recipients for each in wanted}
    for name, of_name in _known(before, changes, wanted).items():
        known.setdefault(keys[name], set()).update(of_name)
    for key, in_file in present.items():
        recipients.sync(tx, key, in_file, now, known=known.get(key, ()))
    _register_unknown_recipients(tx, present, now)
    inherited = _inherit_choices(
        tx, [each for each in wanted if each.name in came], _went(changes, before), keys, now
    )
    lapse_absent(tx, now)
    held = outbox.hold_unwanted(tx, now)
    outbox.release_wanted(tx, now)
    return [*_sentences(changes, before, held), *inherited]


def _inherit_choices(
    tx: Connection, came: Sequence[Wanted], went: Sequence[Registered], keys: Mapping[str, str], now: datetime
) -> list[str]:
    """Let who has left a subscription that went get nothing of one that came: it may be the same under a new name.

    Nobody can tell. Mail to who has left is worse than none to who may have to be asked.
    """
    sentences: list[str] = []
    for new in came:
        for old in went:
            count = choices.inherit(tx, old.key, keys[new.name], new.recipients, now)
            if not count:
                continue
            told = sentence(
                "{name}: 1 recipient had left or paused {old}, and gets nothing of it",
                name=new.name,
                old=old.name,
            )
            if count > 1:
                told = sentence(
                    "{name}: {number} recipients had left or paused {old}, and get nothing of it",
                    name=new.name,
                    number=count,
                    old=old.name,
                )
            sentences.append(told)
    return sentences


def _went(changes: Changes, before: Sequence[Registered]) -> list[Registered]:
    """Return the subscriptions that went, in this edit or lately, and are not back."""
    went = [*changes.gone, *(each for each in before if each.gone_at and not each.lapsed)]
    return [each for each in went if each not in changes.back]


def _known(
    before: Sequence[Registered], changes: Changes, wanted: Sequence[Wanted]
) -> dict[str, frozenset[str]]:
    """Return, by the name of a subscription, who receives it already though the database does not know him.

    That are all of one that an earlier version of monitor has mailed, and those of a new one who received another one
    until lately: it may be the same.
    """
    unregistered = {each.name for each in before if not each.schedule and not each.gone_at}
    gone = [*changes.gone, *(each for each in before if each.gone_at and not each.lapsed)]
    moved = {_mailbox_key(address) for each in gone for address in each.recipients}
    new = {each.name for each in changes.new}
    return {
        each.name: frozenset(
            address
            for address in each.recipients
            if each.name in unregistered or (each.name in new and _mailbox_key(address) in moved)
        )
        for each in wanted
    }


def _rename(tx: Connection, old: Registered, name: str, before: Sequence[Registered], now: datetime) -> None:
    """Give a subscription its new name; of one that had this name and has lapsed it gets the history."""
    for namesake in before:
        if namesake.name == name:
            _begin_anew(tx, namesake.key, now)
            subscriptions.merge(tx, namesake.key, into=old.key)
    subscriptions.rename(tx, old.key, name)


def _begin_anew(tx: Connection, key: str, now: datetime) -> None:
    subscriptions.begin_anew(tx, key, now)
    digests.drop_all_backfill(tx, key)


def _register_unknown_recipients(
    tx: Connection, present: Mapping[str, Collection[str]], now: datetime
) -> None:
    """Record as gone whom an earlier version of monitor has queued a mail for, and config.toml does not have."""
    unknown: dict[str, set[str]] = {}
    spellings = {key: set(map(_mailbox_key, addresses)) for key, addresses in present.items()}
    for key, recipient in outbox.recipients_unsent(tx):
        if _mailbox_key(recipient) not in spellings.get(key, ()):
            unknown.setdefault(key, set()).add(recipient)
    for key, addresses in unknown.items():
        recipients.add_left(tx, key, addresses, now)


def _sentences(changes: Changes, before: Sequence[Registered], held: Mapping[str, int]) -> Iterator[str]:
    if changes.renamed:
        old, name = changes.renamed
        yield sentence(
            "{old} is called {new} now: its history and what waits for it go along", old=old.name, new=name
        )
    for each in changes.gone:
        is_gone = sentence("{name} is gone", name=each.name)
        yield sentence(
            "{what}. Back within a day, it goes on where it was", what=_held(is_gone, held, each.key)
        )
    for each in changes.back:
        yield sentence("{name} is back, and goes on where it was", name=each.name)
    for each in changes.anew:
        yield sentence("{name} is back after more than a day, and begins anew", name=each.name)
    candidates = _went(changes, before)
    for new in changes.new if candidates else ():
        same = [each.name for each in candidates if _is_same(each, new)]
        names = same if len(same) == 1 else [each.name for each in candidates]
        old_name = names[0] if len(names) == 1 else "OLD"
        command = f"monitor subscriptions rename {shlex.quote(old_name)} {shlex.quote(new.name)}"
        yield sentence(
            "{name} is new, and begins now. If it is an earlier one under another name: {command}",
            name=new.name,
            command=command,
        )
    for each in before:
        if count := len(changes.left.get(each.key, ())):
            left = sentence("{name}: 1 recipient has left", name=each.name)
            if count > 1:
                left = sentence("{name}: {number} recipients have left", name=each.name, number=count)
            yield sentence(
                "{what}. Who is back within a day misses nothing", what=_held(left, held, each.key)
            )


def _held(what: str, held: Mapping[str, int], key: str) -> str:
    """Return what happened to a subscription, with how many of its mails are held from now on."""
    if not (count := held.get(key, 0)):
        return what
    if count == 1:
        return sentence("{what}: 1 mail held, and cancelled after a day", what=what)
    return sentence("{what}: {number} mails held, and cancelled after a day", what=what, number=count)
