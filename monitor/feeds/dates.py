"""Read the dates that feeds write, in any of their many forms, and tell the zone of those that name none."""

import re
import unicodedata
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_LONGEST = 100  # characters
_AHEAD = timedelta(days=1)
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 100_000_000_000  # more than this are milliseconds, a thousand times more microseconds
_BEIJING = timezone(timedelta(hours=8))

_MONTHS = {
    # English, and where they begin otherwise German, French, Spanish, Italian, Portuguese, Dutch.
    **{
        "jan": 1,
        "feb": 2,
        "mar": 3,
        "apr": 4,
        "may": 5,
        "jun": 6,
        "jul": 7,
        "aug": 8,
        "sep": 9,
        "oct": 10,
        "nov": 11,
    },
    "dec": 12,
    **dict.fromkeys(("jän", "ene", "gen", "янв"), 1),
    **dict.fromkeys(("fév", "fev", "feb", "фев"), 2),
    **dict.fromkeys(("mär", "mrt", "maa", "мар"), 3),
    **dict.fromkeys(("avr", "abr", "апр"), 4),
    **dict.fromkeys(("mai", "mei", "mag", "мая", "май"), 5),
    **dict.fromkeys(("juin", "giu", "июн"), 6),
    **dict.fromkeys(("juil", "lug", "июл"), 7),
    **dict.fromkeys(("aoû", "aou", "ago", "авг"), 8),
    **dict.fromkeys(("set", "сен"), 9),
    **dict.fromkeys(("okt", "out", "ott", "окт"), 10),
    **dict.fromkeys(("ноя",), 11),
    **dict.fromkeys(("dez", "déc", "dic", "дек"), 12),
}

# Hours from UTC. A name with two meanings has the one that is commoner in feeds; CST is China's in Chinese ones.
_ZONES: dict[str, float] = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT", "WET", "UCT", "ZULU"), 0),
    **dict.fromkeys(("BST", "WEST", "CET", "MET", "MEZ", "WAT"), 1),
    **dict.fromkeys(("CEST", "MEST", "MESZ", "CEDT", "EET", "SAST", "CAT"), 2),
    **dict.fromkeys(("EEST", "EEDT", "MSK", "EAT", "TRT", "IDT"), 3),
    **dict.fromkeys(("MSD", "SAMT", "GST", "AZT", "GET"), 4),
    **dict.fromkeys(("PKT", "UZT", "YEKT", "TMT"), 5),
    **dict.fromkeys(("BDT", "OMST", "ALMT", "BTT"), 6),
    **dict.fromkeys(("ICT", "WIB", "NOVT", "KRAT", "THA"), 7),
    **dict.fromkeys(("HKT", "SGT", "MYT", "PHT", "AWST", "WITA", "IRKT", "CCT", "BJT", "ULAT"), 8),
    **dict.fromkeys(("JST", "KST", "WIT", "YAKT"), 9),
    **dict.fromkeys(("AEST", "VLAT", "CHST"), 10),
    **dict.fromkeys(("AEDT", "MAGT"), 11),
    **dict.fromkeys(("NZST", "PETT", "FJT"), 12),
    **dict.fromkeys(("NZDT",), 13),
    **dict.fromkeys(("AZOT",), -1),
    **dict.fromkeys(("BRST",), -2),
    **dict.fromkeys(("ADT", "BRT", "ART", "UYT", "CLST"), -3),
    **dict.fromkeys(("AST", "EDT", "CLT", "BOT", "VET"), -4),
    **dict.fromkeys(("EST", "CDT", "COT", "PET"), -5),
    **dict.fromkeys(("CST", "MDT"), -6),
    **dict.fromkeys(("MST", "PDT"), -7),
    **dict.fromkeys(("PST", "AKDT"), -8),
    **dict.fromkeys(("AKST",), -9),
    **dict.fromkeys(("HST", "HAST"), -10),
    **{"IST": 5.5, "NPT": 5.75, "MMT": 6.5, "IRST": 3.5, "IRDT": 4.5, "AFT": 4.5, "ACST": 9.5, "ACDT": 10.5},
    **{"NST": -3.5, "NDT": -2.5},
}
# These follow the clocks of a place, summer time included.
_PLACES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
_ZONE_WORDS = (
    (
        re.compile(
            "北京|中国|中國|台北|臺北|台湾|台灣|香港|澳门|澳門|上海|China Standard Time", re.IGNORECASE
        ),
        8,
    ),
    (
        re.compile(
            "日本|东京|東京|首尔|首爾|Japan Standard Time|Korea Standard Time|서울|한국", re.IGNORECASE
        ),
        9,
    ),
)
_LONG_ZONE = re.compile(
    r"\b(Eastern|Central|Mountain|Pacific|Atlantic)\s+(Standard|Daylight|Summer)\s+Time\b", re.IGNORECASE
)
_EUROPEAN_ZONE = re.compile(
    r"\b(?:Central European|W\. Europe)\s+(Standard|Daylight|Summer)\s+Time\b", re.IGNORECASE
)

