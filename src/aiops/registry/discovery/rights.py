"""Which of the rights that discovery needs are missing in a cluster, and which it holds for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import msgspec

from aiops.registry.discovery.capabilities import Groups, platform_of
from aiops.registry.discovery.faults import KubernetesFault, Unreached
from aiops.registry.discovery.kubernetes import Kubernetes, Named
from aiops.registry.discovery.permissions import NAMESPACES, OPTIONAL, READS, Part, Rule
from aiops.registry.needs import Step
from aiops.registry.ports import Platform

_MOST_NAMED = 4
_OF_PLATFORM = {Platform.OPENSHIFT: (Part.OPENSHIFT,), Platform.MICROSHIFT: (Part.MICROSHIFT,)}
_WHERE_FOUND = (Part.GPU_OPERATOR, Part.NVIDIA_GPU_OPERATOR, Part.ACM_HUB)


class Rights(msgspec.Struct, frozen=True):
    """`surplus` is what the credentials could change, as `verb resource`; `unused` are rights that it does without."""

    needed: list[Rule]
    missing: list[Rule]
    surplus: list[str]
    unused: list[Rule]


async def rights_steps(api: Kubernetes) -> list[Step]:
    """What a test of a connection says of the hub's rights; never raises a `KubernetesFault`."""
    try:
        return _told(await rights_of(api, await api.groups()))
    except Unreached as fault:
        return [Step(fault.step, False, fault.detail)]
    except KubernetesFault as fault:
        return [Step("rights", False, fault.detail)]


async def rights_of(api: Kubernetes, groups: Groups) -> Rights:
    """By the API's own word; raises a `KubernetesFault` where it can't be asked."""
    needed = needed_in(groups, await _namespaces(api))
    optional = [rule for rule in READS if rule.part in OPTIONAL]
    asked = [*needed, *optional]
    answers = await asyncio.gather(*(api.allowed(rule) for rule in asked), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    refused = {rule for rule, answer in zip(asked, answers, strict=True) if not answer}
    missing = [rule for rule in needed if rule in refused]
    try:
        surplus = await api.surplus()
    except KubernetesFault:
        # Only advice hangs on it.
        surplus = []
    return Rights(needed, missing, surplus, [rule for rule in optional if rule in refused])


def needed_in(groups: Groups, namespaces: Collection[str] | None) -> list[Rule]:
    """The rules that have something to read in a cluster with these groups and (where known) namespaces."""
    platform = platform_of(groups)
    parts = {Part.BASE, *(_OF_PLATFORM.get(platform, ()) if platform else ())}
    served = {"", *groups}
    return [
        rule
        for rule in READS
        if rule.resource.group in served
        and (rule.part in parts or (rule.part in _WHERE_FOUND and _is_there(rule, namespaces)))
    ]


def _is_there(rule: Rule, namespaces: Collection[str] | None) -> bool:
    return rule.namespace is None or (namespaces is not None and rule.namespace in namespaces)


async def _namespaces(api: Kubernetes) -> list[str] | None:
    try:
        listing = await api.every(NAMESPACES, Named, metadata_only=True)
    except KubernetesFault:
        return None
    return [space.metadata.name for space in listing.items]


def _told(rights: Rights) -> list[Step]:
    if rights.missing:
        named = "; ".join(f"{rule} (to {rule.purpose})" for rule in rights.missing[:_MOST_NAMED])
        more = f" and {len(rights.missing) - _MOST_NAMED} more" if len(rights.missing) > _MOST_NAMED else ""
        folders = ", ".join(dict.fromkeys(f"deploy/spoke/{rule.part.value}" for rule in rights.missing))
        return [Step("rights", False, f"It may not {named}{more}: apply {folders} to the cluster")]
    steps = [Step("rights", True, f"It may read all that discovery asks for ({len(rights.needed)} rights)")]
    if rights.unused:
        named = ", ".join(rule.resource.name for rule in rights.unused)
        folders = ", ".join(dict.fromkeys(f"deploy/spoke/{rule.part.value}" for rule in rights.unused))
        detail = f"It may not list {named}: to see changes there, apply {folders} to the cluster"
        steps.append(Step("changes", True, detail))
    if rights.surplus:
        shown = ", ".join(rights.surplus[:_MOST_NAMED])
        more = f" and {len(rights.surplus) - _MOST_NAMED} more" if len(rights.surplus) > _MOST_NAMED else ""
        detail = f"It could also change things there ({shown}{more}): the account of deploy/spoke can't"
        steps.append(Step("least_privilege", True, detail))
    return steps
