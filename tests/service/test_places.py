import asyncio

from monitor.service.places import Places, Turns

A, A2, A3, B = (f"http://{host}.example/{path}" for host, path in (("a", 1), ("a", 2), ("a", 3), ("b", 1)))


async def test_a_host_gets_two_places_at_most() -> None:
    places = Places(32)
    assert list(map(places.admission(), (A, A2, A3, B))) == [True, True, False, True]
    first, second = places.take(A), places.take(A2)
    assert list(map(places.admission(), (A3, B))) == [False, True]
    first.leave()
    assert list(map(places.admission(), (A3, B))) == [True, True]
    second.leave()


async def test_another_port_is_another_host() -> None:
    assert all(map(Places(32).admission(), [f"http://127.0.0.1:{port}/" for port in (81, 81, 82, 82)]))


async def test_a_place_is_free_when_the_download_has_ended() -> None:
    places = Places(1)
    place = places.take(A)
    assert places.free == 0
    place.downloaded(1000)
    assert (places.free, place.has_left_host.is_set()) == (1, True)
    place.leave()
    assert (places.free, places.waiting, places.taken.total()) == (1, 0, 0)


async def test_a_place_is_kept_while_too_many_documents_wait() -> None:
    places = Places(3)
    polls = [places.take(url) for url in (A, A2, B)]
    for poll in polls:
        poll.downloaded(8_000_000)
    assert places.free == 2
    for poll in polls:
        poll.leave()
    assert (places.free, places.waiting, places.taken.total()) == (3, 0, 0)


async def test_a_slow_download_gives_its_place_to_another_host_but_not_to_its_own() -> None:
    places, freed = Places(1), asyncio.Event()
    place = places.take(A, freed=freed.set)
    places.take(A2).leave()
    await asyncio.wait_for(freed.wait(), 10)
    assert (places.free, places.slow, place.has_left_host.is_set()) == (1, 1, False)
    place.leave()
    assert (places.free, places.slow, places.taken.total()) == (1, 0, 0)


def test_requests_to_one_host_begin_a_second_or_two_apart_however_late_the_next_one_comes() -> None:
    turns = Turns(lambda: 0.5)
    assert [turns.wait(host, 100.0) for host in ("a", "a", "b", "a")] == [0, 1.5, 0, 3]
    assert turns.wait("a", 104.0) == 0.5
    assert turns.wait("a", 110.0) == 0
    assert turns.wait("a", 110.0) == 1.5
