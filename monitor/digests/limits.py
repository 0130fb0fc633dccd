"""Limit what a template may take: time, output, and how long a text or large a number it may make at once."""

import re
import string
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from types import GeneratorType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

_SECONDS = 10.0  # a digest of 300 entries takes a tenth of a second
_LONGEST = 2_000_000  # characters; a mail takes less than a tenth of it
_ALL = 20_000_000  # characters of all texts made on the way; a digest of 300 entries makes less than a fortieth of it
# Characters of a text that is broken into lines, or searched for links: some take n² steps.
_LONGEST_BROKEN = 100_000
_WIDEST = 100_000  # columns, rows or digits that an argument may ask for
_DIGITS = 100_000  # binary ones of a number
_PART = 10  # characters that a part of a list, or of the output, counts as
_OBJECT = 100  # characters that anything else counts as where it is made a text
_MOST_FIELDS = 100  # of a text for str.format

_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0 +-]*(\*|\d*)(?:\.(\*|\d*))?")


class TooMuchError(Exception):
    """A template took more than a template may. Its text says of what."""


@dataclass(slots=True)
class _Allowance:
    """What a template may still take."""

    seconds: float
    end: float  # by the monotonic clock
    left: int  # characters


_allowance: ContextVar[_Allowance | None] = ContextVar("_allowance", default=None)


class _Generator(CodeGenerator):
    def blockvisit(self, body: Iterable[nodes.Node], frame: Frame) -> None:
        """Write the body of a loop, branch or macro, each with a look at the time before it.

        Jinja has no other loop than `for`, so that no template goes on for long without such a look.
        """
        self.writeline("environment.look_at_time()")
        super().blockvisit(body, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  # Jinja's name
        """Write a ~ b as a call that looks at the lengths first."""
        self.write("environment.joined(context, (")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write("))")


class LimitedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which no template goes on beyond `time_limit`, and none makes texts of gigabytes."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(["+", "%", "*", "**"])

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=_finalized, **options)
        self._safe_attributes: dict[tuple[type, str], bool] = {}
        del self.globals["lipsum"]
        for name, known in tuple(self.filters.items()):
            self.add_filter(name, known)

    def add_filter(self, name: str, made: Callable[..., Any]) -> None:
        """Give templates a filter, within the limits."""
        self.filters[name] = _limited_filter(name, made)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may read an attribute: the sandbox decides by the object's type and the name.

        Remembered, for that takes a tenth of the time of a digest.
        """
        key = type(obj), attr
        known = self._safe_attributes.get(key)
        if known is None:
            known = super().is_safe_attribute(obj, attr, value)
            self._safe_attributes[key] = known
        return known

    def look_at_time(self) -> None:
        """Raise TooMuchError when the time is over, or the steps are too many."""
        _look()

    def concat(self, pieces: Iterable[str]) -> str:
        """Return the output of a block, macro or template as one text. Raises TooMuchError."""
        return limited(pieces)

    def joined(self, context: Any, values: tuple[Any, ...]) -> str:
        """Return a ~ b. Raises TooMuchError where it would be huge."""
        _take(_size(values))
        return (markup_join if context.eval_ctx.autoescape else str_join)(values)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute an operation. Raises SecurityError or TooMuchError where the result would be huge."""
        if operator == "**" and abs(right) > 64:
            raise SecurityError("a power of more than 64")
        if isinstance(left, int) and isinstance(right, int) and operator in ("*", "**"):
            digits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if digits > _DIGITS:
                raise TooMuchError(f"a number of more than {_DIGITS:,} binary digits")
        elif operator == "*":
            times = left if isinstance(left, int) else right
            if isinstance(times, int):
                _take(max(_length(left), _length(right)) * times)
        elif operator == "+":
            _take(_length(left) + _length(right))
        elif operator == "%" and isinstance(left, str | bytes):
            _check_percent(left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # Jinja's name
        """Call a function, method or macro. Raises SecurityError or TooMuchError where the result would be huge."""
        if isinstance(__obj, Macro):  # its output is counted when it is made one text
            return super().call(__context, __obj, *args, **kwargs)
        method = getattr(__obj, "__wrapped__", __obj)  # the sandbox has str.format wrapped
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str | bytes | int):
            args = _checked_method(owner, method.__name__, args, kwargs)
        elif (
            kwargs and getattr(__obj, "__module__", "") == "jinja2.ext"
        ):  # gettext: it puts values into a text
            for text in args:
                if isinstance(text, str):
                    _check_percent(text, kwargs)
        return _counted(super().call(__context, __obj, *args, **kwargs))


