"""`aiops cluster …`: the fleet of a running hub, from the command line or from a file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from aiops.cli.found_import import add_options, found_clusters, wants_found
from aiops.cli.output import say
from aiops.kernel.errors import Invalid
from aiops.settings import Settings

if TYPE_CHECKING:
    from aiops.cli.hub_client import HubClient

Command = Callable[[Settings, argparse.Namespace], int]
Add = Callable[..., argparse.ArgumentParser]
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Work = Callable[["HubClient", argparse.Namespace], Awaitable[int]]

_URLS = (
    "api_server_url",
    "prometheus_url",
    "alertmanager_url",
    "alertmanager_peer_url",
    "loki_url",
    "tempo_url",
)
_MARKS = {"ADD": "+", "CHANGE": "~", "NONE": "=", "REMOVE": "-", "FAILED": "!"}
_DONE = {"ADD": "added", "CHANGE": "changed", "NONE": "unchanged", "REMOVE": "removed", "FAILED": "failed"}


def add_commands(commands: _Group, add: Add) -> None:
    """`add` makes one command of a group, as all others are made."""
    group = commands.add_parser("cluster", help="List, add, test, import clusters of a running hub.").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    apply = add_hub_command(
        group, add, "apply", "Bring the fleet to what a file says of it; twice is as good as once.", _apply
    )
    apply.add_argument("-f", "--file", type=Path, required=True, help="the fleet file (docs/clusters.md)")
    apply.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be")
    apply.add_argument(
        "--prune", action="store_true", help="remove what this fleet once added and the file no longer names"
    )
    add_hub_command(group, add, "list", "List the clusters and how they fare.", _list)
    new = add_hub_command(group, add, "add", "Add one cluster.", _new)
    new.add_argument("name")
    for field in _URLS:
        new.add_argument(f"--{field.replace('_', '-')}", metavar="URL")
    new.add_argument("--platform", choices=("OPENSHIFT", "KUBERNETES", "MICROSHIFT", "STANDALONE", "HOST"))
    new.add_argument("--cluster-type", choices=("HUB", "SPOKE", "EDGE", "FAR_EDGE"))
    new.add_argument("--environment", choices=("PRODUCTION", "STAGING", "DEVELOPMENT", "LAB"))
    new.add_argument("--region")
    new.add_argument("--label", action="append", metavar="KEY=VALUE", help="may be given several times")
    new.add_argument("--selector", action="append", metavar="LABEL=VALUE", help="carves it out of a shared Prometheus")
    new.add_argument("--token-file", type=Path, help="a bearer token; - reads it from standard input")
    new.add_argument("--ca-file", type=Path, help="what its servers' certificates are signed by")
    add_hub_command(group, add, "remove", "Remove clusters.", _remove).add_argument("name", nargs="+")
    test = add_hub_command(group, add, "test", "Say how far the hub gets at each endpoint of a cluster.", _test)
    test.add_argument("name")
    taken = add_hub_command(
        group, add, "import", "Add clusters from a kubeconfig, Red Hat ACM or a shared Prometheus.", _import
    )
    taken.add_argument("--kubeconfig", type=Path, help="default: KUBECONFIG, else ~/.kube/config")
    taken.add_argument("--context", action="append", help="only this context; may be given several times")
    taken.add_argument("--dry-run", action="store_true", help="add nothing, and say what would be")
    add_options(taken)


def add_hub_command(group: _Group, add: Add, name: str, text: str, work: Work) -> argparse.ArgumentParser:
    """A command that talks to a running hub, with the options that say which."""

    def command(settings: Settings, parsed: argparse.Namespace) -> int:
        return asyncio.run(_with_hub(settings, parsed, work))

    parser = add(group, name, text, command)
    parser.add_argument("--url", help="the hub's address; default: AIOPS_URL, else the one of the settings")
    return parser


async def _with_hub(settings: Settings, parsed: argparse.Namespace, work: Work) -> int:
    # aiohttp takes long to import.
    from aiops.cli.hub_client import HubClient

    url = (
        parsed.url or os.environ.get("AIOPS_URL") or settings.public_url or f"http://{_host(settings)}:{settings.port}"
    )
    token = os.environ.get("AIOPS_TOKEN")
    if not token:
        raise Invalid("Set AIOPS_TOKEN: `aiops user add NAME --service --role admin` gives one.")
    async with HubClient(url, token) as hub:
        return await work(hub, parsed)


def _host(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"[{host}]" if ":" in host else host


async def _apply(hub: HubClient, parsed: argparse.Namespace) -> int:
    from aiops.cli.fleet_file import read_fleet

    file = read_fleet(parsed.file)
    for literal in file.literals:
        sys.stderr.write(f"aiops: warning: {literal} stands in the file itself: use fromEnv or fromFile.\n")
    query = {"dry_run": "true"} if parsed.dry_run else {}

    async def one(name: str, body: dict[str, Any]) -> tuple[str, str]:
        applied = await hub.ask("PUT", f"clusters/by-name/{quote(name, safe='')}", body, **query)
        return applied["action"], "; ".join(map(_difference, applied["changes"]))

    work = {name: one(name, body) for name, body in file.clusters.items()}
    if parsed.prune:
        for cluster in await hub.clusters(managed_by=file.fleet):
            if cluster["name"] not in file.clusters:
                work[cluster["name"]] = _pruned(hub, cluster["id"], dry_run=parsed.dry_run)
    return await _report(work, dry_run=parsed.dry_run)


async def _pruned(hub: HubClient, cluster_id: str, *, dry_run: bool) -> tuple[str, str]:
    if not dry_run:
        await hub.ask("DELETE", f"clusters/{cluster_id}")
    return "REMOVE", ""


async def _report(work: dict[str, Coroutine[Any, Any, tuple[str, str]]], *, dry_run: bool = False) -> int:
    """Do all of it and say what came of each; 1 where the hub refused some."""
    from aiops.cli.hub_client import HubRefused

    async def tried(one: Coroutine[Any, Any, tuple[str, str]]) -> tuple[str, str]:
        try:
            return await one
        except HubRefused as error:
            return "FAILED", error.message

    outcomes = await asyncio.gather(*map(tried, work.values()), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    counts = dict.fromkeys(_DONE, 0)
    for name, outcome in zip(work, outcomes, strict=True):
        assert isinstance(outcome, tuple)
        action, detail = outcome
        counts[action] += 1
        if action != "NONE":
            say(f"{_MARKS[action]} {name}{'  ' + detail if detail else ''}")
    told = ", ".join(f"{count} {_DONE[action]}" for action, count in counts.items() if count) or "nothing to do"
    say(f"{'Would be: ' if dry_run else ''}{told}.")
    return 1 if counts["FAILED"] else 0


async def _list(hub: HubClient, _parsed: argparse.Namespace) -> int:
    rows = [("NAME", "STATE", "SCORE", "TYPE", "PLATFORM", "ENVIRONMENT", "REGION")]
    for one in await hub.clusters():
        status, score = one["status"], one["status"]["health_score"]
        shown = "-" if score is None else str(score)
        rows.append(
            (one["name"], status["state"], shown, one["cluster_type"], one["platform"], one["environment"],
             one["region"] or "-")
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


async def _new(hub: HubClient, parsed: argparse.Namespace) -> int:
    names = ("platform", "cluster_type", "environment", "region", *_URLS)
    body: dict[str, Any] = {name: value for name in names if (value := getattr(parsed, name))}
    if "platform" not in body and parsed.api_server_url:
        body["platform"] = "KUBERNETES"
    for name, field in (("label", "labels"), ("selector", "selector")):
        if getattr(parsed, name):
            body[field] = dict(_pair(one, name) for one in getattr(parsed, name))
    if parsed.token_file:
        body["bearer_token"] = _text_of(parsed.token_file)
    if parsed.ca_file:
        body["tls"] = {"ca_bundle": _text_of(parsed.ca_file)}
    await hub.ask("POST", "clusters", {"name": parsed.name, **body})
    say(f"Added {parsed.name}.")
    return 0


async def _remove(hub: HubClient, parsed: argparse.Namespace) -> int:
    async def one(name: str) -> tuple[str, str]:
        await hub.ask("DELETE", f"clusters/{(await hub.by_name(name))['id']}")
        return "REMOVE", ""

    return await _report({name: one(name) for name in dict.fromkeys(parsed.name)})


async def _test(hub: HubClient, parsed: argparse.Namespace) -> int:
    cluster = await hub.by_name(parsed.name)
    tried = await hub.ask("POST", f"clusters/{cluster['id']}/credentials/validate")
    for kind, trial in tried["endpoints"].items():
        say(f"{kind}")
        for step in trial["steps"]:
            say(f"  {'ok  ' if step['ok'] else 'FAIL'}  {step['name']}: {step['detail']}")
    return 0 if tried["ok"] else 1


async def _import(hub: HubClient, parsed: argparse.Namespace) -> int:
    from aiops.cli.kubeconfig_import import candidates

    if wants_found(parsed):
        return await _report(await found_clusters(hub, parsed, _text_of), dry_run=parsed.dry_run)
    found = candidates(parsed.kubeconfig, parsed.context)
    known = {cluster["api_server_url"] for cluster in await hub.clusters()}

    async def one(body: dict[str, Any], problem: str | None) -> tuple[str, str]:
        from aiops.cli.hub_client import HubRefused

        if problem is not None:
            raise HubRefused(problem)
        if body["api_server_url"] in known:
            return "NONE", ""
        if not parsed.dry_run:
            await hub.ask("POST", "clusters", body)
        return "ADD", body["api_server_url"]

    return await _report({body["name"]: one(body, problem) for body, problem in found}, dry_run=parsed.dry_run)


def _difference(change: dict[str, Any]) -> str:
    if change["before"] == change["after"]:
        return f"{change['field']}: changed"
    return f"{change['field']}: {_short(change['before'])} → {_short(change['after'])}"


def _short(value: object) -> str:
    text = "none" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _pair(text: str, what: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"--{what} {text} can't be: it has to be KEY=VALUE.")
    return name, value


def _text_of(path: Path) -> str:
    try:
        return (sys.stdin.read() if str(path) == "-" else path.read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from None
