"""Fetch feeds over HTTP: conditional requests, redirects, cookies, proxies, limits, no private addresses.

The only module that speaks HTTP to the outside world; what it receives comes by connection.py.
"""

import asyncio
import base64
import re
import socket
import ssl
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from monitor import __version__
from monitor.config.options import Feed, FetchOptions
from monitor.config.secrets import feed_password
from monitor.config.values import in_words
from monitor.errors import ConfigError, FetchError
from monitor.feeds.body import Body
from monitor.feeds.connection import CHUNK, Connector, socks_connector
from monitor.feeds.document import decompressor, is_cut
from monitor.feeds.links import is_plain, request_address
from monitor.feeds.pace import conditional_headers, read_date, read_max_age, read_retry_after, read_validators
from monitor.feeds.text import clean
from monitor.masking import mask
from monitor.model.address import is_forbidden, literal_address
from monitor.model.feeds import Validators
from monitor.reasons import reason_of
from monitor.texts import sentence

T = TypeVar("T")
_Response = AbstractAsyncContextManager[aiohttp.ClientResponse]

_REQUESTS_PER_HOST = 2  # at one time
_LARGE = 300_000  # bytes of a body, unpacked
_COMPRESSED = 512  # bytes: half a megabyte at most, unpacked
_MOST_LARGE = 16  # large bodies at one time, on the disk; a few may come from servers that fall silent
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT = (301, 308)
_WITHOUT_DOCUMENT = (204, 205, 206)  # of the 2xx; 206 has a part of one that nobody asked for
_LONGEST_HEADER = 70_000  # bytes: more than any real one; the number of headers is aiohttp's limit, 128
_WITHOUT_HOST = re.compile(r"(?:https?:)?//(?:[/?#]|$)", re.IGNORECASE)  # a Location
_BUFFER = 8 * 1024  # bytes of a body that aiohttp holds, twice that at most, and a chunk
_LONGEST_REASON = 200  # characters of an error's text
_HEADERS = {
    "User-Agent": f"feed-monitor/{__version__} (feed reader)",
    "Accept": "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
}