def limited(pieces: Iterable[str]) -> str:
    """Return the pieces that a template makes as one text. Raises TooMuchError when they are too long for any mail."""
    made, length = [], 0
    for piece in pieces:
        made.append(piece)
        length += len(piece)
        if length > _LONGEST:
            raise TooMuchError(f"it makes more than {_LONGEST:,} characters")
    _take(length)
    return "".join(made)


@contextmanager
def time_limit(seconds: float = _SECONDS) -> Iterator[None]:
    """Let templates of a LimitedEnvironment run for so many seconds at most; they raise TooMuchError then.

    They are stopped between two of their steps; a single call into C, such as a sort, is not. All the texts they make
    on their way are limited too.
    """
    token = _allowance.set(_Allowance(seconds, time.monotonic() + seconds, _ALL))
    try:
        yield
    finally:
        _allowance.reset(token)


# --- what is taken ------------------------------------------------------------------------------


def _look() -> None:
    allowance = _allowance.get()
    if allowance and time.monotonic() > allowance.end:
        raise TooMuchError(f"it takes longer than {allowance.seconds:g} s")
    _use(1)


def _take(length: int) -> None:
    """Count a text, or a list by its parts, that is made. Raises TooMuchError when it is too long."""
    if length > _LONGEST:
        raise TooMuchError(f"a text or list of more than {_LONGEST:,} characters")
    _use(max(length, 0))


def _use(characters: int) -> None:
    if not (allowance := _allowance.get()):
        return
    allowance.left -= characters
    if allowance.left < 0:
        raise TooMuchError(f"it makes more than {_ALL:,} characters on the way")


def _length(value: object) -> int:
    """Return what a value itself takes: a list by the number of its parts."""
    if isinstance(value, str | bytes):
        return len(value)
    return len(value) * _PART if isinstance(value, list | tuple | dict | set | frozenset) else 0


def _size(value: object) -> int:
    """Return how long a value is, as a text; just over the limit when it is longer than that."""
    size, waiting = 0, [value]
    while waiting and size <= _LONGEST:
        value = waiting.pop()
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, Mapping):
            size += _PART
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, Collection):
            size += _PART
            waiting += value
        elif isinstance(value, int):
            size += value.bit_length() // 3 + 1
        else:
            size += _OBJECT if value is not None else 4
    return size


def _finalized(value: Any) -> Any:
    """Return what is about to be put out; a list is as long as the texts in it."""
    if isinstance(value, str):
        _use(len(value) + _PART)
    else:
        _take(_size(value) + _PART)
    return value


def _counted(made: Any) -> Any:
    """Return what a call made, counted; of a generator each part is, when it is made."""
    if isinstance(made, GeneratorType):
        return _each(made)
    if length := _length(made):
        _take(length)
    return made


