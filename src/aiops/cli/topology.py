"""`aiops topology …`: what depends on what, brought into a running hub from a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from aiops.cli.cluster import Add, add_hub_command
from aiops.cli.output import say
from aiops.kernel.errors import Invalid

if TYPE_CHECKING:
    from aiops.cli.hub_client import HubClient

_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_MARKS = {"ADD": "+", "CHANGE": "~", "REMOVE": "-"}


def add_commands(commands: _Group, add: Add) -> None:
    """`add` makes one command of a group, as all others are made."""
    group = commands.add_parser("topology", help="Bring in what depends on what, from a file.").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    text = "Bring the topology to what a file says of it; twice is as good as once."
    apply = add_hub_command(group, add, "apply", text, _apply)
    apply.add_argument("-f", "--file", type=Path, required=True, help="the topology file (docs/topology.md)")
    apply.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be")
    apply.add_argument(
        "--prune", action="store_true", help="remove what a file of this name once said and says no more"
    )
    add_hub_command(group, add, "list", "List who tells of the topology, and when each last looked.", _list)
    forget = add_hub_command(group, add, "forget", "Drop all that a file of this name said.", _forget)
    forget.add_argument("name")


async def _apply(hub: HubClient, parsed: argparse.Namespace) -> int:
    from aiops.cli.hub_client import HubRefused

    try:
        content = parsed.file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{parsed.file} can't be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from None
    body = {
        "content": content,
        "name": parsed.file.stem[:64],
        "dry_run": parsed.dry_run,
        "prune": parsed.prune,
    }
    try:
        applied = await hub.ask("POST", "topology/apply", body)
    except HubRefused as refused:
        faults = (refused.details or {}).get("faults")
        if not faults:
            raise
        for fault in faults:
            sys.stderr.write(f"{parsed.file}:{fault['line'] or 1}: {fault['text']}\n")
        return 1
    for change in applied["changes"]:
        say(f"{_MARKS[change['action']]} {change['what']}")
    told = "; ".join(f"{what}: {_counted(applied[what])}" for what in ("nodes", "edges"))
    say(f"{'Would be: ' if parsed.dry_run else ''}{told}.")
    return 0


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"


async def _list(hub: HubClient, _parsed: argparse.Namespace) -> int:
    rows = [("ORIGIN", "CLUSTER", "LOOKED AT", "NODES", "EDGES", "NOTES")]
    for one in await hub.ask("GET", "topology/origins"):
        notes = [one["error"] or "", f"{one['left_out']} left out" if one["left_out"] else "", *one["notes"]]
        counts = (str(one["nodes"]), str(one["edges"]))
        rows.append(
            (one["origin"], one["cluster"] or "-", one["looked_at"] or "never", *counts, "; ".join(filter(None, notes)))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


async def _forget(hub: HubClient, parsed: argparse.Namespace) -> int:
    await hub.ask("DELETE", f"topology/files/{quote(parsed.name, safe='')}")
    say(f"Forgot {parsed.name}.")
    return 0
