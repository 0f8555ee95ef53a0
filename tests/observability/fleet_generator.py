"""Makes PromQL by chance: the same queries for the same seed, all of them valid."""

from __future__ import annotations

import random
from collections.abc import Sequence

_AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
_RANKING = ("topk", "bottomk")
_OVER_TIME = ("avg", "min", "max", "sum", "count", "last", "present", "stddev")
_ELEMENTWISE = ("abs", "ceil", "floor", "sqrt", "exp", "sgn")
_ARITHMETIC = ("+", "-", "*", "/")
_COMPARISONS = (">", "<", ">=", "!=")


class Vocabulary:
    """What there is to ask for: gauges, counters, the base names of histograms, label names and values."""

    def __init__(
        self,
        gauges: Sequence[str],
        counters: Sequence[str],
        buckets: Sequence[str],
        labels: dict[str, Sequence[str]],
        clusters: Sequence[str],
        epoch_s: int,
    ) -> None:
        self.gauges, self.counters, self.buckets = gauges, counters, buckets
        self.labels, self.clusters, self.epoch_s = labels, clusters, epoch_s


class Generator:
    def __init__(self, words: Vocabulary, seed: int) -> None:
        self._words = words
        self._chance = random.Random(seed)

    def query(self) -> str:
        return self._vector(self._chance.choice((1, 2, 2, 3)))

    def _pick(self, *options: str) -> str:
        return self._chance.choice(options)

    def _matchers(self) -> str:
        found = []
        if self._chance.random() < 0.25:
            cluster = self._chance.choice(self._words.clusters)
            found.append(f'cluster{self._pick("=", "!=", "=~", "!~")}"{cluster}"')
        if self._chance.random() < 0.3:
            name = self._chance.choice(sorted(self._words.labels))
            found.append(f'{name}{self._pick("=", "!=", "=~")}"{self._chance.choice(self._words.labels[name])}"')
        return "{" + ",".join(found) + "}" if found else ""

    def _when(self) -> str:
        roll = self._chance.random()
        if roll < 0.12:
            return f" offset {self._pick('1m', '90s', '5m')}"
        return f" @ {self._words.epoch_s}" if roll < 0.15 else ""

    def _gauge(self) -> str:
        return self._chance.choice(self._words.gauges) + self._matchers()

    def _counter(self) -> str:
        return self._chance.choice(self._words.counters) + self._matchers()

    def _base(self) -> str:
        roll = self._chance.random()
        window = self._pick("1m", "2m", "5m")
        if roll < 0.35:
            return self._gauge() + self._when()
        if roll < 0.65:
            return f"{self._pick('rate', 'increase', 'irate')}({self._counter()}[{window}]{self._when()})"
        if roll < 0.85:
            return f"{self._chance.choice(_OVER_TIME)}_over_time({self._gauge()}[{window}]{self._when()})"
        inner = self._pick(f"rate({self._counter()}[1m])", self._gauge())
        return f"{self._pick('max', 'avg', 'min')}_over_time(({inner})[{self._pick('3m:30s', '2m:20s', '4m:1m')}])"

    def _grouping(self) -> str:
        names = [*sorted(self._words.labels), "cluster"]
        chosen = self._chance.sample(names, self._chance.randint(0, min(2, len(names))))
        roll = self._chance.random()
        if roll < 0.25:
            return ""
        return f" {'by' if roll < 0.7 else 'without'} ({', '.join(chosen)})"

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._base()
        roll = self._chance.random()
        inner = self._vector(depth - 1)
        if roll < 0.4:
            return f"{self._chance.choice(_AGGREGATIONS)}{self._grouping()} ({inner})"
        if roll < 0.47:
            # Of what is never the same twice: which of two equal values is taken is anyone's choice.
            uneven = self._pick(self._gauge(), f"rate({self._counter()}[5m])")
            return f"{self._chance.choice(_RANKING)}{self._grouping()} ({self._chance.randint(1, 4)}, {uneven})"
        if roll < 0.52:
            return f"quantile{self._grouping()} ({self._pick('0.1', '0.5', '0.9')}, {inner})"
        if roll < 0.56:
            return f'count_values{self._grouping()} ("v", round({inner}, 50))'
        if roll < 0.62:
            return self._histogram()
        if roll < 0.7:
            return f"{self._chance.choice(_ELEMENTWISE)}({inner})"
        if roll < 0.78:
            return f"({inner}) {self._chance.choice(_ARITHMETIC)} {self._pick('2', '0.5', '100')}"
        if roll < 0.84:
            return f"({inner}) {self._chance.choice(_COMPARISONS)} {self._pick('bool ', '')}{self._pick('0.1', '5')}"
        if roll < 0.9:
            return self._between()
        if roll < 0.94:
            return f"({inner}) {self._pick('and', 'or', 'unless')} ({self._vector(depth - 1)})"
        if roll < 0.97:
            return f"max_over_time(sum{self._grouping()} ({self._base()})[{self._pick('2m:30s', '3m:1m')}])"
        return f"absent({inner})"

    def _histogram(self) -> str:
        name = self._chance.choice(self._words.buckets) + self._matchers()
        keep = self._pick("le", "le, cluster")
        return (
            f"histogram_quantile({self._pick('0.5', '0.9')}, sum by ({keep}) (rate({name}[{self._pick('2m', '5m')}])))"
        )

    def _between(self) -> str:
        """Two aggregations that surely match one to one, or many to one across clusters."""
        label = self._chance.choice([*sorted(self._words.labels), "cluster"])
        left, right = (f"{self._pick('sum', 'avg', 'max')} by ({label}) ({self._base()})" for _ in range(2))
        if self._chance.random() < 0.5:
            return f"{left} {self._chance.choice(_ARITHMETIC)} {right}"
        many = (
            f"sum by ({label}, cluster) ({self._base()})"
            if label != "cluster"
            else f"sum by (cluster) ({self._base()})"
        )
        return f"{many} {self._chance.choice(_ARITHMETIC)} on ({label}) group_left () {right}"
