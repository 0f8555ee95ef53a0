"""What a shipped watch is before it is fitted to a cluster."""

from __future__ import annotations

import msgspec


class Variant(msgspec.Struct, frozen=True):
    """One way to ask: usable where the cluster has all of `needs`, which are metric names.

    `prometheus_query` is the better query where a real Prometheus answers, in words that the own store lacks.
    """

    needs: tuple[str, ...]
    query: str
    title: str | None = None
    prometheus_query: str | None = None


class WatchTemplate(msgspec.Struct, frozen=True):
    """As `ports.Watch`; the first of `variants` that is usable on a cluster is taken there."""

    name: str
    title: str
    unit: str
    worse: str
    minimum: float
    subject_labels: tuple[str, ...]
    variants: tuple[Variant, ...]
    symptom: bool = False
    silence_s: float | None = None
