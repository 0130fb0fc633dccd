"""Tell by their titles which entries are one story in other words, and which a later stage; and find them quickly.

Two headlines are compared by what is rare in both (pairs of Chinese characters, Latin words), by how close in time they
are, and by what speaks against them: another name or number in the same sentence, an opinion beside a report, a
reaction. The weights were learned once, from some two hundred pairs of headlines; see docs/decisions/0027.
"""

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import Enum
from importlib.resources import files
from itertools import chain

from monitor.model.digests import Mailed

Fold = Callable[[str], str]  # as monitor/rules/fold.py makes spellings of one word equal

MOST = 30_000  # entries in a window: beyond them the oldest are not looked at

# What each feature adds to the log odds that two headlines tell one story.
_BIAS = 0.9
_RARE = 2.1  # by the logarithm of what is rare in both: 0 to about 3
_APART = -4.2  # by the logarithm of the hours between them, as a share of three days: 0 to 1
_LEAD = -2.5  # where they begin differently and go on alike: another company, one sentence
_REACTION = -3.0  # where one of them is a reaction
_COMMENT = -2.8  # where one of them is an opinion, an interview, a test
_LEAST_RARE = 0.45  # what has to be rare in both, as in _RARE: two words or so
_LEAST_ALIKE = 0.18  # cosine of what stands in both: below it two words in long headlines would decide
_NEARLY_EQUAL = 0.72  # cosine from which on only a name or a number in its place tells two stories apart
_RELATED = 0.8  # what has to be rare in both, as in _RARE, for the later of them to tell of a later stage

# How rare a word is: 1 in no headline at all, _USUAL and below where it tells nothing.
_IMAGINED = 2000  # headlines that are imagined beside those of the window
_AMONG_THEM_COMMON = 20.0  # of them with a word of stories.toml, and with any other
_AMONG_THEM_OTHER = 0.4
_DAMPED = 0.75  # a story that forty sources tell does not make its own words common
_USUAL = 0.55

_RARE_WORD = 0.1  # a passage without a word as rare as this says nothing
_PASSAGES = 2  # that stand in both titles, numbers included; or one that is longer than a name
_SENTENCE = 3  # times as long as a name in it
_LONG_PASSAGE = 6  # characters, or Latin words

