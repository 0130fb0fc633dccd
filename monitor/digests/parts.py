"""Split a digest into the mails that hold it: one where it fits, at most three; the rest is left to the next digest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.digests.room import RenderDigest, excess, fullness
from monitor.errors import DigestError
from monitor.model.digests import Digest, Item, Section
from monitor.model.mail import Rendered

MOST_PARTS = 3

# Items shown whole. One mail of 20 whole items and many titles is preferred to two mails. Where there are several mails
# anyway, the first shows 60 whole; or 20, when more find room so.
_WHOLE_IN_ONE = (60, 45, 30, 20)
_WHOLE_IN_FIRST = (60, 20)
_LESS_WHOLE = (45, 30, 20, 10, 5, 2, 1, 0)  # where so many whole ones alone are too large
_MOST_IN_ONE = 500  # items; more never fit one mail, and are not tried
_TITLES = 150  # tried first; more are tried when they fit
_FILLED = 0.9  # of the limit: a mail as full as this is not filled further
_AIM = 0.96  # what estimates aim at
# Lines that depend on how many parts there are, and on how much is left, are rendered once that is known.
_ROOM = 0.98
_FAR_TOO_LARGE = 1.5  # times the limit: to show fewer items whole does not help
_ESTIMATES = 3  # of how many titles fit; then the number is bisected


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One mail's content: the items that it shows, and how it looks."""

    digest: Digest
    rendered: Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A digest in parts, and the items for which there was no room."""

    parts: tuple[Part, ...]
    left: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """An item, and where it stands in the digest."""

    section: int
    item: Item
    may_be_whole: bool


@dataclass(frozen=True, slots=True)
class _Content:
    """The items of one mail: shown whole, and by title."""

    whole: Sequence[_Place]
    titles: Sequence[_Place]


def split(digest: Digest, render: RenderDigest) -> Parts:
    """Return the mails that hold a digest, and what is left beyond the third, besides what was left before.

    Every item of a mail stands in it with title and link. Sections share the room: the first items of each come first,
    before them what is owed, and last what is known. Raises DigestError when a template fails, or makes too much of a
    single title.
    """
    order = _order(digest.sections)
    ideal = sum(place.may_be_whole for place in order)
    levels = _WHOLE_IN_ONE if len(order) <= _MOST_IN_ONE else ()
    for whole in dict.fromkeys(min(level, ideal) for level in levels):
        part = _part(digest, _content(order, whole), number=1, parts=1, left=digest.left)
        rendered = render(part)
        if fullness(rendered) <= 1:
            return Parts(parts=(Part(digest=part, rendered=rendered),), left=())
        if fullness(rendered) > _FAR_TOO_LARGE:
            break
    contents, left = _fullest(digest, order, ideal, render)
    parts = tuple(_rendered(digest, contents, digest.left + len(left), render))
    return Parts(parts=parts, left=tuple(place.item for place in left))


def _order(sections: Sequence[Section]) -> list[_Place]:
    """Return the items in the order in which they get their place: what is owed, then one of each section in turn.

    What is known comes behind all that is new.
    """
    ranked = [
        (not item.owed, item.known_since is not None, position, number, item)
        for number, section in enumerate(sections)
        for position, item in enumerate(section.all_items)
    ]
    return [
        _Place(number, item, position < len(sections[number].items))
        for *_, position, number, item in sorted(ranked, key=lambda ranking: ranking[:4])
    ]


def _content(order: Sequence[_Place], whole: int) -> _Content:
    """Return all items as one mail, the first `whole` of those that may be shown whole."""
    shown = [place for place in order if place.may_be_whole][:whole]
    seqs = {place.item.seq for place in shown}
    return _Content(shown, [place for place in order if place.item.seq not in seqs])


def _part(digest: Digest, content: _Content, *, number: int, parts: int, left: int) -> Digest:
    whole, titles = _by_section(content.whole), _by_section(content.titles)
    sections = tuple(
        replace(
            section,
            items=tuple(whole.get(at, ())),
            more=tuple(item for item in titles.get(at, ()) if item.known_since is None),
            known=tuple(item for item in titles.get(at, ()) if item.known_since is not None),
        )
        for at, section in enumerate(digest.sections)
        if at in whole or at in titles
    )
    return replace(digest, sections=sections, part=number, parts=parts, left=left)


def _by_section(places: Iterable[_Place]) -> dict[int, list[Item]]:
    items: dict[int, list[Item]] = {}
    for place in places:
        items.setdefault(place.section, []).append(place.item)
    return items


def _fullest(
    digest: Digest, order: Sequence[_Place], ideal: int, render: RenderDigest
) -> tuple[list[_Content], Sequence[_Place]]:
    """Return what goes into each mail, and what is left, for the first of _WHOLE_IN_FIRST with which least is left."""
    contents, left = _filled(digest, order, min(_WHOLE_IN_FIRST[0], ideal), render)
    for whole in _WHOLE_IN_FIRST[1:]:
        if left:
            others, others_left = _filled(digest, order, min(whole, ideal), render)
            if len(others_left) < len(left):
                contents, left = others, others_left
    return contents, left


def _filled(
    digest: Digest, order: Sequence[_Place], whole: int, render: RenderDigest
) -> tuple[list[_Content], Sequence[_Place]]:
    """Return what goes into each mail when the first shows at most `whole` items whole, and what is left."""

    def rendered(number: int, content: _Content) -> Rendered:
        return render(_part(digest, content, number=number, parts=MOST_PARTS, left=len(order)))

    first = _content(order, whole)
    empty = fullness(rendered(1, _Content(first.whole, ())))
    for level in (level for level in _LESS_WHOLE if level < whole):
        if empty <= _ROOM:
            break
        first = _content(order, level)
        empty = fullness(rendered(1, _Content(first.whole, ())))
    contents, shown, rest, guess = [], first.whole, first.titles, _TITLES
    for number in range(1, MOST_PARTS + 1):
        titles, guess = _most_titles(
            len(rest),
            lambda size: fullness(rendered(number, _Content(shown, rest[:size]))),  # noqa: B023 - called at once
            empty=empty,
            guess=guess,
        )
        if shown or titles:
            contents.append(_Content(shown, rest[:titles]))
        shown, rest = (), rest[titles:]
        if not rest:
            break
        empty = fullness(rendered(number + 1, _Content((), ())))
    if not contents:
        problem = excess(rendered(1, _Content((), rest[:1]))) or "The templates leave no room for a title."
        raise DigestError(f"{problem} Digests are made by the built-in templates until that is fixed.")
    return contents, rest


def _most_titles(
    available: int, fullness_of: Callable[[int], float], *, empty: float, guess: int
) -> tuple[int, int]:
    """Return how many titles of those available fit a mail, and a guess at how many fit one without anything else.

    `fullness_of` renders the mail with so many; without any it is `empty` full. `guess` is tried first.
    """
    fit, too_many = 0, available + 1
    size, attempts = max(1, min(available, guess)), 0
    while True:
        attempts += 1
        full = fullness_of(size)
        if full <= _ROOM:
            fit = size
        else:
            too_many = size
        by_title = max((full - empty) / size, 1e-6)
        if too_many - fit <= 1 or _FILLED <= full <= _ROOM:
            return fit, max(1, int(0.95 * _AIM / by_title))
        estimate = int((_AIM - empty) / by_title)
        size = min(max(estimate, fit + 1), too_many - 1) if attempts < _ESTIMATES else (fit + too_many) // 2


def _rendered(
    digest: Digest, contents: Sequence[_Content], left: int, render: RenderDigest
) -> Iterator[Part]:
    places = (place for content in contents for place in (*content.whole, *content.titles))
    digest = replace(digest, total=sum(place.item.known_since is None for place in places))
    for number, content in enumerate(contents, 1):
        last = number == len(contents)
        part = _part(digest, content, number=number, parts=len(contents), left=left if last else 0)
        rendered = render(part)
        if problem := excess(rendered):
            raise DigestError(f"{problem} Digests are made by the built-in templates until that is fixed.")
        yield Part(digest=part, rendered=rendered)
