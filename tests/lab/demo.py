"""`python -m tests.lab.demo`: three small clusters with faults that come and go, and a hub that watches them."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

import httpx

from tests.lab.exporters import Exporter, chain
from tests.lab.hub import ADMIN_PASSWORD, Hub, add_cluster, add_source, sign_in
from tests.lab.packages import LabFailed, lab_available
from tests.lab.servers import Alertmanager, Prometheus
from tests.lab.world import FaultKind, World

CLUSTERS = ("lab-east", "lab-west", "lab-edge")
# With an hour behind them, their bands are learned at once and the charts are full.
_PAST_S = 3600.0
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_RULES = """groups:
  - name: lab
    rules:
      - alert: NodeCpuBusy
        expr: 1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[20s])) > 0.85
        for: 10s
        labels: {severity: warning}
        annotations: {summary: "CPU of {{ $labels.instance }} is busy"}
      - alert: ServiceFails
        expr: >-
          sum by (service) (rate(http_requests_total{code="500"}[20s]))
          / sum by (service) (rate(http_requests_total[20s])) > 0.1
        for: 10s
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.service }} answers with errors"}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; 0 then, 2 where it can't run."""
    options = _options(arguments)
    reason = lab_available()
    if reason:
        print(f"demo: {reason}.", file=sys.stderr)
        return 2
    for number in _ENDS:
        signal.signal(number, _as_ctrl_c)
    try:
        with contextlib.ExitStack() as stack:
            _play(stack, options)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            print("All of the demo is stopped.", flush=True)
    except (LabFailed, httpx.HTTPError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Starts three lab clusters (a real Prometheus and Alertmanager each) and a hub, and plays two "
        "faults that come and go until Ctrl-C. With --url, a hub that already runs is used, and the clusters are "
        "removed from it at the end.",
    )
    parser.add_argument("--url", help="a hub that already runs, such as http://127.0.0.1:8080")
    parser.add_argument("--username", default="admin")
    parser.add_argument(
        "--password",
        default=os.environ.get("AIOPS_ADMIN_PASSWORD"),
        help="of that user; default: AIOPS_ADMIN_PASSWORD",
    )
    parser.add_argument("--port", type=int, default=0, help="of the demo's own hub; default: any free one")
    parser.add_argument("--scrape", type=float, default=5.0, metavar="SECONDS", help="between scrapes; default: 5")
    parser.add_argument("--calm", type=float, default=90.0, metavar="SECONDS", help="before each fault; default: 90")
    parser.add_argument("--fault", type=float, default=90.0, metavar="SECONDS", help="of each fault; default: 90")
    parser.add_argument("--rounds", type=int, default=0, help="how often both faults are played; default: without end")
    options = parser.parse_args(arguments)
    if options.url and not options.password:
        parser.error("--url needs --password, or AIOPS_ADMIN_PASSWORD")
    return options


def _play(stack: contextlib.ExitStack, options: argparse.Namespace) -> None:
    print("Starting the hub …", flush=True)
    url, client = _hub(stack, options)
    exporters: dict[str, Exporter] = {}
    for seed, name in enumerate(CLUSTERS):
        # Each is born when its Prometheus is, its past in steps of the scrapes: a hole or a change of pace between the
        # two looks like fewer requests.
        exporters[name] = stack.enter_context(Exporter(World(chain(), seed=seed), past_s=_PAST_S))
        _join(stack, client, name, exporters[name], options.scrape, keeps_hub=bool(options.url))
        print(f"  {name} is watched", flush=True)
    print(f"\nOpen {url}/fleet . There are services web → orders → database, each on its own node, in every cluster.")
    print("Two faults come and go in turn, until Ctrl-C.")
    plan = (
        (FaultKind.CPU_HOG, "lab-east", "node-database", 0.8, "a program takes the CPU of node-database in lab-east"),
        (FaultKind.ERROR_BURST, "lab-west", "orders", 0.4, "orders in lab-west answers 40 % of requests with errors"),
    )
    played = 0
    while not options.rounds or played < options.rounds:
        for kind, cluster, target, strength, story in plan:
            print(f"\n{_time()} calm; the next fault comes at {_time(options.calm)}", flush=True)
            time.sleep(options.calm)
            exporters[cluster].begin(kind, target, strength, for_s=options.fault)
            print(f"{_time()} fault: {story}, until {_time(options.fault)}. Look at {url}/incidents", flush=True)
            time.sleep(options.fault)
            print(f"{_time()} that fault is over; its incident resolves once the bands are kept again", flush=True)
        played += 1


def _hub(stack: contextlib.ExitStack, options: argparse.Namespace) -> tuple[str, httpx.Client]:
    if options.url:
        url = options.url.rstrip("/")
        return url, stack.enter_context(sign_in(url, options.username, options.password))
    hub = stack.enter_context(Hub({"AIOPS_PORT": str(options.port)}))
    print(f"The hub is at {hub.url} : sign in as admin, password {ADMIN_PASSWORD}", flush=True)
    return hub.url, stack.enter_context(hub.client())


def _join(
    stack: contextlib.ExitStack,
    client: httpx.Client,
    name: str,
    exporter: Exporter,
    scrape_s: float,
    *,
    keeps_hub: bool,
) -> None:
    """Register one cluster, with the Alertmanager that tells the hub of its alerts.

    From a hub that outlives the demo it is removed at the end.
    """
    # The token needs the cluster, which needs the Prometheus, which needs the Alertmanager, which needs the token:
    # so the alerts are added to the running Prometheus at the end.
    prometheus = stack.enter_context(Prometheus(exporter.prometheus_config(scrape_s), past=exporter.past(scrape_s)))
    prometheus.wait_for(f"count(time() - timestamp(up) < {2 * scrape_s}) == {len(exporter.instances)}")
    cluster = add_cluster(client, name, prometheus.url, environment="LAB", display_name=name.replace("-", " ").title())
    if keeps_hub:
        stack.callback(_remove, client, cluster["id"])
    source = add_source(client, f"alertmanager-{name}", cluster["id"])
    alertmanager = stack.enter_context(Alertmanager(webhook_config(str(client.base_url).rstrip("/"), source["token"])))
    prometheus.configure(
        exporter.prometheus_config(scrape_s) + alerting_config(alertmanager.target), {"rules.yml": _RULES}
    )


def webhook_config(hub_url: str, token: str) -> str:
    """An alertmanager.yml that sends everything to the hub at once."""
    return (
        "route: {receiver: hub, group_by: ['...'], group_wait: 1s, group_interval: 5s, repeat_interval: 1m}\n"
        "receivers:\n"
        "  - name: hub\n"
        "    webhook_configs:\n"
        f"      - url: '{hub_url}/api/v1/alerts/webhook'\n"
        "        send_resolved: true\n"
        f"        http_config: {{authorization: {{type: Bearer, credentials: '{token}'}}}}\n"
    )


def alerting_config(alertmanager: str) -> str:
    """The part of a prometheus.yml that evaluates `rules.yml` and sends its alerts to the Alertmanager."""
    return (
        "rule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n"
    )


def _remove(client: httpx.Client, cluster_id: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        client.delete(f"/api/v1/clusters/{cluster_id}")


def _time(in_s: float = 0.0) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time.time() + in_s))


def _as_ctrl_c(_signal: int, _frame: FrameType | None) -> None:
    # A second one would cut the cleaning up short.
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        print("\nStopping …", flush=True)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
