"""Write figures in the text format of Prometheus (its exposition format, version 1.0.0)."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.queries.figures import Figures

CONTENT_TYPE = CONTENT_TYPE_LATEST


def as_metrics(figures: Figures) -> bytes:
    """Return figures, and those of the process itself, as a scrape wants them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_Figures(figures))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield InfoMetricFamily("monitor", "This program.", value={"version": __version__})
        yield _counts("monitor_polls", "Visits to feeds since the start.", "outcome", figures.polls)
        yield _count("monitor_entries", "New entries since the start.", figures.entries)
        yield _count("monitor_matches", "New entries that a rule matches, since the start.", figures.matches)
        yield _count("monitor_digests", "Digests composed since the start.", figures.digests)
        yield _counts("monitor_mails", "Attempts to send a mail since the start.", "outcome", figures.mails)
        yield _counts("monitor_reloads", "Edits of config.toml since the start.", "outcome", figures.reloads)
        yield _gauges("monitor_outbox_mails", "Mails in the outbox.", "status", figures.outbox)
        yield GaugeMetricFamily(
            "monitor_outbox_oldest_waiting_seconds",
            "Age of the oldest mail that waits; 0 when none does.",
            value=figures.oldest_waiting.total_seconds(),
        )
        yield _gauges("monitor_feeds", "Feeds by how they do.", "state", figures.feeds)
        yield _gauges("monitor_parsers", "Processes that parse feeds.", "state", figures.parsers)


def _count(name: str, help_text: str, value: int) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)


def _counts(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _gauges(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