_UNIX = re.compile(r"(?:/Date\()?(-?\d{9,16})(?:\.\d{1,9})?(?:[+-]\d{4})?(?:\)/)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(\d\d)?)?(?:\.\d+)?(?=\D|$)")
# Between a day and a time that touch; and in a compact day before a time that is not.
_TOUCHING = re.compile(r"(?<=[-/.]\d\d)(?=\d\d:\d\d)|(?<=\b(?:19|20)\d\d)(?=\d\d:\d\d)")
_COMPACT_DAY = re.compile(r"\b((?:19|20)\d\d)(\d\d)(\d\d)(?=[T ]\d{1,2}:)")
_COMMENT = re.compile(r"\(([^()]*)\)")
_WEEKDAY = re.compile(
    r"(?:星期|礼拜|禮拜|周|週)[一二三四五六日天]|[月火水木金土日]曜日?|[월화수목금토일]요일"
    r"|\b(?:mon|tue|tues|wed|weds|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\b[.,]?",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,:]\d+)?)?(?!\d)"
    r"|(?P<hour2>\d{1,2})[时時点點시](?!间|間)(?:(?P<half>半)|(?P<minute2>\d{1,2})[分분]?)?(?:(?P<second2>\d{1,2})[秒초])?"
    r"|(?<=\dT)(?P<hour3>\d\d)(?P<minute3>\d\d)(?P<second3>\d\d)?(?:\.\d+)?(?!\d)"
    r"|(?<![\d:])(?P<hour4>1[0-2]|0?[1-9])(?=\s*[ap]\.?m\b)",
    re.IGNORECASE,
)
_MORNING = re.compile(r"上午|午前|凌晨|清晨|早上|早晨|오전|(?<![a-z])a\.?m\b\.?", re.IGNORECASE)
_AFTERNOON = re.compile(r"下午|午后|午後|傍晚|晚上|晚间|晚間|夜里|오후|(?<![a-z])p\.?m\b\.?", re.IGNORECASE)
_NOON = re.compile("中午|正午")
_OFFSET = re.compile(r"([+\-\u2212])\s?(\d{1,2})(?::?(\d{2}))?(?:\d\d)?(?!\d)")
_LOST_PLUS = re.compile(r" (0\d|1[0-4]):?([0-5]\d)")  # a + that stood in the query of a URL becomes a space
_UTC_OFFSET = re.compile(r"(?:GMT|UTC|UT|Z)\s?(?=[+\-\u2212]\s?\d)", re.IGNORECASE)
_ZONE_NAME = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,5}(?![A-Za-z])")
_PLACE = re.compile(r"\b(?:Asia|Europe|America|Africa|Australia|Pacific|Atlantic|Etc)/\w+(?:/\w+)?\b")

