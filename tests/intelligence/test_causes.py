from __future__ import annotations

from uuid import UUID

import numpy as np

from aiops.intelligence.domain.causes import AlertSignal, Signal
from aiops.intelligence.ranking.incident import rank
from aiops.kernel.ids import new_id

CLUSTER = new_id()
STEP = 15.0
TIMES = np.arange(0.0, 3600.0, STEP)
ONSET = 3300.0


def signal(
    name: str,
    *,
    level: float,
    to: float,
    at: float = ONSET,
    window: float = 120.0,
    symptom: bool = False,
    cluster: UUID = CLUSTER,
    noise: float = 0.02,
    anomaly: bool = True,
) -> Signal:
    """A series that goes from `level` to `to` at `at`, as a rate over `window` seconds shows it."""
    rng = np.random.default_rng(sum(name.encode()))
    way = np.clip((TIMES - at) / window, 0, 1)
    values = level + (to - level) * way + rng.normal(0, noise * level, len(TIMES))
    return Signal(
        cluster_id=cluster,
        watch=name,
        title=name,
        labels={"instance": name},
        minimum=0.0,
        interval_s=STEP,
        times=TIMES,
        values=values,
        anomaly_at=at + 30 if anomaly else None,
        symptom=symptom,
    )


def test_a_small_move_that_began_first_ranks_before_a_large_one_that_is_seen_sooner() -> None:
    small = signal("memory", level=0.5, to=0.8, at=ONSET)
    large = signal("network", level=100.0, to=20_000.0, at=ONSET + 45)
    causes, _ = rank([large, small], [], ONSET)
    assert [cause.watch for cause in causes] == ["memory", "network"]


def test_a_slow_service_never_ranks_before_the_busy_node_that_moved_with_it() -> None:
    service = signal("service_duration", level=0.05, to=2.0, symptom=True)
    node = signal("node_cpu", level=0.2, to=0.6, at=ONSET + STEP)
    causes, _ = rank([service, node], [], ONSET)
    assert causes[0].watch == "node_cpu"
    assert "may follow from node_cpu, which moved with it" in causes[1].reasons


def test_a_slow_service_alone_is_its_own_first_cause_even_if_a_node_moves_much_later() -> None:
    service = signal("service_duration", level=0.05, to=2.0, symptom=True, at=ONSET)
    node = signal("node_cpu", level=0.2, to=0.6, at=ONSET + 120)
    causes, _ = rank([service, node], [], ONSET)
    assert causes[0].watch == "service_duration"


def test_a_node_of_another_cluster_explains_nothing_here() -> None:
    service = signal("service_duration", level=0.05, to=2.0, symptom=True)
    elsewhere = signal("node_cpu", level=0.2, to=0.6, cluster=new_id())
    causes, _ = rank([service, elsewhere], [], ONSET)
    assert not any("may follow" in reason for cause in causes for reason in cause.reasons)


def test_noise_that_moved_nowhere_is_no_cause_and_the_answer_is_inconclusive() -> None:
    calm = [signal(name, level=1.0, to=1.0, anomaly=False) for name in ("a", "b", "c")]
    causes, note = rank(calm, [], ONSET)
    assert causes == []
    assert note == "Inconclusive: none of 3 watched series left its own past when it started."


def test_an_alert_is_named_after_what_moved_for_it_measures_nothing() -> None:
    alert = AlertSignal(cluster_id=CLUSTER, fingerprint="f", name="DiskFull", labels={}, started_at=ONSET)
    moved = signal("node_cpu", level=0.2, to=0.9)
    causes, _ = rank([moved], [alert], ONSET)
    assert [cause.title for cause in causes] == ["node_cpu", "Alert DiskFull"]
    assert causes[1].confidence < causes[0].confidence / 2
