import base64
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher
from tests import make
from tests.edges.fetching import UNKNOWN, options
from tests.edges.web import Request, Web, ok, redirect, serve

SECRET: dict[str, Any] = {
    "headers": (("X-Api-Key", "k-123"), ("cookie", "own=1")),
    "username": "王",
    "password_file": "password",
}
LOGIN = "Basic " + base64.b64encode("王:geheim".encode()).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("geheim\n", "utf-8")
    return tmp_path


async def visit(url: str, folder: Path, **differ: Any) -> Fetched:
    async with Fetcher(options(), folder=folder) as fetcher:
        answer = await fetcher.fetch(make.feed(url=url, **differ), UNKNOWN)
    assert isinstance(answer, Fetched)
    return answer


def secrets(web: Web) -> list[tuple[str | None, ...]]:
    names = ("authorization", "x-api-key", "cookie")
    return [tuple(request.headers.get(name) for name in names) for request in web.requests]


async def test_a_feed_may_have_headers_an_agent_and_a_login_of_its_own(folder: Path) -> None:
    async with serve(lambda _: ok()) as web:
        await visit(web.url(), folder, user_agent="Mozilla/5.0", **SECRET)
        (request,) = web.requests
    assert secrets(web) == [(LOGIN, "k-123", "own=1")]
    assert request.headers["user-agent"] == "Mozilla/5.0"
    assert "application/rss+xml" in request.headers["accept"]


async def test_what_is_secret_stays_with_the_host_when_it_redirects(folder: Path) -> None:
    def respond(request: Request) -> bytes:
        return ok() if request.path == "/rss" else redirect("/rss", Set_Cookie="ok=1; path=/")

    async with serve(respond) as web:
        await visit(web.url("/old"), folder, **SECRET)
    assert secrets(web) == [(LOGIN, "k-123", "own=1"), (LOGIN, "k-123", "own=1; ok=1")]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_is_secret_is_not_sent_to_another_host_or_port(folder: Path, host: str) -> None:
    async with serve(lambda _: ok()) as other:
        target = other.url("/rss").replace("127.0.0.1", host)
        async with serve(lambda _: redirect(target)) as web:
            await visit(web.url(), folder, user_agent="Reader/1", **SECRET)
    assert secrets(other) == [(None, None, None)]
    assert other.requests[0].headers["user-agent"] == "Reader/1"


async def test_a_password_file_that_has_gone_is_named(folder: Path) -> None:
    (folder / "password").unlink()
    with pytest.raises(FetchError, match="password_file: cannot be read"):
        await visit("http://127.0.0.1:9/", folder, **SECRET)