_YEAR_FIRST = re.compile(
    r"(?<!\d)(?P<era>民国|民國|令和)?\s?(?P<year>\d{4}|(?<=民国)\d{2,3}|(?<=民國)\d{2,3}|(?<=令和)\d{1,2})\s?(?:[-/.]|[年년]度?)\s?"
    r"(?P<month>\d{1,2})(?:\s?(?:[-/.]|[月월])\s?(?P<day>\d{1,2})(?!\d)\s?[日号號일]?)?"
)
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,12})\.?[\s,/-]{0,2}(\d{1,2})(?:st|nd|rd|th)?(?![\d:])")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|\.)?(?:\s(?:de|of))?[\s,/.-]{0,2}([^\W\d_]{3,12})")
_FOUR_DIGITS = re.compile(r"(?<![\d:])((?:19|20)\d\d)(?![\d:])")
_TWO_DIGITS = re.compile(r"(?<![\d:])'?(\d\d)(?![\d:])")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{1,2})(?!\d)")
_WITHOUT_YEAR = re.compile(r"(?<!\d)(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_YEAR_ALONE = re.compile(r"(?:19|20)\d\d")
_CHINESE_DIGITS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_CHINESE_NUMBERS = re.compile("[〇零○一二三四五六七八九十]+(?=[年月日号號时時点點分])")

_RFC_822 = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"((?:19|20)\d\d) "
    r"(\d\d):(\d\d):(\d\d) (?:GMT|UTC|Z|([+-])(\d\d)(\d\d))",
    re.ASCII,
)
_RFC_3339 = re.compile(
    r"((?:19|20)\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)

_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A date as it was written: on which clock, and how far that is from UTC; None where the text does not say."""

    clock: datetime  # without a zone
    zone: tzinfo | None

    def instant(self, unnamed: tzinfo) -> datetime:
        """Return the UTC instant; of a date that names no zone, in `unnamed`. Raises OverflowError."""
        return self.clock.replace(tzinfo=self.zone or unnamed).astimezone(UTC)

    @property
    def offset(self) -> timedelta | None:
        """How far the zone that is named is from UTC; None where none is."""
        return self.zone.utcoffset(self.clock) if self.zone else None


@dataclass(frozen=True, slots=True)
class Published:
    """When an entry was published, UTC; None where nobody knows."""

    written: datetime | None  # as the feed has it: the same at each visit
    meant: datetime | None  # with Beijing's clock put right where the feed calls it GMT


def published(
    dates: Sequence[Sequence[str]], *, titles: Sequence[str], language: str, now: datetime
) -> list[Published]:
    """Return when the entries of a document were published: of the texts of each, in order, the first that is a date.

    `titles` and `language` are the document's: they tell a zone that is not named. Dates before 1990 or more than a day
    ahead are mistakes, as 1970 or the year 1 for "none": an entry must neither stand on top for ever nor be taken for
    too old to be news.
    """
    is_chinese = is_chinese_feed(language, titles)
    read = [[read_date(text, now=now, is_chinese=is_chinese) for text in texts] for texts in dates]
    every = [date for entry_dates in read for date in entry_dates]
    zone = unnamed_zone(every, is_chinese=is_chinese, language=language)
    lag = timedelta(hours=8) if beijing_called_utc(every, is_chinese=is_chinese, now=now) else timedelta(0)
    return [_first(entry_dates, zone, lag, now) for entry_dates in read]


def read_date(text: str, *, now: datetime, is_chinese: bool = False) -> LocalTime | None:
    """Return the date and time that a text of a feed is; None for what is none, or in a zone that nobody knows.

    In a Chinese feed CST is China's time. A day without a year is the last one before `now`.
    """
    if common := _common(text):
        return common
    text = _normalised(text)
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _unix(text) or _compact(text, is_chinese) or _written(text, now, is_chinese)
    except (ValueError, OverflowError):
        return None


def newest(dates: Sequence[Published], most: int, now: datetime) -> list[int]:
    """Return the places of the `most` newest, in their order. A few publishers list the oldest first."""
    by_date = sorted(range(len(dates)), key=lambda place: dates[place].written or now, reverse=True)
    return sorted(by_date[:most])


def _first(dates: Sequence[LocalTime | None], zone: tzinfo, lag: timedelta, now: datetime) -> Published:
    for date in dates:
        if date is None:
            continue
        try:
            written = date.instant(zone)
        except OverflowError:
            continue
        if _OLDEST <= written <= now + _AHEAD:
            return Published(written, written - lag if date.offset == timedelta(0) else written)
    return Published(None, None)


def unnamed_zone(dates: Iterable[LocalTime | None], *, is_chinese: bool, language: str = "") -> tzinfo:
    """Return the zone of a feed's dates that name none: that of its others, else of its language, else UTC."""
    offsets = Counter(date.offset for date in dates if date and date.offset is not None)
    if offsets:
        return timezone(offsets.most_common(1)[0][0])
    if is_chinese:
        return _BEIJING
    return timezone(timedelta(hours=9)) if language.lower()[:2] in ("ja", "ko") else UTC


def is_chinese_feed(language: str, titles: Sequence[str]) -> bool:
    """Return whether a feed is in Chinese: it says so, or half of its titles are (a template's "en" is often wrong)."""
    if language.lower().startswith("zh"):
        return True
    titles = [title for title in titles if title.strip()]
    chinese = sum(_HAN.search(title) is not None and not _KANA.search(title) for title in titles)
    return bool(titles) and chinese * 2 >= len(titles)


def beijing_called_utc(dates: Iterable[LocalTime | None], *, is_chinese: bool, now: datetime) -> bool:
    """Return whether a Chinese feed calls Beijing's clock GMT: it has a date of the next eight hours."""
    ahead = [date.instant(UTC) - now for date in dates if is_chinese and date and date.offset == timedelta(0)]
    return bool(ahead) and timedelta(minutes=10) < max(ahead) <= timedelta(hours=8, minutes=10)


def _common(text: str) -> LocalTime | None:
    """Read the two forms that nearly all dates have, in a tenth of the time: of RFC 822 (5.1) and of RFC 3339 (5.6)."""
    found = _RFC_822.fullmatch(text)
    if found:
        day, month, year = int(found[1]), _MONTHS[found[2].lower()], int(found[3])
    elif found := _RFC_3339.fullmatch(text):
        year, month, day = (int(found[place]) for place in (1, 2, 3))
    else:
        return None
    hour, minute, second = (int(found[place]) for place in (4, 5, 6))
    sign, hours, minutes = found[7], int(found[8] or 0), int(found[9] or 0)
    if hour > 23 or minute > 59 or second > 59 or hours > 14 or minutes > 59:
        return None
    try:
        clock = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone stands beside it
    except ValueError:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    zone = timezone(-offset if sign == "-" else offset) if offset else UTC
    return LocalTime(clock, zone)


def _normalised(text: str) -> str:
    text = unicodedata.normalize("NFKC", text[: 4 * _LONGEST]).translate(
        {0x2013: "-", 0x2014: "-", 0x2212: "-"}
    )
    text = _CHINESE_NUMBERS.sub(_number, text)
    text = _COMPACT_DAY.sub(r"\1-\2-\3", _TOUCHING.sub(" ", text))
    return " ".join(text.split()).strip(" ,;")


def _number(digits: re.Match[str]) -> str:
    """Return a number in Chinese digits in ours: 二〇二四, 十, 十五, 二十, 二十五."""
    text = digits[0]
    if "十" not in text:
        return text.translate(_CHINESE_DIGITS)
    tens, _, ones = text.partition("十")
    return f"{(tens or '一')}{ones or '零'}".translate(_CHINESE_DIGITS)


def _unix(text: str) -> LocalTime | None:
    found = _UNIX.fullmatch(text)
    if not found or (_COMPACT.fullmatch(text) and len(found[1]) in (12, 14)):
        return None
    seconds = float(found[1])
    while abs(seconds) > _LATEST_SECONDS:
        seconds /= 1000
    return LocalTime(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None, microsecond=0), UTC)


