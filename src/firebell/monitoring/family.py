"""A metric family of Firebell (pure)."""

from collections.abc import Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

Sample = tuple[Sequence[str], float]


def gauge(name: str, text: str, labels: Sequence[str], samples: Sequence[Sample]) -> Metric:
    """Return a gauge with its samples."""
    family = GaugeMetricFamily(f"firebell_{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family


def counter(name: str, text: str, labels: Sequence[str], samples: Sequence[Sample]) -> Metric:
    """Return a counter with its samples; `name` is without `_total`."""
    family = CounterMetricFamily(f"firebell_{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family