# The addresses refused while this task was connecting: the connector's error says only that it could not connect.
_refused_addresses: ContextVar[list[str]] = ContextVar("refused_addresses")
# The time limit of the visit that this task makes.
_limit: ContextVar[asyncio.Timeout] = ContextVar("limit")


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The server's document."""

    body: Body
    content_type: str  # the header as it came; "" without one
    validators: Validators
    url: str  # where the redirects ended
    moved_permanently: bool = False  # there were redirects, all of them permanent
    max_age: timedelta | None = None  # how long the server calls it fresh
    date: datetime | None = None  # by the server's clock; None: it does not say
    # To be called when the body is not needed any more.
    release: Callable[[], None] = field(default=_nothing, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """Nothing new since the last visit (304)."""

    validators: Validators  # the newest: a 304 may bring other ones (RFC 9110 section 15.4.5)
    url: str = ""  # as in Fetched
    moved_permanently: bool = False
    max_age: timedelta | None = None
    date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the requests of a visit have in common, redirects included."""

    url: URL
    proxy: str
    user_agent: str  # "": the program's
    headers: Mapping[str, str] = field(repr=False)  # for the feed's own host, secrets among them

    def headers_for(self, url: URL) -> dict[str, str]:
        """Return the headers of a request for a URL; the feed's own for its host alone, and not from https to http."""
        agent = {"User-Agent": self.user_agent} if self.user_agent else {}
        if not self.headers:
            return agent
        is_upgraded = (self.url.scheme, self.url.port, url.scheme, url.port) == ("http", 80, "https", 443)
        is_own = url.host == self.url.host and (is_upgraded or url.origin() == self.url.origin())
        return agent | (dict(self.headers) if is_own else {})


class _HungUp(aiohttp.ClientConnectionError):
    """The server ended the connection before the head of its answer had come."""


Fetch = Callable[[Feed, Validators], Awaitable[Fetched | NotModified]]


class Fetcher:
    """An HTTP client with one session per proxy. Close it, or use it as a context."""

    def __init__(self, options: FetchOptions, *, folder: Path = Path()) -> None:
        """`folder` is what relative paths of password files count from."""
        self._options = options
        self._folder = folder
        self._large_bodies = asyncio.Semaphore(_MOST_LARGE)
        self._sessions: dict[str, aiohttp.ClientSession] = {}  # by proxy, made when first needed
        self._host_slots: dict[object, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_REQUESTS_PER_HOST)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def fetch(self, feed: Feed, validators: Validators) -> Fetched | NotModified:
        """Request a feed's document, unless it is unchanged since the visit that brought the validators.

        Follows redirects; validators are sent to the very url that gave them, and to no other. Raises FetchError, whose
        text is fit for the operator.
        """
        return await self._visit(feed, lambda request, url: self._follow(request, url, validators))

    async def server_time(self, feed: Feed) -> datetime | None:
        """Return the time by the clock of a feed's server, or of what answers in its place; None if it does not tell.

        Of one answer only the headers are read. Raises FetchError.
        """
        return await self._visit(feed, self._read_time)

    async def status(self, feed: Feed) -> int:
        """Return the HTTP status of a feed's answer; redirects are not followed. Raises FetchError."""
        return await self._visit(feed, self._read_status)

    async def _visit(self, feed: Feed, work: Callable[[_Request, URL], Awaitable[T]]) -> T:
        """Return what `work` returns for a feed's request and URL, within the time limit. Raises FetchError."""
        proxy = feed.proxy or self._options.proxy
        refused_addresses: list[str] = []
        _refused_addresses.set(refused_addresses)
        try:
            url = _url(feed.url)
            request = self._request(feed, url, proxy)
            # The wait for a slot is our own doing, not the server's: it is outside the time limit.
            async with self._host_slots[url.host, url.port]:
                async with asyncio.timeout(self._options.timeout.total_seconds()) as limit:
                    _limit.set(limit)
                    return await work(request, url)
        except TimeoutError:
            what = sentence("no answer within {span}", span=in_words(self._options.timeout))
            raise FetchError(what, connection=True) from None
        except _failures() as error:
            # The error beneath may hold the proxy's password.
            raise FetchError(
                _describe(error, refused_addresses, proxy),
                connection=isinstance(error, _connection_errors()) and not refused_addresses,
            ) from (None if proxy else error)

    def _request(self, feed: Feed, url: URL, proxy: str) -> _Request:
        try:
            password = feed_password(feed, folder=self._folder)
        except ConfigError as error:
            raise FetchError(error.text) from None
        headers = {"Cookie" if name.lower() == "cookie" else name: value for name, value in feed.headers}
        if feed.username:
            login = base64.b64encode(f"{feed.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return _Request(url=url, proxy=proxy, user_agent=feed.user_agent, headers=headers)

    async def _follow(self, request: _Request, url: URL, validators: Validators) -> Fetched | NotModified:
        """Request a URL and what it redirects to; cookies go back to the host they came from, for this visit."""
        statuses: list[int] = []
        redirected: set[tuple[URL, str | None]] = set()
        cookies: dict[str | None, aiohttp.CookieJar] = {}
        for _ in range(_MOST_REDIRECTS + 1):
            sent = validators if validators.url == str(url) else Validators(url=str(url))
            headers = request.headers_for(url) | conditional_headers(sent)
            if url.host in cookies and (pairs := _cookie_pairs(cookies[url.host], url)):
                headers["Cookie"] = "; ".join([*filter(None, [headers.pop("Cookie", "")]), *pairs])
            async with self._get(url, request.proxy, headers) as response:
                if response.status not in _REDIRECTS:
                    answer = await self._read(response, sent)
                    permanently = bool(statuses) and all(status in _PERMANENT for status in statuses)
                    return replace(answer, moved_permanently=True) if permanently else answer
                # A gate may let through who comes back, with its cookie or without: once.
                request_made = url, headers.get("Cookie")
                if request_made in redirected:
                    what = sentence("HTTP {status}: the address redirects to itself", status=response.status)
                    raise FetchError(what)
                redirected.add(request_made)
                statuses.append(response.status)
                jar = cookies.setdefault(url.host, aiohttp.CookieJar(unsafe=True))
                jar.update_cookies(response.cookies, url)
                url = _redirect_target(response)
        raise FetchError(sentence("more than {number} redirects", number=_MOST_REDIRECTS))

    async def _read_time(self, request: _Request, url: URL) -> datetime | None:
        # A cache must not answer with the time of yesterday.
        headers = request.headers_for(url) | {"Cache-Control": "no-cache"}
        async with self._get(url, request.proxy, headers) as response:
            return read_date(response.headers)

    async def _read_status(self, request: _Request, url: URL) -> int:
        async with self._get(url, request.proxy, request.headers_for(url)) as response:
            return response.status

    def _get(self, url: URL, proxy: str, headers: Mapping[str, str]) -> _Response:
        if proxy:
            self._refuse_private_literal(url)
        return self._session(proxy).get(
            url,
            headers=headers,
            allow_redirects=False,
            proxy=proxy if proxy.startswith("http") else None,
        )

    def _refuse_private_literal(self, url: URL) -> None:
        """Raise FetchError for a private IP address in a URL: through a proxy, `_new_socket` does not see it."""
        address = literal_address(url.host or "")
        if address and is_forbidden(address, self._options.allow_private):
            raise FetchError(_private_address(address))

    def _session(self, proxy: str) -> aiohttp.ClientSession:
        if proxy not in self._sessions:
            self._sessions[proxy] = aiohttp.ClientSession(
                connector=self._connector(proxy),
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                read_bufsize=_BUFFER,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
                middlewares=(_once,),
            )
        return self._sessions[proxy]

    def _connector(self, proxy: str) -> aiohttp.BaseConnector:
        # force_close: a thousand idle TLS connections hold hundreds of MB, and many servers drop them.
        if proxy.startswith("socks"):
            # The proxy resolves the name: where a proxy is needed, the local answer is often a lie.
            url = proxy.replace("socks5h://", "socks5://", 1)
            return socks_connector().from_url(url, rdns=True, limit=0, force_close=True)
        return Connector(
            resolver=aiohttp.ThreadedResolver(),
            socket_factory=None if proxy else self._new_socket,
            limit=0,
            force_close=True,
        )

    def _new_socket(self, address_info: aiohttp.AddrInfoType) -> socket.socket:
        """Refuse private addresses here, where every address arrives: of names, of literals, of redirects."""
        family, kind, protocol, _, (address, *_) = address_info
        if is_forbidden(str(address), self._options.allow_private):
            _refused_addresses.get().append(str(address))
            raise PermissionError(f"{address} is private")
        return socket.socket(family, kind, protocol)

    async def _read(
        self, response: aiohttp.ClientResponse, sent_validators: Validators
    ) -> Fetched | NotModified:
        """Read the last answer of a visit. Raises FetchError for any status but 304 and those with a document."""
        max_age = read_max_age(_with_one_cache_control(response))
        if response.status == 304:
            if not conditional_headers(sent_validators):
                what = sentence('HTTP 304 ("not modified"), though nothing was known yet')
                raise FetchError(what, status=304)
            return NotModified(
                validators=read_validators(response.headers, sent_validators),
                url=str(response.url),
                max_age=max_age,
                date=read_date(response.headers),
            )
        if not 200 <= response.status < 300 or response.status in _WITHOUT_DOCUMENT:
            raise FetchError(
                _refusal(response),
                status=response.status,
                retry_after=read_retry_after(response.headers),
                permanent=response.status == 410,
            )
        decompress = decompressor(response.headers.get("Content-Encoding", ""), self._options.max_bytes)
        body, release = await self._read_body(response, decompress)
        return Fetched(
            body=body,
            content_type=response.headers.get("Content-Type", ""),
            # With those of a document that was cut, a 304 would hide the rest of it for good.
            validators=Validators()
            if is_cut(body)
            else read_validators(response.headers, Validators(url=sent_validators.url)),
            url=str(response.url),
            max_age=max_age,
            date=read_date(response.headers),
            release=release,
        )

    async def _read_body(
        self, response: aiohttp.ClientResponse, decompress: Callable[[bytes], bytes]
    ) -> tuple[Body, Callable[[], None]]:
        """Return the body, and what is to be called when it is not needed any more.

        Of a large one the rest is read when fewer than sixteen others are held.
        """
        held, body, step, is_large = ExitStack(), Body(), 0, False
        held.callback(body.close)
        try:
            async for chunk in response.content.iter_chunked(CHUNK):
                step = step or (CHUNK if chunk.lstrip()[:1] in (b"<", b"{") else _COMPRESSED)
                for start in range(0, len(chunk), step):
                    body.write(decompress(chunk[start : start + step]))
                    if len(body) > _LARGE and not is_large:
                        await self._wait_for_large()
                        held.callback(self._large_bodies.release)
                        is_large = True
            body.write(decompress(b""))
        except BaseException:
            held.close()
            raise
        return body, held.close

    async def _wait_for_large(self) -> None:
        """Wait until one more body may be large: our own doing, not the server's, and outside the time limit."""
        limit, loop = _limit.get(), asyncio.get_running_loop()
        left = (limit.when() or loop.time()) - loop.time()
        limit.reschedule(None)
        try:
            await self._large_bodies.acquire()
        finally:
            limit.reschedule(loop.time() + left)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request. Raises _HungUp for the errors after which aiohttp would send it a second time by itself.

    That is meant for a connection that was kept, and may have ended meanwhile (RFC 9110 section 9.2.2). Ours are new,
    and aiohttp has no option (aio-libs/aiohttp issue 10790).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _HungUp(*error.args) from error


def _proxy_errors() -> tuple[type[Exception], ...]:
    of_http = aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError
    if "aiohttp_socks" not in sys.modules:
        return of_http
    from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    return *of_http, ProxyError, ProxyConnectionError, ProxyTimeoutError  # they have no class in common


def _failures() -> tuple[type[Exception], ...]:
    return aiohttp.ClientError, *_proxy_errors(), OSError, ValueError


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return the errors after which no whole answer came: a proxy says so, or a captive portal or a wrong clock spoils
    the certificate, among others.
    """
    return aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, *_proxy_errors(), OSError


def _url(address: str) -> URL:
    """Return an address to request as it is written: %2F, %3A and the like are not the characters they stand for."""
    url = URL(address.partition("#")[0])
    if is_plain(address) and str(url) == address:
        return url
    return URL(request_address(address, url.raw_host or ""), encoded=True)


def _with_one_cache_control(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Return the headers of an answer; a list may come in several of them (RFC 9110 section 5.3)."""
    several = response.headers.getall("Cache-Control", ())
    if len(several) < 2:
        return response.headers
    joined = response.headers.copy()
    joined["Cache-Control"] = ", ".join(several)
    return joined


def _cookie_pairs(jar: aiohttp.CookieJar, url: URL) -> list[str]:
    return [f"{name}={cookie.coded_value}" for name, cookie in jar.filter_cookies(url).items()]


def _redirect_target(response: aiohttp.ClientResponse) -> URL:
    location = response.headers.get("Location", "").strip()
    # Parsers disagree on the host behind a backslash, readers on the one behind an @; no feed needs them. An address
    # without its host would be completed with ours.
    if not location or "\\" in location or _WITHOUT_HOST.match(location):
        raise FetchError(sentence("HTTP {status} without a valid Location", status=response.status))
    target = _url(urljoin(str(response.url), location))
    if target.scheme not in ("http", "https") or not target.host or target.raw_user is not None:
        raise FetchError(
            sentence("HTTP {status} to an address that is not plain http or https", status=response.status)
        )
    return target


def _refusal(response: aiohttp.ClientResponse) -> str:
    if response.headers.get("cf-mitigated") == "challenge":
        status = response.status
        return sentence("HTTP {status}: the site lets only browsers in (bot protection)", status=status)
    return f"HTTP {response.status} {clean(response.reason or '')[:100]}".strip()


def _describe(error: Exception, refused_addresses: list[str], proxy: str) -> str:
    """Return what went wrong, in the operator's words."""
    if refused_addresses:
        return _private_address(refused_addresses[0])
    if isinstance(error, aiohttp.ClientHttpProxyError):  # its text has the proxy's address, password and all
        reason = clean(f"HTTP {error.status} {error.message}")[:_LONGEST_REASON]
        return sentence("the proxy {proxy} does not let us through: {why}", proxy=mask(proxy), why=reason)
    if isinstance(error, _proxy_errors()):
        why = _reason(error)
        return sentence("the proxy {proxy} does not let us through: {why}", proxy=mask(proxy), why=why)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        refused = getattr(error, "certificate_error", error)
        return sentence("the server's certificate is not trusted: {why}", why=reason_of(refused))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return sentence("the name {host} is not known to the resolver", host=error.host)
    if isinstance(error, aiohttp.ClientConnectorError):
        why = reason_of(error.os_error)
        return sentence("{host}:{port} cannot be reached: {why}", host=error.host, port=error.port, why=why)
    if isinstance(error, _HungUp):
        return sentence("the server hung up without an answer")
    if isinstance(error, aiohttp.InvalidURL):
        return sentence("the address, or where it redirects to, is not valid")
    return sentence("the server's answer cannot be read: {why}", why=_reason(error))


def _private_address(address: str) -> str:
    return sentence(
        '{address} is a private address. If the feed is yours, add it to [fetch] allow_private = ["{address}"]',
        address=address,
    )


def _reason(error: Exception) -> str:
    text = clean(str(error)) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