def _compact(text: str, is_chinese: bool) -> LocalTime | None:
    """Read 20240501, 20240501T080000Z, 202405010800."""
    found = _COMPACT.match(text)
    if not found or ":" in text.split("+")[0]:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    zone, is_known = _zone(text[found.end() :], "", is_chinese)
    clock = _clock(year, month, day) + timedelta(hours=hour, minutes=minute, seconds=min(second, 59))
    return LocalTime(clock, zone) if is_known else None


def _written(text: str, now: datetime, is_chinese: bool) -> LocalTime | None:
    comments = " ".join(_COMMENT.findall(text))
    text = _COMMENT.sub(" ", text)
    time = _TIME.search(text)
    if time:
        before, after = text[: time.start()], text[time.end() :]
        before = before[:-1] if before.endswith(("T", "t")) else before
    else:
        before, after = text, ""
    day, rest = _day(_WEEKDAY.sub(" ", before), _WEEKDAY.sub(" ", after), now)
    if day is None:
        return None
    zone, is_known = _zone(rest, comments, is_chinese)
    if not is_known:
        return None
    return LocalTime(day + (_time_of_day(time, text) if time else timedelta(0)), zone)


def _time_of_day(time: re.Match[str], text: str) -> timedelta:
    def part(name: str) -> int:
        return int(
            next((value for key, value in time.groupdict().items() if value and key.startswith(name)), 0)
        )

    hour, minute, second = part("hour"), 30 if time["half"] else part("minute"), min(part("second"), 59)
    if hour > 24 or minute > 59:
        raise ValueError(text)
    if _AFTERNOON.search(text) and hour < 12:
        hour += 12
    elif _MORNING.search(text) and hour == 12:
        hour = 0
    elif _NOON.search(text) and hour < 3:
        hour += 12
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _day(before: str, after: str, now: datetime) -> tuple[datetime | None, str]:
    """Return the day that stands before the time, or behind it, and what else is behind the time."""
    if found := _YEAR_FIRST.search(before) or _YEAR_FIRST.search(after):
        year = int(found["year"]) + {"民国": 1911, "民國": 1911, "令和": 2018}.get(found["era"] or "", 0)
        day = _clock(year, int(found["month"]), int(found["day"] or 1))
        return day, after if found.string is before else after[: found.start()] + after[found.end() :]
    if named := _with_month_name(before, after):
        return named
    if numbers := _YEAR_LAST.search(before) or _YEAR_LAST.search(after):
        return _in_numbers(numbers, now), after
    if short := _WITHOUT_YEAR.search(before):
        local = now.astimezone(_BEIJING)
        day = _clock(local.year, int(short[1]), int(short[2]))
        return (day if day.date() <= local.date() else day.replace(year=day.year - 1)), after
    if year_alone := _YEAR_ALONE.fullmatch(before.strip()):
        return _clock(int(year_alone[0]), 1, 1), after
    return None, ""