_HOURS = 72
_DAY = timedelta(days=1)
_SAME_FEED = timedelta(hours=12)  # further apart, one feed's like headlines are a series
_LONGEST = 200  # characters of a title that are looked at
_PLACES = 2000  # looked at in the index for one headline
_CANDIDATES = 8  # compared with it
_LONG_PART = 5  # words: a part of a title parted by strokes that is a headline of its own

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]+|[a-z][a-z0-9]*(?:[.'+&-][a-z0-9]+)*")
_LATIN = re.compile("[a-z0-9]+")
_NUMBER = re.compile(
    r"(?<![a-z0-9.-])(\d[\d,]*(?:\.\d+)?) ?(万亿|千万|百万|亿|万|千|million|billion)?(?![a-z])"
)
_DATE = re.compile(r"\d{1,2}月(?:\d{1,2}日)?|\d{1,4}[年日]|\d+[时点分]|\d{1,2}/\d{1,2}|(?<!\d)20\d\d(?!\d)")
_SUBJECT = re.compile(r"([^:,!?。]{1,14}):")
_UNITS = {
    "千": 1e3,
    "万": 1e4,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "万亿": 1e12,
    "million": 1e6,
    "billion": 1e9,
}


class Kinship(Enum):
    """What the later of two headlines is to the earlier one."""

    SAME = "same"  # the same occurrence at the same stage
    UPDATE = "update"  # a later stage
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A headline as it is compared."""

    title: str  # folded, without a label such as 快讯 in front
    words: frozenset[str]  # pairs of Chinese characters, Latin words
    subject: frozenset[str]  # the words before a colon
    numbers: Mapping[str, float]  # by the two characters before them; dates left out
    is_roundup: bool  # several stories in one
    comments: bool
    reacts: bool
    is_planned: bool
    is_done: bool
    goes_on: bool  # it says itself that there was an earlier stage
    when: datetime
    feed: str


class Reader:
    """Reads headlines by the words of stories.toml."""

    def __init__(self, fold: Fold) -> None:
        """`fold` makes the spellings of a word equal."""
        self._fold = fold
        table = tomllib.loads(files("monitor.digests").joinpath("stories.toml").read_text("utf-8"))
        self._table: Mapping[str, Mapping[str, str]] = table
        self.common = frozenset(chain.from_iterable(map(_words, self._of("common"))))
        labels, roundups = self._of("source", "labels"), self._of("kind", "roundup")
        self._label = re.compile(rf"[^,。:;!?]{{0,10}}(?:{_any_of(labels)}) ?[/:|丨] ?")
        chinese = [word for word in roundups if not word.isascii()]
        latin = [word for word in roundups if word.isascii()]
        self._roundup = re.compile(
            rf"(?:^|[|\[【])[^,。;!?|]{{0,10}}(?:{_any_of(chinese)})[^,。;!?|]{{0,2}}(?:[|:\]】]|$)|\b(?:{_any_of(latin)})\b"
        )
        self._comment = self._pattern("kind", "comment", r"\?$|")
        self._reaction = self._pattern("kind", "reaction")
        self._planned = self._pattern("stage", "planned")
        self._done = self._pattern("stage", "done")
        self._further = self._pattern("stage", "further")

    def read(self, title: str, when: datetime, feed: str) -> Told:
        """Return a headline as it is compared: when it was published, and in which feed."""
        folded = self._fold(title[:_LONGEST])
        folded = folded[label.end() :] if (label := self._label.match(folded)) else folded
        subject = _SUBJECT.match(folded)
        is_planned, is_done = bool(self._planned.search(folded)), bool(self._done.search(folded))
        return Told(
            title=folded,
            words=frozenset(_words(folded)),
            subject=_names(subject[1]) if subject else frozenset(),
            numbers=_numbers(folded),
            is_roundup=bool(self._roundup.search(folded)) or _is_list(folded),
            comments=bool(self._comment.search(folded)),
            reacts=bool(self._reaction.search(folded)),
            is_planned=is_planned,
            is_done=is_done,
            goes_on=bool(self._further.search(folded)),
            when=when,
            feed=feed,
        )

    def _of(self, group: str, name: str | None = None) -> list[str]:
        rows = [self._table[group][name]] if name else self._table[group].values()
        return [self._fold(word.replace("_", " ")) for row in rows for word in row.split()]

    def _pattern(self, group: str, name: str, more: str = "") -> re.Pattern[str]:
        words = self._of(group, name)
        chinese = _any_of(word for word in words if not word.isascii())
        latin = _any_of(word for word in words if word.isascii())
        return re.compile(rf"{more}{chinese}" + (rf"|\b(?:{latin})\b" if latin else ""))


class Window:
    """Headlines of some days, with an index of their words: which of them are like another one."""

    def __init__(self, reader: Reader) -> None:
        """It begins empty."""
        self._common = reader.common
        self._told: list[Told] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._weights: dict[str, float] = {}  # of words, as long as the window is about as large
        self._weighed_with = 0

    def __len__(self) -> int:
        """Return the count of its headlines."""
        return len(self._told)

    def add(self, told: Told) -> int:
        """Add a headline; return its place, counted from 0."""
        place = len(self._told)
        self._told.append(told)
        for word in told.words:
            self._places[word].append(place)
            self._weights.pop(word, None)
        if place > 1.1 * self._weighed_with:
            self._weights.clear()
            self._weighed_with = place
        return place

    def rarity(self, word: str) -> float:
        """Return how much a word tells: 0 for a common one, up to 0.45."""
        return max(0.0, self._weight(word) - _USUAL)

    def like(self, told: Told) -> list[int]:
        """Return the places of the headlines that share most of what is rare in this one, the likest first."""
        rare = sorted(
            ((rarity, word) for word in told.words if word in self._places and (rarity := self.rarity(word))),
            reverse=True,
        )
        shared: Counter[int] = Counter()
        looked_at = 0
        for rarity, word in rare:
            places = self._places[word]
            looked_at += len(places)
            if looked_at > _PLACES and shared:
                break
            for place in places[-_PLACES:]:
                shared[place] += rarity  # type: ignore[assignment]  # a Counter counts in any number
        return [place for place, _ in shared.most_common(_CANDIDATES)]

    def kinship(self, told: Told, other: Told) -> tuple[Kinship, float]:
        """Return what the later of two headlines is to the earlier one, and the log odds that they are one story."""
        earlier, later = (told, other) if told.when <= other.when else (other, told)
        shared = earlier.words & later.words
        if not shared or earlier.is_roundup or later.is_roundup or _have_other_subjects(earlier, later):
            return Kinship.OTHER, -math.inf
        rare = math.log1p(sum(map(self.rarity, shared)))
        apart, both_comment = later.when - earlier.when, earlier.comments and later.comments
        odds = _BIAS + _RARE * rare + _APART * _share_of_days(apart)
        odds += _REACTION * (earlier.reacts != later.reacts) + _COMMENT * (earlier.comments != later.comments)
        is_further = _is_further(earlier, later)
        is_likely = odds >= 0 and rare >= _LEAST_RARE
        is_related = is_further and rare >= _RELATED and earlier.comments == later.comments
        if not (is_likely or is_related) and 2 * len(shared) < min(len(earlier.words), len(later.words)):
            return Kinship.OTHER, odds  # nor nearly equal
        alike = self._cosine(earlier, later)
        is_near = alike >= _NEARLY_EQUAL and apart <= _DAY and earlier.comments == later.comments
        if alike < _LEAST_ALIKE or not (is_likely or is_related or is_near):
            return Kinship.OTHER, odds
        if not is_further and self._names_another(earlier, later):
            return Kinship.OTHER, odds
        if _is_one_sentence(earlier.title, later.title):
            odds += _LEAD
            is_likely, is_related, is_near = is_likely and odds >= 0, False, False
        if _have_other_numbers(earlier, later):
            return (Kinship.UPDATE if is_likely and later.goes_on else Kinship.OTHER), odds
        if not (is_near or self._is_enough(earlier, later)):
            return Kinship.OTHER, odds
        if is_further:
            return (Kinship.UPDATE if is_likely or is_related else Kinship.OTHER), odds
        is_series = earlier.feed == later.feed and apart > _SAME_FEED
        if is_series or not (is_near or (is_likely and not both_comment)):
            return Kinship.OTHER, odds
        return Kinship.SAME, max(odds, alike)

    def told(self, place: int) -> Told:
        """Return the headline at a place."""
        return self._told[place]

    def _weight(self, word: str) -> float:
        if word not in self._weights:
            self._weights[word] = self._weigh(word)
        return self._weights[word]

    def _weigh(self, word: str) -> float:
        among = _AMONG_THEM_COMMON if word in self._common else _AMONG_THEM_OTHER
        with_it = len(self._places.get(word, ())) ** _DAMPED + among
        every = len(self._told) + _IMAGINED
        return max(0.05, math.log(every / with_it) / math.log(every))

    def _is_enough(self, one: Told, other: Told) -> bool:
        """Return whether more than one name stands in both titles: a company has several news a day."""
        passages = [
            passage
            for passage in _shared_passages(one.title, other.words)
            if any(self.rarity(word) >= _RARE_WORD for word in passage)
        ]
        numbers = {*one.numbers.values()} & {*other.numbers.values()}
        longest = max((len("".join(word[:1] for word in passage)) + 1 for passage in passages), default=0)
        return len(passages) + len(numbers) >= _PASSAGES or longest >= _LONG_PASSAGE

    def _names_another(self, one: Told, other: Told) -> bool:
        """Return whether two titles are one sentence with another name in it, where nothing else differs."""
        before = _agreement(one.title, other.title)
        parts = one.title[before:], other.title[before:]
        behind = _agreement(*(part[::-1] for part in parts))
        names = [part[: len(part) - behind] for part in parts]
        words, other_words = (set(_words(name)) for name in names)
        if words & other.words or other_words & one.words:
            return False
        least = (
            _RARE_WORD if before else 0.0
        )  # what a sentence begins with is a name, and elsewhere it may be a verb
        is_name = all(any(self.rarity(word) >= least for word in each) for each in (words, other_words))
        longest = max(map(_extent, names))
        return is_name and _extent(one.title) - _extent(names[0]) >= _SENTENCE * longest

    def _cosine(self, one: Told, other: Told) -> float:
        squares = {word: self._weight(word) ** 2 for word in one.words | other.words}
        lengths = (sum(squares[word] for word in told.words) for told in (one, other))
        return sum(squares[word] for word in one.words & other.words) / math.sqrt(math.prod(lengths))


class Past:
    """What was mailed lately: has a headline been mailed in other words, or is it a later stage of what was?"""

    def __init__(self, reader: Reader, mailed: Iterable[Mailed] = ()) -> None:
        """`mailed` in the order in which it was."""
        self._window = Window(reader)
        self._mailed: list[Mailed] = []
        for each in mailed:
            self.add(reader.read(each.title, each.when, each.feed_url), each)

    def add(self, told: Told, mailed: Mailed) -> None:
        """Add what was mailed after all the others."""
        self._window.add(told)
        self._mailed.append(mailed)

    def find(self, told: Told, *, without: Container[int] = ()) -> tuple[Kinship, datetime] | None:
        """Return what a headline is to the likest story that was mailed, and when that was; None where there is none.

        Those with a seq among `without` are passed over. A headline is no update of what is told as of a later time.
        """
        best: tuple[float, Kinship, datetime] | None = None
        for place in self._window.like(told):
            mailed, before = self._mailed[place], self._window.told(place)
            kinship, odds = self._window.kinship(told, before)
            if kinship is Kinship.OTHER or mailed.seq in without:
                continue
            if kinship is Kinship.UPDATE and told.when < before.when:
                kinship = Kinship.SAME
            if best is None or odds > best[0]:
                best = odds, kinship, mailed.at
        return best[1:] if best else None


def group(told: Sequence[Told], window: Window) -> list[list[int]]:
    """Return groups of one story each, as places in `told`; the first of each is its lead.

    Who comes first becomes a lead. Each is compared with the leads alone: no chain of likenesses makes a group.
    `window` has no headline yet; the leads are added to it.
    """
    groups: list[list[int]] = []
    for place, headline in enumerate(told):
        kin = ((window.kinship(headline, window.told(lead)), lead) for lead in window.like(headline))
        same = [(odds, -lead) for (kinship, odds), lead in kin if kinship is Kinship.SAME]
        if same:
            groups[-max(same)[1]].append(place)
        else:
            window.add(headline)
            groups.append([place])
    return groups


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _words(text: str) -> Iterable[str]:
    """Yield the pairs of Chinese characters, and the stems of Latin words; of one with a hyphen its parts too."""
    for run in _TOKEN.findall(text):
        if run >= "\u3400":
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield _stem(run)
            if "-" in run:
                yield from (part for part in run.split("-") if part and part[0].isalpha())


def _shared_passages(title: str, words: frozenset[str]) -> set[tuple[str, ...]]:
    """Return the passages of a title that consist of these words, each as its words in their order."""
    # Latin words side by side are one passage, unless one has a digit: a name and its version say more than a name.
    passages: list[tuple[str, ...]] = []
    end, joins = 0, False
    for run in _TOKEN.finditer(title):
        may_join = run[0].isascii() and not any(map(str.isdigit, run[0]))
        if not (may_join and joins and run.start() <= end + 1):
            passages.append(())
        for word in _words(run[0]):
            if word in words:
                passages[-1] += (word,)
            else:
                passages.append(())
        end, joins = run.end(), may_join
    return {passage for passage in passages if passage}


def _agreement(one: str, other: str) -> int:
    """Return the count of characters with which both texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _extent(text: str) -> int:
    """Return the length of a text in Chinese characters, with a Latin word as two."""
    return len(_LATIN.sub("xx", text))


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 3 and word.isalpha():
            return word.removesuffix(ending)
    return word


def _names(text: str) -> frozenset[str]:
    """Return the words of a subject, those in Chinese where there are any."""
    words = frozenset(_words(text))
    return frozenset(word for word in words if word >= "\u3400") or words


def _numbers(text: str) -> dict[str, float]:
    """Return the numbers in a text by the two characters before each; dates left out."""
    text = _DATE.sub(" ", text)
    return {
        text[max(0, number.start() - 2) : number.start()]: float(number[1].replace(",", ""))
        * _UNITS.get(number[2], 1)
        for number in _NUMBER.finditer(text)
    }


def _is_list(title: str) -> bool:
    parts = [part for part in title.split("/") if sum(1 for _ in _words(part)) >= _LONG_PART]
    return title.count(";") >= 2 or len(parts) >= 3


def _share_of_days(apart: timedelta) -> float:
    hours = min(_HOURS, apart.total_seconds() / 3600)
    return math.log1p(hours) / math.log1p(_HOURS)


def _have_other_subjects(one: Told, other: Told) -> bool:
    """Return whether both titles name a subject before a colon, which the other one does not."""
    named = one.subject & other.words | other.subject & one.words
    return bool(one.subject and other.subject) and not named


def _is_further(earlier: Told, later: Told) -> bool:
    """Return whether by their words the matter has come further."""
    is_done = earlier.is_planned and later.is_done and not later.is_planned
    return is_done or (later.goes_on and not earlier.goes_on)


def _is_one_sentence(one: str, other: str) -> bool:
    """Return whether two titles begin differently, within few characters, and go on with the same words."""
    same = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    before = set(_words(one[: same.a])), set(_words(other[: same.b]))
    within = same.size >= 4 and max(same.a, same.b) <= 14 and all(before)
    return within and not before[0] & set(_words(other)) and not before[1] & set(_words(one))


def _have_other_numbers(one: Told, other: Told) -> bool:
    """Return whether behind the same characters stands another number, which the other title has nowhere."""
    return any(
        one.numbers[before] not in other.numbers.values()
        and other.numbers[before] not in one.numbers.values()
        for before in one.numbers.keys() & other.numbers.keys()
    )