def _each(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        _look()
        _take(_PART if isinstance(part, str) else max(_PART, _length(part)))
        yield part


# --- filters and methods that make more than they are given -------------------------------------


def _limited_filter(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses, before it begins, to make a huge text, and whose result is counted."""
    first = 1 if hasattr(made, "jinja_pass_arg") else 0
    check = _CHECKED_FILTERS.get(name)

    @wraps(made)  # with Jinja's marks
    def within_limits(*args: Any, **kwargs: Any) -> Any:
        _look()
        if check:
            args = (*args[:first], *check(args[first:], kwargs))
        return _counted(made(*args, **kwargs))

    return within_limits


_Given = tuple[Any, ...]
_Named = Mapping[str, Any]


def _check_width(given: _Given, named: _Named) -> _Given:
    if any(isinstance(each, int | float) and each > _WIDEST for each in (*given[1:], *named.values())):
        raise TooMuchError(f"a width or count of more than {_WIDEST:,}")
    return given


def _check_indent(given: _Given, named: _Named) -> _Given:
    _check_width(given, named)
    width = _argument(given, named, 1, "width", 4)
    text = str(given[0])
    _take(len(text) + (len(text.splitlines()) + 1) * (width if isinstance(width, int) else _size(width)))
    return given


def _check_broken(given: _Given, named: _Named) -> _Given:
    _check_width(given, named)
    if _size(given[0]) > _LONGEST_BROKEN:
        raise TooMuchError(
            f"a text of more than {_LONGEST_BROKEN:,} characters is to be broken into lines or searched"
        )
    _take(_size(given[0]) * (1 + _size(_argument(given, named, 3, "wrapstring", ""))))
    return given


def _check_searched(given: _Given, named: _Named) -> _Given:
    return _check_broken(given[:1], {}) and given


def _check_replace(given: _Given, named: _Named) -> _Given:
    text, old = str(given[0]), str(_argument(given, named, 1, "old", ""))
    _take(len(text) + text.count(old) * _size(_argument(given, named, 2, "new", "")))
    return given


def _check_format(given: _Given, named: _Named) -> _Given:
    _check_percent(str(given[0]), named or given[1:])
    return given


def _check_sum(given: _Given, named: _Named) -> _Given:
    if not isinstance(_argument(given, named, 2, "start", 0), int | float):
        raise SecurityError("a sum of what is no number")
    return given


def _check_parts(given: _Given, _named: _Named) -> _Given:
    """Look at the parts themselves: they are made one text, or another of each is made."""
    value = given[0]
    parts = list(_each(value)) if isinstance(value, Iterator) else value
    _take(_size(parts))
    return (parts, *given[1:])


def _check_join(given: _Given, named: _Named) -> _Given:
    given = _check_parts(given, named)
    between = _argument(given, named, 1, "d", "")
    _take(_size(between) * (len(given[0]) if hasattr(given[0], "__len__") else 1))
    return given


_CHECKED_FILTERS: Mapping[str, Callable[[_Given, _Named], _Given]] = {
    **dict.fromkeys(("center", "batch", "slice", "truncate", "round"), _check_width),
    "wordwrap": _check_broken,
    **dict.fromkeys(("urlize", "wrapped", "columns", "striptags", "title"), _check_searched),
    **dict.fromkeys(
        (
            "string",
            "e",
            "escape",
            "forceescape",
            "pprint",
            "sort",
            "groupby",
            "dictsort",
            "xmlattr",
            "urlencode",
        ),
        _check_parts,
    ),
    "tojson": lambda given, named: _check_width(_check_parts(given, named), named),
    "indent": _check_indent,
    "replace": _check_replace,
    "format": _check_format,
    "sum": _check_sum,
    "join": _check_join,
}


def _argument(given: _Given, named: _Named, at: int, name: str, default: object) -> Any:
    value = given[at] if len(given) > at else named.get(name, default)
    return default if value is None else value


def _checked_method(owner: str | bytes | int, name: str, args: _Given, named: _Named) -> _Given:
    """Return the arguments for a method of a text or number. Raises TooMuchError where it would make a huge one."""
    if isinstance(owner, int) or name not in (
        "format",
        "format_map",
        "join",
        "replace",
        "translate",
        "expandtabs",
    ):
        return _check_width((owner, *args), named)[1:]
    text: Any = owner
    if name == "join":
        return _check_join((args[0], text), {})[:1] if args else args
    if name == "replace" and len(args) > 1:
        _take(len(text) + text.count(args[0]) * _size(args[1]))
    elif name == "translate" and args:
        _take(len(text) * max([1, *map(_size, args[0].values())]))
    elif name == "expandtabs":
        _check_width((text, *args), named)
        _take(len(text) + len(text.splitlines()) + text.count("\t") * _argument(args, named, 0, "tabsize", 8))
    elif name in ("format", "format_map"):
        values = args[0] if name == "format_map" and args else (*args, *named.values())
        fields = [spec or "" for _, field, spec, _ in string.Formatter().parse(text) if field is not None]
        if len(fields) > _MOST_FIELDS or any("{" in spec or re.search(r"\d{5}", spec) for spec in fields):
            raise TooMuchError(f"a text with more than {_MOST_FIELDS} fields, or with a wide one")
        _take(len(text) + len(fields) * _longest_of(values))
    return args


def _check_percent(text: str | bytes, values: Any) -> None:
    """Look at text % values before it is made."""
    written = text if isinstance(text, str) else text.decode("latin-1")
    if "%" not in written:
        return
    for widths in _PERCENT.findall(written):
        if any(width == "*" or len(width) > 4 for width in widths):
            raise TooMuchError("a width of more than 9,999, or a computed one")
    wide = sum(int(width or 0) for widths in _PERCENT.findall(written) for width in widths)
    _take(len(written) + wide + written.count("%") * _longest_of(values))


def _longest_of(values: Any) -> int:
    parts = (
        values.values() if isinstance(values, Mapping) else values if isinstance(values, tuple) else (values,)
    )
    return max(map(_size, parts), default=0)
