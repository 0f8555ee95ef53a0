"""Names for clusters that others named: what a cluster of ours may be called that is elsewhere called otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_LONGEST = 63
_OPENSHIFT_CONTEXT = re.compile(r"[^/]*/(?P<host>[^/:]+)(:\d+)?(/.*)?")
_GKE_CONTEXT = re.compile(r"gke_[^_]+_[^_]+_(?P<name>.+)")


def name_from(text: str) -> str:
    """The nearest allowed name: `prod_EU.west` becomes `prod-eu-west`."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].rstrip("-")
    if len(slug) >= 3:
        return slug
    return f"cluster-{slug}".rstrip("-")


def name_from_context(context: str) -> str:
    """A name from a kubeconfig's context: the part that tells clusters apart, as the tools that write them have it."""
    gke = _GKE_CONTEXT.fullmatch(context)
    if gke:
        return name_from(gke["name"])
    if context.startswith("arn:"):
        return name_from(context.rsplit("/", 1)[-1])
    openshift = _OPENSHIFT_CONTEXT.fullmatch(context)
    if openshift:
        return name_from(openshift["host"].removeprefix("api-"))
    return name_from(context)


def distinct(names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """The same names in the same order, a number behind those that are taken or stood there before."""
    used, found = set(taken), []
    for name in names:
        free, count = name, 2
        while free in used:
            ending = f"-{count}"
            free, count = name[: _LONGEST - len(ending)].rstrip("-") + ending, count + 1
        used.add(free)
        found.append(free)
    return found
