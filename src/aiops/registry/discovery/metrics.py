"""What a cluster can do, asked of its metrics: all there is to ask where only a Prometheus is known."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from aiops.kernel.no_answer import NoAnswer
from aiops.kernel.outbound import Outbound
from aiops.registry.discovery.findings import Findings
from aiops.registry.discovery.wire import Way, ask
from aiops.registry.discovery.workloads import cnf_types_of
from aiops.registry.ports import CnfType, Platform

_AT_ONCE = 4

# Each narrowed to one cluster by {}, which stands where its selector goes.
_QUERIES = {
    "prometheus": "count(prometheus_build_info{})",
    "thanos": "count(thanos_build_info{})",
    "loki": "count(loki_build_info{})",
    "tempo": "count(tempo_build_info{})",
    "mesh": "count({__name__=~'istio_build|pilot_info|istio_requests_total|linkerd_build_info'{}})",
    "cards": "count by (modelName) (count by (modelName, UUID, Hostname, gpu) (DCGM_FI_DEV_GPU_UTIL{}))",
    "resources": "sum by (resource) (kube_node_status_capacity{})",
    "clocks": "count(openshift_ptp_offset_ns{})",
    "sriov": "count({__name__=~'sriov_vf_rx_packets|sriov_vf_tx_packets|sriov_kubepoddevice'{}})",
    "namespaces": "count by (namespace) (kube_namespace_status_phase{})",
    "openshift": "max by (version) (cluster_version{type='current'{}})",
    "kubernetes": "count by (git_version) (kubernetes_build_info{})",
}


class _Sample(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Data(msgspec.Struct):
    result_type: str = msgspec.field(name="resultType")
    result: list[Any]


class _Api(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


Vector = list[tuple[dict[str, str], float]]


async def capabilities_by_metrics(
    outbound: Outbound, way: Way, selector: Mapping[str, str], *, timeout_s: float = 10.0
) -> Findings:
    """Absence of a metric is no proof: it may just not be collected. So most of what is not seen stays unknown."""
    gate = asyncio.Semaphore(_AT_ONCE)
    problems: dict[str, None] = {}

    async def asked(query: str) -> Vector | None:
        async with gate:
            try:
                return await _vector(outbound, way, _narrowed(query, selector), timeout_s)
            except NoAnswer as error:
                problems[f"Metrics: {error.detail}"] = None
                return None

    answers = await asyncio.gather(*(asked(query) for query in _QUERIES.values()))
    found = _findings(dict(zip(_QUERIES, answers, strict=True)))
    return msgspec.structs.replace(found, problems=tuple(problems))


async def _vector(outbound: Outbound, way: Way, query: str, timeout_s: float) -> Vector:
    answer = await ask(outbound, way, "GET", "/api/v1/query", timeout_s=timeout_s, params={"query": query})
    try:
        api = msgspec.json.decode(answer.body, type=_Api)
        result = api.data.result if api.data is not None and api.data.result_type == "vector" else []
        samples = msgspec.convert(result, list[_Sample])
        found = [(sample.metric, float(sample.value[1])) for sample in samples]
    except (msgspec.DecodeError, ValueError):
        raise NoAnswer("answer", f"It answered a query with {answer.status}, {answer.shown()}") from None
    if api.status != "success":
        raise NoAnswer("answer", f"It refused a query ({answer.status}): {api.error[:200]}")
    return [(labels, value) for labels, value in found if math.isfinite(value)]


def _narrowed(query: str, selector: Mapping[str, str]) -> str:
    """Put the selector into the place of each pair of braces, behind what stands in it already."""
    matchers = ",".join(f"{name}={_quoted(value)}" for name, value in sorted(selector.items()))
    inner = query.replace("'{}}", f"',{matchers}}}" if matchers else "'}")
    return inner.replace("{}", f"{{{matchers}}}" if matchers else "")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _findings(answers: Mapping[str, Vector | None]) -> Findings:
    gpus = _gpus(answers["cards"], answers["resources"])
    functions = _functions(answers)
    platform, version = _platform(answers["openshift"], answers["kubernetes"])
    return Findings(
        platform=platform,
        platform_version=version,
        has_prometheus=True if any(answer is not None for answer in answers.values()) else None,
        has_thanos=_seen(answers["thanos"]),
        has_loki=_seen(answers["loki"]),
        has_tempo=_seen(answers["tempo"]),
        has_service_mesh=_seen(answers["mesh"]),
        has_gpu_nodes=gpus[0],
        gpu_count=gpus[1],
        gpu_types=gpus[2],
        has_cnf_workloads=functions[0],
        cnf_types=functions[1],
    )


def _seen(answer: Vector | None) -> bool | None:
    return True if answer else None


def _gpus(cards: Vector | None, resources: Vector | None) -> tuple[bool | None, int | None, tuple[str, ...]]:
    if cards:
        models = sorted({labels["modelName"] for labels, _ in cards if labels.get("modelName")})
        return True, int(sum(value for _, value in cards)), tuple(models)
    if not resources:
        return None, None, ()
    # Whoever tells of CPUs tells of GPUs too, so here their absence is seen.
    count = int(sum(value for labels, value in resources if labels.get("resource") == "nvidia_com_gpu"))
    return count > 0, count, ()


def _functions(answers: Mapping[str, Vector | None]) -> tuple[bool | None, tuple[CnfType, ...]]:
    namespaces = [labels.get("namespace", "") for labels, _ in answers["namespaces"] or []]
    types = cnf_types_of(namespaces)
    if types:
        return True, types
    if answers["clocks"] or answers["sriov"]:
        return True, (CnfType.OTHER,)
    return None, ()


def _platform(openshift: Vector | None, kubernetes: Vector | None) -> tuple[Platform | None, str | None]:
    if openshift:
        return Platform.OPENSHIFT, openshift[0][0].get("version") or None
    if not kubernetes:
        return None, None
    # Nodes may be a version behind; the API server is never behind its nodes.
    versions = [labels.get("git_version", "") for labels, _ in kubernetes]
    newest = max(versions, key=_version_key)
    # An OpenShift of which only this is collected looks the same: the platform stays unknown.
    return None, newest.removeprefix("v") or None


def _version_key(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in version.removeprefix("v").split("+")[0].split(".")]
