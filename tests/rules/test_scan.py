from monitor.rules.scan import merged


def test_places_that_touch_become_one() -> None:
    assert merged([(7, 8), (0, 3), (2, 5)]) == [(0, 5), (7, 8)]