def _in_numbers(numbers: re.Match[str], now: datetime) -> datetime | None:
    """Return the day of 5/1/2024 (American, unless that is ahead), 1.5.2024, 1-5-2024 or 24-5-1; None for no day."""
    first, mark, second, third = int(numbers[1]), numbers[2], int(numbers[3]), numbers[4]
    orders = [(_year(third), second, first)] if len(third) > 1 else []
    if mark == "/" and orders:
        orders.insert(0, (_year(third), first, second))
    if len(third) < 4 and mark != ".":
        orders.append((2000 + first, second, int(third)))
    days = []
    for year, month, day in orders:
        try:
            days.append(_clock(year, month, day))
        except ValueError:
            continue
    past = [day for day in days if day <= now.replace(tzinfo=None) + _AHEAD]
    # Which of two digits are the year is not said: the order of the nearest day.
    return max(past) if len(third) < 4 and past else next(iter([*past, *days]), None)


def _with_month_name(before: str, after: str) -> tuple[datetime, str] | None:
    """Read a day with the name of its month: 1 May 2024, May 1, 2024, and May 1 08:00:00 CST 2024."""
    for pattern, name, number in ((_DAY_FIRST, 2, 1), (_MONTH_FIRST, 1, 2)):
        for text in (before, after):
            for found in pattern.finditer(text):
                month = _month(found[name])
                if not month:
                    continue
                rest = text[: found.start()] + " " + text[found.end() :]
                year = _FOUR_DIGITS.search(rest)
                if year is None and text is before and (year := _FOUR_DIGITS.search(after)):
                    after = after[: year.start()] + after[year.end() :]
                year = year or _TWO_DIGITS.search(text[found.end() :])
                if year is None:
                    return None
                return _clock(_year(year[1]), month, int(found[number])), rest if text is after else after
    return None


def _month(word: str) -> int | None:
    word = word.casefold()
    return _MONTHS.get(word[:4]) or _MONTHS.get(word[:3])


def _year(digits: str) -> int:
    # RFC 5322 section 4.3: two digits from 50 are of the last century.
    return int(digits) + (0 if len(digits) == 4 else 2000 if int(digits) < 50 else 1900)


def _clock(year: int, month: int, day: int) -> datetime:
    """Return a day; 31 June is its last one. Raises ValueError."""
    last = monthrange(year, month)[1]
    return datetime(year, month, min(day, last) if day <= 31 else day)  # noqa: DTZ001 - the zone comes later


def _zone(text: str, comments: str, is_chinese: bool) -> tuple[tzinfo | None, bool]:
    """Return the zone that is named behind a time, None where none is; and whether that is all that is said of it."""
    text = _AFTERNOON.sub(" ", _MORNING.sub(" ", text))
    offset = _OFFSET.search(_UTC_OFFSET.sub("", text)) or _OFFSET.search(_UTC_OFFSET.sub("", comments))
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if span > timedelta(hours=15):
            return None, False
        return timezone(-span if offset[1] == "-" else span), True
    if place := _PLACE.search(text):
        try:
            return ZoneInfo(place[0]), True
        except (KeyError, OSError, ValueError):
            return None, False
    if lost := _LOST_PLUS.fullmatch(text):
        return timezone(timedelta(hours=int(lost[1]), minutes=int(lost[2]))), True
    for part in (text, comments):
        if (zone := _named_zone(part, is_chinese)) is not None:
            return zone, True
    names = [name for name in _ZONE_NAME.findall(text) if name.isupper() and len(name) > 1]
    return None, not names


def _named_zone(text: str, is_chinese: bool) -> tzinfo | None:
    for words, hours in _ZONE_WORDS:
        if words.search(text):
            return timezone(timedelta(hours=hours))
    if european := _EUROPEAN_ZONE.search(text):
        return timezone(timedelta(hours=1 if european[1].lower() == "standard" else 2))
    names = _ZONE_NAME.findall(text)
    if long := _LONG_ZONE.search(text):
        names.insert(0, f"{long[1][0]}{'S' if long[2].lower() == 'standard' else 'D'}T")
    for name in map(str.upper, names):
        if name == "CST" and is_chinese:
            return _BEIJING
        if name in _ZONES:
            return timezone(timedelta(hours=_ZONES[name]))
        if name in _PLACES:
            return ZoneInfo(_PLACES[name])
    return None
