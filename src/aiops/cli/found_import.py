"""The clusters that a hub of Red Hat ACM manages, or that share one Prometheus, as clusters to add."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiops.cli.output import say
from aiops.kernel.errors import Invalid

if TYPE_CHECKING:
    from aiops.cli.hub_client import HubClient


def add_options(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--acm", metavar="URL", help="the API server of a hub of Red Hat ACM, for its managed clusters")
    where.add_argument("--shared-prometheus", metavar="URL", help="a Thanos or Mimir that holds several clusters")
    parser.add_argument("--cluster-label", metavar="LABEL", default="cluster", help="tells those apart (cluster)")
    parser.add_argument("--token-file", type=Path, help="what signs in there; - reads it from standard input")
    parser.add_argument("--ca-file", type=Path, help="what its certificate is signed by")
    parser.add_argument(
        "--metrics-url",
        metavar="URL",
        help="with --acm: where the metrics of all its clusters are, as --dry-run tells; gets the token too",
    )
    parser.add_argument("--metrics-ca-file", type=Path, help="what its certificate is signed by")
    parser.add_argument("--name", action="append", help="only this cluster; may be given several times")


def wants_found(parsed: argparse.Namespace) -> bool:
    return bool(parsed.acm or parsed.shared_prometheus)


async def found_clusters(
    hub: HubClient, parsed: argparse.Namespace, text_of: Callable[[Path], str]
) -> dict[str, Coroutine[Any, Any, tuple[str, str]]]:
    """What to report of each: with --dry-run what there is, else what came of adding it."""
    source = _source(parsed, text_of)
    found = await hub.ask("POST", "clusters/candidates", source)
    for problem in found["problems"]:
        say(f"! {problem}")
    if parsed.dry_run and parsed.acm and found["prometheus_url"] and not parsed.metrics_url:
        say(f"The metrics of all of them are at {found['prometheus_url']}: take them with --metrics-url.")
    known = {one["name"]: one for one in found["clusters"]}
    lost = [name for name in parsed.name or () if name not in known]
    if lost:
        raise Invalid(f"There is no cluster {lost[0]}. There are: {', '.join(known) or 'none'}.")
    chosen = [known[name] for name in parsed.name or known]
    outcomes = {} if parsed.dry_run else await _added(hub, parsed, text_of, source, chosen)
    return {one["name"]: _told(one, outcomes.get(one["name"])) for one in chosen}


def _source(parsed: argparse.Namespace, text_of: Callable[[Path], str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "kind": "ACM" if parsed.acm else "SHARED_PROMETHEUS",
        "url": parsed.acm or parsed.shared_prometheus,
        "label": parsed.cluster_label,
    }
    if parsed.token_file:
        body["bearer_token"] = text_of(parsed.token_file)
    if parsed.ca_file:
        body["tls"] = {"ca_bundle": text_of(parsed.ca_file)}
    return body


async def _added(
    hub: HubClient,
    parsed: argparse.Namespace,
    text_of: Callable[[Path], str],
    source: dict[str, Any],
    chosen: list[dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    names = [one["name"] for one in chosen if one["problem"] is None and not one["registered"]]
    body: dict[str, Any] = {"source": source, "names": names, "prometheus_url": parsed.metrics_url}
    if parsed.metrics_ca_file:
        body["metrics_tls"] = {"ca_bundle": text_of(parsed.metrics_ca_file)}
    outcomes = (await hub.ask("POST", "clusters/import", body))["outcomes"] if names else []
    return {one["name"]: one for one in outcomes}


async def _told(one: dict[str, Any], outcome: dict[str, Any] | None) -> tuple[str, str]:
    from aiops.cli.hub_client import HubRefused

    if one["registered"]:
        return "NONE", ""
    problem = outcome["problem"] if outcome else one["problem"]
    if problem is not None:
        raise HubRefused(problem)
    return "ADD", one["known_as"] if one["known_as"] != one["name"] else ""
