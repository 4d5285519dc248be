"""Writes the metrics of a call in the text format of Prometheus, for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from common.metrics.metrics import FIGURES, read_figures


class CallCollector(Collector):
    """Reads what the processes of a call have left in its run folder."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client."""
        families = {name: _family(name) for name in FIGURES}
        for figure in read_figures(self._run_dir):
            labels = [figure.process, *(figure.labels.get(label, "") for label in FIGURES[figure.name].labels)]
            family = families[figure.name]
            if isinstance(family, SummaryMetricFamily):
                family.add_metric(labels, count_value=figure.times, sum_value=figure.value)
            else:
                family.add_metric(labels, figure.value)
        return families.values()


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily | SummaryMetricFamily:
    kind = FIGURES[name]
    labels = ["process", *kind.labels]
    if kind.kind == "summary":
        return SummaryMetricFamily(f"onlyme_{name}", kind.text, labels=labels)
    made = CounterMetricFamily if kind.kind == "counter" else GaugeMetricFamily
    return made(f"onlyme_{name}", kind.text, labels=labels)


def text_of(run_dir: Path) -> bytes:
    """Return the metrics of all processes of a call in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(CallCollector(run_dir))
    return generate_latest(registry)
