"""What observability does when something happened elsewhere."""

from __future__ import annotations

from aiops.kernel.database import Transaction
from aiops.kernel.events import Event
from aiops.observability.needs import PullStore, SampleStore, SourceStore, WatchStore
from aiops.observability.needs_alerts import AlertStore, IntakeRuleStore
from aiops.observability.service.sources import Sources
from aiops.registry.events import ClusterDeleted


class ForgetCluster:
    """A cluster that has left takes its samples, alerts and sources with it."""

    def __init__(
        self,
        samples: SampleStore,
        alerts: AlertStore,
        store: SourceStore,
        sources: Sources,
        pulls: PullStore,
        watches: WatchStore,
        rules: IntakeRuleStore,
    ) -> None:
        self._samples = samples
        self._alerts = alerts
        self._store = store
        self._sources = sources
        self._pulls = pulls
        self._watches = watches
        self._rules = rules

    async def handle(self, tx: Transaction, event: Event) -> None:
        assert isinstance(event, ClusterDeleted)
        await self._store.delete_cluster(tx, event.cluster_id)
        await self._pulls.delete_cluster(tx, event.cluster_id)
        await self._watches.forget_cluster(tx, event.cluster_id)
        await self._rules.forget_cluster(tx, event.cluster_id)
        await self._alerts.delete_cluster(tx, event.cluster_id)
        await self._samples.delete_cluster(tx, event.cluster_id)
        self._sources.forget_trusted()
