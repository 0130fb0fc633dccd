"""What renders digests and notices, as types; and how much of the room in a mail a rendered digest takes."""

from collections.abc import Callable

from monitor.model.digests import Digest
from monitor.model.mail import Rendered
from monitor.model.notices import Notice
from monitor.texts import sentence

RenderDigest = Callable[[Digest], Rendered]
RenderNotice = Callable[[Notice], Rendered]

LARGEST = 90_000  # bytes of HTML: Gmail cuts a mail off at about 102 kB, and the end with it
LARGEST_TEXT = 60_000  # bytes of the text part: encoded, both parts and the headers stay below 250 kB


def fullness(rendered: Rendered) -> float:
    """Return how much of the room in a mail is taken, by the part that takes most; over 1 it is too large."""
    return max(len(part.encode()) / largest for _, part, largest in _measured(rendered))


def excess(rendered: Rendered) -> str:
    """Return which template made too much for a mail, and how much; "" when all fits."""
    return next(
        (
            sentence(
                "template {name}: makes {size:,} bytes, and a mail takes {largest:,}.",
                **{"name": name, "size": size, "largest": largest},
            )
            for name, part, largest in _measured(rendered)
            if (size := len(part.encode())) > largest
        ),
        "",
    )


def _measured(rendered: Rendered) -> tuple[tuple[str, str, int], ...]:
    return (
        ("digest.html.j2", rendered.html, LARGEST),
        ("digest.txt.j2", rendered.text, LARGEST_TEXT),
    )
