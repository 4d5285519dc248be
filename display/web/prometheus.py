"""Writes the metrics of a call in the text format of Prometheus, for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from common.metrics.metrics import METRICS, read_samples


class CallCollector(Collector):
    """Read the samples of all processes of a call from its run folder."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def collect(self) -> Iterable[Metric]:
        """See prometheus-client."""
        families = {name: _family(name) for name in METRICS}
        for sample in read_samples(self._run_dir):
            labels = [sample.process, *(sample.labels.get(label, "") for label in METRICS[sample.name].labels)]
            family = families[sample.name]
            if isinstance(family, SummaryMetricFamily):
                family.add_metric(labels, count_value=sample.times, sum_value=sample.value)
            else:
                family.add_metric(labels, sample.value)
        return families.values()


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily | SummaryMetricFamily:
    kind = METRICS[name]
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
