from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from tests.registry.rig import FakePrometheus, Rig, rig_on, serving


@pytest.fixture
async def rig(database: Database, clock: VirtualClock) -> AsyncIterator[Rig]:
    async with rig_on(database, clock) as rig:
        yield rig


@pytest.fixture
def prometheus() -> FakePrometheus:
    return FakePrometheus()


@pytest.fixture
async def prometheus_url(prometheus: FakePrometheus) -> AsyncIterator[str]:
    async with serving(prometheus.answer) as url:
        yield url
