"""Saved filters: one's own and shared ones, who may take them away, and how many there may be."""

from __future__ import annotations

import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.service.saved_filters import FilterWish, SavedFilters
from aiops.observability.store.saved_filters import PostgresSavedFilterStore


def user(name: str, role: Role) -> Principal:
    return Principal(PrincipalKind.USER, f"id-of-{name}", name, role, frozenset())


OLGA, OTTO = user("olga", Role.OPERATOR), user("otto", Role.OPERATOR)
VERA, ADA = user("vera", Role.VIEWER), user("ada", Role.ADMIN)
RED = FilterWish("Red", "label=team%3Dred")


@pytest.fixture
def filters(database: Database, clock: VirtualClock) -> SavedFilters:
    return SavedFilters(database, clock, PostgresSavedFilterStore())


async def seen(filters: SavedFilters, who: Principal) -> list[tuple[str, str]]:
    return [(one.name, one.owner) for one in await filters.all(who)]


async def test_a_filter_is_its_owner_s_until_it_is_shared_and_saving_it_again_replaces_it(
    filters: SavedFilters,
) -> None:
    await filters.save(VERA, FilterWish("Zebra", "q=z"))
    await filters.save(OLGA, RED)
    assert await seen(filters, VERA) == [("Zebra", "vera")]
    kept = await filters.save(OLGA, FilterWish(" Red ", "severity=CRITICAL", shared=True))
    assert await filters.all(OLGA) == [kept]
    assert await seen(filters, VERA) == [("Zebra", "vera"), ("Red", "olga")]
    with pytest.raises(PermissionDenied):
        await filters.save(VERA, FilterWish("Mine", "q=x", shared=True))


async def test_a_shared_filter_is_deleted_by_its_owner_or_an_admin(filters: SavedFilters) -> None:
    own = await filters.save(OLGA, RED)
    for other in (OTTO, ADA):
        with pytest.raises(NotFound):
            await filters.delete(other, own.id)
    shared = await filters.save(OLGA, FilterWish("Red", RED.query, shared=True))
    with pytest.raises(PermissionDenied):
        await filters.delete(OTTO, shared.id)
    await filters.delete(ADA, shared.id)
    assert await filters.all(OLGA) == []


async def test_filters_are_bounded_in_number_and_length(filters: SavedFilters) -> None:
    for number in range(100):
        await filters.save(VERA, FilterWish(f"f{number}", "q=x"))
    with pytest.raises(Conflict, match="delete one first"):
        await filters.save(VERA, FilterWish("one more", "q=x"))
    await filters.save(VERA, FilterWish("f7", "q=again"))
    for bad in (
        FilterWish(" ", "q=x"),
        FilterWish("n", ""),
        FilterWish("n", "q=" + "x" * 2000),
        FilterWish("n", "\x00"),
    ):
        with pytest.raises(Invalid):
            await filters.save(OLGA, bad)
