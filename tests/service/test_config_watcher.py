"""When an edit of config.toml is taken up, told by looks at its content."""

from monitor.service.config_watcher import STANDS, ConfigWatcher, Step


class Looks:
    """A watcher whose looks are half a second apart."""

    def __init__(self) -> None:
        self.watcher, self.now = ConfigWatcher("a"), 0.0

    def at(self, *contents: str, in_force: str = "a") -> list[Step]:
        steps = []
        for content in contents:
            self.now += 0.5
            steps.append(self.watcher.look(content, in_force=in_force, now=self.now))
        return steps


def test_an_edit_is_taken_up_at_the_second_look() -> None:
    assert Looks().at("a", "b", "c", "c") == [Step.NOTHING, Step.NOTHING, Step.NOTHING, Step.RELOAD]


def test_a_refused_edit_is_not_read_again_and_what_is_in_force_is_restored() -> None:
    looks = Looks()
    looks.at("b", "b")
    looks.watcher.refuse("b")
    assert looks.at("b", "b") == [Step.NOTHING, Step.NOTHING]
    assert looks.at("a", "a", "a") == [Step.NOTHING, Step.RESTORED, Step.NOTHING]


def test_a_postponed_edit_takes_effect_when_it_has_stood_unchanged() -> None:
    looks = Looks()
    assert looks.at("b", "b")[-1] is Step.RELOAD
    looks.watcher.postpone("b")
    looks.now += STANDS - 1.5
    assert looks.at("b", "b") == [Step.NOTHING, Step.CONFIRMED]


def test_a_postponed_edit_that_was_away_in_between_waits_anew() -> None:
    looks = Looks()
    looks.at("b", "b")
    looks.watcher.postpone("b")
    assert looks.at("c", "b") == [Step.NOTHING, Step.NOTHING]
    looks.now += STANDS - 1
    assert looks.at("b", "b") == [Step.NOTHING, Step.CONFIRMED]


def test_a_postponed_edit_that_is_taken_back_or_refused_is_forgotten() -> None:
    looks = Looks()
    looks.at("b", "b")
    looks.watcher.postpone("b")
    assert looks.at("a", "a", "a") == [Step.NOTHING, Step.RESTORED, Step.NOTHING]
    looks.watcher.postpone("b")
    looks.at("c", "c")
    looks.watcher.refuse("c")
    assert looks.at("b", "b") == [Step.NOTHING, Step.RELOAD]
