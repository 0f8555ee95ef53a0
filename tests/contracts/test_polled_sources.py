"""What holds for every polled source, shipped or of another package; a new file is covered with no edit here."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from aiops.kernel.plugins import Plugins, load_plugins
from aiops.observability.domain import fault_in_labels, fault_in_name
from aiops.observability.needs import PolledSource

SOURCES: Plugins[PolledSource] = load_plugins("sources", package="aiops.observability.sources", contract=PolledSource)


@pytest.fixture(params=sorted(SOURCES.usable))
def source(request: pytest.FixtureRequest) -> PolledSource:
    return SOURCES[request.param].build()


def test_none_is_broken() -> None:
    assert SOURCES.broken == ()


@pytest.mark.parametrize("name", sorted(SOURCES.usable))
def test_its_settings_have_a_schema_and_defaults(name: str) -> None:
    assert msgspec.json.schema(SOURCES[name].config)
    assert SOURCES[name].config() is not None


def test_it_is_not_read_more_often_than_once_a_second(source: PolledSource) -> None:
    assert source.interval_s >= 1


async def test_what_it_reads_can_be_stored_and_is_of_the_moment_that_was_asked_for(source: PolledSource) -> None:
    for at in (1_000_000.0, 1_000_015.0):
        samples = await asyncio.wait_for(source.collect(at), 30)
        assert samples
        assert {sample.timestamp for sample in samples} == {at}
        for sample in samples:
            labels = {name: value for name, value in sample.labels.items() if name != "__name__"}
            assert fault_in_name(sample.labels["__name__"]) is None
            assert fault_in_labels(labels) is None
        assert len({tuple(sorted(sample.labels.items())) for sample in samples}) == len(samples)
