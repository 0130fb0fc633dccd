"""Parse in this process, for tests of what comes before and after: plain documents as the service does, too."""

from datetime import datetime

from monitor.config.options import Feed
from monitor.feeds.body import Body
from monitor.feeds.parse import parse
from monitor.model.feeds import ParsedFeed


async def parse_here(
    body: Body, *, feed: Feed, now: datetime, content_type: str, url: str = "", suspect: bool = False
) -> ParsedFeed:
    """Parse a document, as a ParserPool does in another process."""
    return parse(body.read(), feed=feed, now=now, content_type=content_type, url=url)
