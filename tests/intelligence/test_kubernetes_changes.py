"""Changes that the hub finds by a cluster's own API: each once, also over restarts; what it may not read is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from aiops.intelligence.domain.changes import Change, ChangeFilter, ChangeKind, Outcome
from aiops.intelligence.service.changes import Changes
from aiops.intelligence.service.kubernetes_changes import ClusterChanges
from aiops.intelligence.store.changes import SqlChanges
from aiops.intelligence.store.kubernetes_changes import SqlClusterLooks
from aiops.kernel.bus import InMemoryBus
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.outbound import Outbound
from aiops.kernel.outbox import SqlOutbox
from aiops.kernel.principal import Principal, Role
from aiops.registry.discovery.adapter import KubernetesDiscovery
from aiops.registry.discovery.permissions import CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, EVENTS, STATEFUL_SETS, Resource
from aiops.registry.ports import Cluster, EndpointKind, Target
from aiops.registry.service.objects import ObjectsOfClusters
from tests.lab.kubernetes import KubernetesPeer, named, serving
from tests.lab.openshift import grant
from tests.observability.clusters import Fleet

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ByApi(Fleet):
    """One cluster, whose API is the peer."""

    def __init__(self, peer: KubernetesPeer, token: str) -> None:
        super().__init__({"east": None})
        self.peer, self.token = peer, token

    async def visible(self, principal: Principal) -> list[Cluster]:
        return [msgspec.structs.replace(one, api_server_url=self.peer.url) for one in await super().visible(principal)]

    async def target(self, principal: Principal, kind: EndpointKind, cluster_id: UUID) -> Target | None:
        headers = {"Authorization": f"Bearer {self.token}"}
        return Target(cluster_id, "east", kind, self.peer.url, headers, tls=self.peer.trust())


class House:
    def __init__(self, database: Database, outbound: Outbound, peer: KubernetesPeer) -> None:
        database.outbox = SqlOutbox(InMemoryBus(), [])
        self.database, self.outbound, self.peer, self.clock = database, outbound, peer, VirtualClock(START)
        self.fleet = ByApi(peer, grant(peer, "changes", "config-changes"))
        self.ann = self.fleet.user(Role.VIEWER)
        self.changes = Changes(database, self.clock, SqlChanges(), self.fleet)
        self.job = self.started()

    def started(self) -> ClusterChanges:
        """As after a start of the hub: it remembers only what is in the database."""
        objects = ObjectsOfClusters(self.fleet, KubernetesDiscovery(self.outbound, self.clock))
        return ClusterChanges(self.database, self.clock, SqlClusterLooks(), self.fleet, objects, self.changes, 60)

    async def later(self, minutes: float = 2) -> int:
        await self.clock.advance(timedelta(minutes=minutes).total_seconds())
        return await self.job.round()

    async def found(self) -> Sequence[Change]:
        items, _ = await self.changes.page(self.ann, ChangeFilter(), 100, None)
        return list(reversed(items))

    async def titles(self) -> list[str]:
        return [one.title for one in await self.found()]

    async def notes(self) -> list[str]:
        (look,) = await self.job.looks(self.ann)
        return [*look.notes, *([look.error] if look.error else [])]


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    outbound, peer = Outbound(allow_loopback=True, connect_timeout_s=2), KubernetesPeer()
    peer.serve(DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, CONFIG_MAPS, EVENTS)
    async with serving(peer):
        yield House(database, outbound, peer)
    await outbound.close()


def deployment(name: str = "web", image: str = "acme/web:1.2") -> dict[str, Any]:
    source = [{"configMapRef": {"name": f"{name}-settings"}}]
    made = named(name, "shop", {"app": name})
    made["metadata"]["generation"] = 1
    container = {"name": name, "image": image, "envFrom": source}
    made["spec"] = {"replicas": 2, "template": {"metadata": {}, "spec": {"containers": [container]}}}
    done = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {**made, "status": done}


def write(one: dict[str, Any], *, at: datetime, by: str = "argocd-controller", image: str = "", **spec: Any) -> None:
    """Change the spec as a client of the API does; its status follows when the test says so."""
    one["metadata"]["generation"] += 1
    one["metadata"]["managedFields"] = [
        {"manager": by, "time": at.isoformat()},
        {"manager": "kube-controller-manager", "time": "2030-01-01T00:00:00Z", "subresource": "status"},
    ]
    one["spec"].update(spec)
    if image:
        one["spec"]["template"]["spec"]["containers"][0]["image"] = image


def happened(reason: str, kind: str, name: str, at: datetime, message: str = "") -> dict[str, Any]:
    made = named(f"{name}.{reason}", "shop", reason=reason, message=message, count=1, lastTimestamp=at.isoformat())
    return {**made, "involvedObject": {"kind": kind, "namespace": "" if kind == "Node" else "shop", "name": name}}


async def test_a_rollout_is_one_change_from_its_write_to_its_end_also_over_a_restart(house: House) -> None:
    web = deployment()
    house.peer.add(DEPLOYMENTS, web)
    assert await house.later() == 0, "what was there before is no change"
    write(web, at=house.clock.now() + timedelta(seconds=30), image="acme/web:1.3")
    house.job = house.started()
    assert await house.later() == 1
    assert await house.later() == 0
    (change,) = await house.found()
    assert (change.kind, change.outcome, change.author) == (
        ChangeKind.DEPLOYMENT,
        Outcome.UNDER_WAY,
        "argocd-controller",
    )
    assert change.title == "Deployment shop/web: acme/web:1.2 → acme/web:1.3"
    assert (change.workload, change.service, change.version_from, change.version_to) == ("web", "web", "1.2", "1.3")
    assert change.at == START + timedelta(minutes=2, seconds=30)
    web["status"] |= {"observedGeneration": 2, "conditions": [{"type": "Progressing", "status": "False"}]}
    assert await house.later() == 1
    assert [(one.id, one.outcome) for one in await house.found()] == [(change.id, Outcome.FAILED)]
    write(web, at=house.clock.now(), image="acme/web:1.2")
    await house.later()
    assert (await house.found())[-1].kind is ChangeKind.ROLLBACK


async def test_scaling_restarts_settings_and_what_comes_and_goes_are_told_apart(house: House) -> None:
    web, settings = deployment(), named("web-settings", "shop", resourceVersion="1")
    settings["metadata"]["resourceVersion"] = "1"
    house.peer.add(DEPLOYMENTS, web)
    house.peer.add(CONFIG_MAPS, settings, named("kube-root-ca.crt", "shop"))
    await house.later()
    write(web, at=house.clock.now(), replicas=5)
    await house.later()
    settings["metadata"]["resourceVersion"] = "2"
    await house.later()
    web["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    write(web, at=house.clock.now())
    await house.later()
    house.peer.add(DEPLOYMENTS, deployment("api"))
    await house.later()
    house.peer.objects[DEPLOYMENTS].remove(web)
    await house.later()
    assert [(one.kind, one.title) for one in await house.found()] == [
        (ChangeKind.SCALING, "Deployment shop/web scaled from 2 to 5"),
        (ChangeKind.CONFIG, "ConfigMap shop/web-settings was changed (read by web)"),
        (ChangeKind.DEPLOYMENT, "Deployment shop/web was restarted"),
        (ChangeKind.DEPLOYMENT, "Deployment shop/api was created"),
        (ChangeKind.DEPLOYMENT, "Deployment shop/web was deleted"),
    ]
    assert (await house.found())[1].workload == "web", "what reads it is what it changes"
    assert all("PartialObjectMetadataList" in how for how in _accepts(house, CONFIG_MAPS)), "what it holds is not asked"


async def test_a_map_that_is_written_all_the_time_is_state(house: House) -> None:
    status = named("status", "shop")
    house.peer.add(CONFIG_MAPS, status)
    for version in range(10):
        status["metadata"]["resourceVersion"] = str(version)
        await house.later()
    assert len(await house.found()) == 4
    assert "written all the time" in " ".join(await house.notes())


async def test_events_tell_of_nodes_and_of_pods_that_no_rollout_stopped(house: House) -> None:
    house.peer.add(DEPLOYMENTS, deployment())
    now = house.clock.now()
    pod, other = "web-7d9c5b8f6d-x2x4z", "web-7d9c5b8f6d-abcde"
    house.peer.add(
        EVENTS,
        happened("NodeNotReady", "Node", "worker-3", now, "Node is not ready"),
        happened("Evicted", "Pod", pod, now + timedelta(seconds=1), "The node was low on resource: memory."),
        happened("Evicted", "Pod", other, now + timedelta(seconds=2), "The node was low on resource: memory."),
        happened("Killing", "Pod", pod, now + timedelta(seconds=3), "Container web failed liveness probe"),
        happened("Pulled", "Pod", pod, now),
    )
    assert await house.later() == 2
    assert await house.later() == 0
    assert [(one.title, one.workload, one.labels.get("node")) for one in await house.found()] == [
        ("Node worker-3 is not ready", "", "worker-3"),
        ("Pods of shop/web were evicted: The node was low on resource: memory.", "web", None),
    ]
    write(house.peer.objects[DEPLOYMENTS][0], at=house.clock.now(), image="acme/web:2")
    house.peer.add(EVENTS, happened("Killing", "Pod", pod, house.clock.now() + timedelta(seconds=60), "Stopping web"))
    await house.later()
    assert (await house.titles())[2:] == ["Deployment shop/web: acme/web:1.2 → acme/web:2"]


async def test_what_it_may_not_read_is_said_and_the_rest_is_read(house: House) -> None:
    house.peer.rbac.roles["ClusterRole", "", "aiops-spoke-config-changes"] = []
    web = deployment()
    house.peer.add(DEPLOYMENTS, web)
    await house.later()
    write(web, at=house.clock.now(), replicas=3)
    assert await house.later() == 1
    assert await house.notes() == [
        "It may not list configmaps (to see that configuration was written): apply deploy/spoke/config-changes"
    ]
    house.fleet.token = "wrong"
    assert await house.later() == 0
    assert "refused these credentials" in (await house.notes())[-1]


async def test_another_cluster_behind_the_address_is_no_thousand_changes(house: House) -> None:
    house.peer.add(DEPLOYMENTS, *(deployment(f"old-{number}") for number in range(12)))
    await house.later()
    house.peer.objects[DEPLOYMENTS] = [deployment(f"new-{number}") for number in range(12)]
    assert await house.later() == 0
    assert "others than before" in " ".join(await house.notes())
    write(house.peer.objects[DEPLOYMENTS][0], at=house.clock.now(), replicas=9)
    assert await house.later() == 1


def _accepts(house: House, resource: Resource) -> list[str]:
    asked = f"GET {resource.root}/{resource.plural}"
    return [how for seen, how in zip(house.peer.seen, house.peer.accepts, strict=True) if seen == asked]
