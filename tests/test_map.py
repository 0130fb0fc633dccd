from docs.make_map import MAP, make_map


def test_the_map_is_what_the_doors_say() -> None:
    assert MAP.read_text("utf-8") == make_map(), "run: make map"
