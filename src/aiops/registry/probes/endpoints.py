"""Asks the endpoints of clusters how they are: API server, Prometheus (Thanos, Mimir, …), Alertmanager, Loki, Tempo."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import msgspec

from aiops.kernel.clock import Clock
from aiops.kernel.errors import Invalid
from aiops.kernel.no_answer import NoAnswer
from aiops.kernel.outbound import Outbound
from aiops.registry.endpoints import check_url
from aiops.registry.needs import Step
from aiops.registry.ports import URL_FIELDS, EndpointKind, EndpointStatus, Target
from aiops.registry.probes.kinds import KINDS, judge, question, version_in
from aiops.registry.probes.wire import Answer, get, resolve

_NO_CLUSTER = UUID(int=0)
_DNS_TIMEOUT_S = 5.0
_NO_GUESS = EndpointKind.API_SERVER, EndpointKind.ALERTMANAGER_PEER


class EndpointProber:
    """Implements `needs.Prober`."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock

    async def probe(self, target: Target, timeout_s: float) -> EndpointStatus:
        started = time.perf_counter()
        try:
            answer = await get(self._outbound, target, question(target), timeout_s)
            error = next((step.detail for step in judge(answer, target) if not step.ok), None)
        except NoAnswer as failed:
            error = failed.detail
        latency = (time.perf_counter() - started) * 1000
        return EndpointStatus(error is None, self._clock.now(), round(latency, 1) if error is None else None, error)

    async def version(self, target: Target, timeout_s: float) -> str | None:
        try:
            answer = await get(self._outbound, target, KINDS[target.kind].version_path, timeout_s)
        except NoAnswer:
            return None
        return version_in(answer, target.kind)

    async def diagnose(self, target: Target, timeout_s: float) -> list[Step]:
        url = target.url
        try:
            # Addresses of this machine are judged when they are connected to, like all others.
            url = check_url(url, URL_FIELDS[target.kind], allow_loopback=True)
        except Invalid as error:
            return [Step("url", False, error.message)]
        target = msgspec.structs.replace(target, url=url)
        steps = [Step("url", True, "The URL is well formed")]
        try:
            if target.proxy_url is None:
                async with asyncio.timeout(_DNS_TIMEOUT_S):
                    steps.append(Step("dns", True, await resolve(self._outbound, url)))
            answer = await get(self._outbound, target, question(target), timeout_s)
        except TimeoutError:
            return [*steps, Step("dns", False, f"The name server gave no answer within {_DNS_TIMEOUT_S:g} s")]
        except NoAnswer as failed:
            reached = _steps_before(failed.step, target, {step.name for step in steps})
            return [*steps, *reached, Step(failed.step, False, failed.detail)]
        steps += _steps_before("access", target, {step.name for step in steps})
        steps += judge(answer, target)
        if steps[-1].ok:
            steps.append(await self._version_step(target, timeout_s))
        elif steps[-2].ok and steps[-1].name == target.kind.value.lower():
            steps[-1] = await self._named(steps[-1], answer, target, timeout_s)
        return steps

    async def _named(self, failed: Step, answer: Answer, target: Target, timeout_s: float) -> Step:
        """The same failure, with the name of what does answer there, where it is another of the hub's kinds."""
        others = [kind for kind in EndpointKind if kind not in (target.kind, *_NO_GUESS)]
        for kind in others if answer.status in (200, 404) else ():
            other = msgspec.structs.replace(target, kind=kind, selector={})
            if (await self.probe(other, timeout_s)).ok:
                said = f"{failed.detail}. It answers like {KINDS[kind].called}: give it as {URL_FIELDS[kind]}"
                return Step(failed.name, False, said)
        return failed

    async def _version_step(self, target: Target, timeout_s: float) -> Step:
        found = await self.version(target, timeout_s)
        if found:
            return Step("version", True, f"Version {found}")
        return Step("version", True, "It does not tell its version (Thanos and Mimir may not); queries work")


def local_prometheus(url: str) -> Target:
    """A Prometheus that is no cluster's yet."""
    return Target(_NO_CLUSTER, "", EndpointKind.PROMETHEUS, url)


def _steps_before(step: str, target: Target, done: set[str]) -> list[Step]:
    passed = [("connect", "It takes connections")]
    if target.proxy_url is not None:
        passed = [("proxy", "The proxy takes connections")]
    if target.url.startswith("https:"):
        unchecked = "It speaks TLS; its certificate is not checked"
        passed.append(("tls", unchecked if target.tls.skip_verify else "Its certificate is valid"))
    passed.append(("answer", "It answers in HTTP"))
    names = ["address", "dns", *(name for name, _ in passed)]
    reached = names.index(step) if step in names else len(names)
    return [Step(name, True, detail) for name, detail in passed if names.index(name) < reached and name not in done]
