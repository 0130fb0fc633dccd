"""Guess what a person meant by a value that cannot be read: `30` for a duration, "周一", "08：00", "ssl", "Beijing".

A guess is only told when the option takes it (conversion.py tries each).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from monitor.texts import locale_named

_WORDS = {
    **dict.fromkeys(("ssl", "tls", "ssl/tls", "smtps"), "implicit"),
    **dict.fromkeys(("start_tls", "start-tls", "start tls"), "starttls"),
    **dict.fromkeys(("plain", "no", "off", "无"), "none"),
    **dict.fromkeys(("中文", "简体", "简体中文", "chinese", "cn"), "zh-Hans"),
    **dict.fromkeys(("繁體", "繁体", "繁體中文", "繁体中文", "正體中文", "tw"), "zh-Hant"),
    **dict.fromkeys(("英文", "英语", "english"), "en"),
    **dict.fromkeys(("工作日", "working day", "working days"), "workday"),
    **dict.fromkeys(("beijing", "北京", "北京时间", "上海", "中国", "china", "cst", "prc"), "Asia/Shanghai"),
    **dict.fromkeys(("utc+8", "utc+08:00", "gmt+8", "+8", "+08:00", "东八区"), "Asia/Shanghai"),
    **{"台北": "Asia/Taipei", "臺北": "Asia/Taipei", "香港": "Asia/Hong_Kong", "东京": "Asia/Tokyo"},
    **{"自动": "auto", "立即": "at once", "即时": "at once", "now": "at once", "immediately": "at once"},
}
_DAYS = dict(zip("一二三四五六日天", ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "sun"), strict=True))
_UNITS = (
    (r"毫秒|milliseconds?|msecs?", "ms"),
    (r"秒钟?|seconds?|secs?", "s"),
    (r"分钟?|minutes?|mins?", "m"),
    (r"个?小时|小時|hours?|hrs?", "h"),
    (r"天|日|days?", "d"),
    (r"周|星期|weeks?", "w"),
)


def likely(value: object) -> Iterator[str]:
    """Yield what may have been meant, the likeliest first; nothing for what is no text and no whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield from (str(value), f"{value}m", f"{value:02}:00")
    if not isinstance(value, str):
        return
    narrow = unicodedata.normalize("NFKC", value).replace("。", ".").strip()
    lower = narrow.lower()
    yield from (narrow, lower, _WORDS.get(lower, ""), locale_named(lower))
    if day := re.fullmatch("(?:周|星期|礼拜|週|禮拜)([一二三四五六日天])", narrow):
        yield _DAYS[day[1]]
    yield from _moments(lower)
    yield _duration(lower)
    if size := re.fullmatch(r"(\d+)\s*([kmg])(?:i?b)?", lower):
        yield f"{size[1]}{size[2].upper()}B"
    yield from _hosts(narrow)
    yield from _zones(lower)


def _moments(lower: str) -> Iterator[str]:
    """Yield the time of day in "8点", "8点半", "8.30", "8 pm", "上午8:00"."""
    found = re.fullmatch(
        r"(上午|早上|早|下午|晚上|晚)?\s*(\d{1,2})(?:\s*[点點时時.:]\s*(\d{2}|半)?分?)?\s*(am|pm)?", lower
    )
    if found:
        later = found[4] == "pm" or found[1] in ("下午", "晚上", "晚")
        hour = int(found[2]) % 12 + 12 if later else int(found[2])
        yield f"{hour:02}:{'30' if found[3] == '半' else found[3] or '00'}"


def _duration(lower: str) -> str:
    for written, unit in _UNITS:
        lower = re.sub(rf"(?<=\d)\s*(?:{written})(?![a-z])", unit, lower)
    return f"{lower}m" if lower.isdecimal() else lower


def _hosts(narrow: str) -> Iterator[str]:
    """Yield an address with a scheme for one without, and the host of one with a scheme or a port."""
    if "." in narrow and "://" not in narrow and "@" not in narrow:
        yield from (f"https://{narrow}", f"http://{narrow}")
    try:
        host = urlsplit(narrow if "://" in narrow else f"//{narrow}").hostname
    except ValueError:
        host = None
    if host and "@" not in narrow:
        yield host


def _zones(lower: str) -> Iterator[str]:
    name = lower.replace(" ", "_")
    if re.fullmatch(r"[a-z_/-]{3,40}", name):
        yield from (zone for zone in _known_zones() if zone.lower() == name)
        yield from (zone for zone in _known_zones() if zone.lower().endswith(f"/{name}"))


@cache
def _known_zones() -> tuple[str, ...]:
    """Return the names of all zones: they are found in 600 files, and a broken configuration may have many mistakes."""
    return tuple(sorted(available_timezones()))
