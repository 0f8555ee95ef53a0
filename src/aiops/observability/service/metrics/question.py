"""A query, the clusters that it is about, and what each of them is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from aiops.kernel.errors import Invalid
from aiops.kernel.principal import Principal
from aiops.observability.promql import metric_names, parse
from aiops.observability.promql.fleet import FleetPlan, plan_for_fleet, selector_of
from aiops.registry.ports import Cluster, Clusters, EndpointKind, Member

MAX_TIMEOUT_S = 300.0
SHORT_CHARACTERS = 1000
"""What is read once and kept."""


@dataclass(frozen=True)
class Question:
    """A query that passed the parser; `own_only`: it asks for what the hub itself keeps about its clusters."""

    text: str
    own_only: bool
    plan: FleetPlan

    @staticmethod
    def of(text: str) -> Question:
        """Watches and dashboards ask the same again and again: what is short is read once."""
        return _read_once(text) if len(text) <= SHORT_CHARACTERS else _read(text)


def _read(text: str) -> Question:
    names = metric_names(text)
    own_only = bool(names) and all(name is not None and name.startswith("aiops:") for name in names)
    return Question(text, own_only, plan_for_fleet(text))


_read_once = lru_cache(maxsize=512)(_read)


@dataclass(frozen=True)
class Asked:
    """The clusters that a query is about, by name; `texts` is what each is asked, by the plan's pushes.

    By name and not by id: a UUID is hashed in Python, which is felt with a hundred clusters.
    """

    members: dict[str, Member]
    texts: dict[str, tuple[str | None, ...]]

    @property
    def clusters(self) -> list[Cluster]:
        return [member.cluster for member in self.members.values()]

    def text(self, cluster: Cluster) -> str:
        """The one text of a plan that is local."""
        (text,) = self.texts[cluster.name]
        assert text is not None
        return text


async def where(
    clusters: Clusters, principal: Principal, question: Question, cluster_ids: Sequence[UUID] | None
) -> Asked:
    """Which clusters the query is about, the way to each, and what each is asked.

    Refuses a query that the own store cannot answer where nobody else could; otherwise those clusters say so.
    """
    members = await members_of(clusters, principal, cluster_ids)
    if question.own_only:
        members = {name: Member(one.cluster, None) for name, one in members.items()}
    pushes = question.plan.all_pushes
    texts = {name: tuple([push.text(name, _share_of(one)) for push in pushes]) for name, one in members.items()}
    concerned = {name: member for name, member in members.items() if any(texts[name])}
    if concerned and not any(one.target or one.problem for one in concerned.values()):
        for text in next(iter(texts[name] for name in concerned)):
            if text is not None:
                parse(text)
    return Asked(concerned, texts)


async def members_of(clusters: Clusters, principal: Principal, cluster_ids: Sequence[UUID] | None) -> dict[str, Member]:
    """Those clusters by name, each with the way to its Prometheus."""
    found = await clusters.targets(principal, EndpointKind.PROMETHEUS, cluster_ids)
    return {member.cluster.name: member for member in found}


def texts_for(member: Member, selectors: Sequence[Question]) -> tuple[str, ...]:
    """The selectors as this cluster is asked for them; of none, what carves it out of an endpoint that it shares."""
    share = _share_of(member)
    if not selectors:
        return (selector_of(share),) if share else ()
    found = [push.text(member.cluster.name, share) for one in selectors for push in one.plan.all_pushes]
    return tuple(text for text in found if text is not None)


def _share_of(member: Member) -> dict[str, str]:
    return member.target.selector if member.target is not None else {}


def deadline_of(timeout_s: float) -> float:
    """Raises `Invalid` for one that is out of bounds."""
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise Invalid(f"The timeout must lie between 0 and {MAX_TIMEOUT_S:.0f} s.")
    return timeout_s
