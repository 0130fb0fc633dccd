"""An option can be set by an environment variable, which stands above the file."""

from datetime import timedelta

import pytest

from monitor.config.environment import overrides_of
from monitor.config.options import Config
from monitor.config.reading import parse_config
from monitor.errors import ConfigError


def configured(text: str = "", **environ: str) -> Config:
    """Return the configuration that a text and an environment make."""
    return parse_config(text, "config.toml", overrides=overrides_of(environ))


def refused(text: str = "", **environ: str) -> str:
    """Return why a text and an environment are refused."""
    with pytest.raises(ConfigError) as raised:
        configured(text, **environ)
    return str(raised.value)


def test_a_variable_stands_above_the_file() -> None:
    config = configured('[fetch]\ntimeout = "9s"\nconcurrency = 3', MONITOR_FETCH__TIMEOUT="10s")
    assert (config.fetch.timeout, config.fetch.concurrency) == (timedelta(seconds=10), 3)


def test_a_variable_is_enough_where_the_file_has_no_such_table() -> None:
    assert configured(MONITOR_SMTP__HOST="mail.example.org").smtp.host == "mail.example.org"


def test_numbers_and_truth_values_are_read_as_in_toml() -> None:
    config = configured(MONITOR_SMTP__PORT="587", MONITOR_WEB__ENABLED="true")
    assert (config.smtp.port, config.web.enabled) == (587, True)


def test_a_list_is_written_as_in_toml() -> None:
    config = configured(MONITOR_OPERATOR__TO='["me@example.org", "you@example.org"]')
    assert config.operator.to == ("me@example.org", "you@example.org")


def test_a_name_made_of_digits_stays_a_text() -> None:
    assert configured(MONITOR_SMTP__USERNAME="10001").smtp.username == "10001"


def test_quotation_marks_as_in_toml_are_no_part_of_a_text() -> None:
    assert configured(MONITOR_SMTP__HOST='"mail.example.org"').smtp.host == "mail.example.org"


def test_an_empty_variable_sets_nothing() -> None:
    assert (
        configured('[smtp]\nhost = "mail.example.org"', MONITOR_SMTP__HOST="").smtp.host == "mail.example.org"
    )


@pytest.mark.parametrize(
    "variable", ["MONITOR_CONFIG", "MONITOR_SMTP__PASSWORD", "MONITOR_PORT_8080_TCP", "HOME"]
)
def test_other_variables_are_none_of_the_options(variable: str) -> None:
    assert configured(**{variable: "x"}) == Config()


def test_a_variable_that_no_option_has_is_refused_with_the_nearest_one() -> None:
    problem = refused(MONITOR_SMTP__PROT="587")
    assert problem == ('environment, MONITOR_SMTP__PROT: is no option. Did you mean "MONITOR_SMTP__PORT"?')


def test_a_value_that_an_option_does_not_take_is_refused_by_the_name_of_the_variable() -> None:
    assert "environment, MONITOR_SMTP__PORT: " in refused(MONITOR_SMTP__PORT="many")
    assert "environment, MONITOR_OPERATOR__TO: " in refused(MONITOR_OPERATOR__TO="me@example.org")


def test_thousands_of_brackets_are_a_mistake_like_others() -> None:
    problem = refused(MONITOR_FETCH__CONCURRENCY="[" * 5000)
    assert problem.startswith("environment, MONITOR_FETCH__CONCURRENCY: ")
    assert len(problem) < 300
    assert "too deep" in refused("x = " + "[" * 5000)


def test_an_address_to_be_asked_has_no_blank() -> None:
    assert configured(MONITOR_OPERATOR__HEARTBEAT=" https://hc.example.org/a ").operator.heartbeat.endswith(
        "/a"
    )
    for address in ("https://hc.example.org/a b", "https://hc.example.org/a\tb", "https://hc example.org/a"):
        assert "an address without blanks is expected" in refused(MONITOR_OPERATOR__HEARTBEAT=address)


def test_the_file_is_named_for_what_stands_in_the_file() -> None:
    assert "line 2, [smtp], port: " in refused("[smtp]\nport = 0", MONITOR_SMTP__HOST="mail.example.org")


def test_a_mistake_in_the_environment_does_not_name_the_file() -> None:
    assert refused(MONITOR_SMPT__HOST="x").startswith("environment, MONITOR_SMPT__HOST: ")
    assert refused(MONITOR_SMTP__PORT="x").startswith("environment, MONITOR_SMTP__PORT: ")
    assert refused("[fetch]\ntimeout = 3").startswith("config.toml, line 2")
