"""Saved dashboards: one's own and shared ones, who may change what, and that no change is written over."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Conflict, Invalid, NotFound, PermissionDenied
from aiops.kernel.principal import Principal, PrincipalKind, Role
from aiops.observability.needs import Dashboard, Panel
from aiops.observability.service.dashboards import DashboardChange, Dashboards, DashboardWish
from aiops.observability.store.dashboards import PostgresDashboardStore

UP = Panel("sum by (cluster) (up)", "Targets", "", "{{cluster}}", "TABLE", 12)


@pytest.fixture
def dashboards(database: Database, clock: VirtualClock) -> Dashboards:
    return Dashboards(database, clock, PostgresDashboardStore())


def user(name: str, role: Role, clusters: frozenset[UUID] | None = None) -> Principal:
    return Principal(PrincipalKind.USER, f"id-of-{name}", name, role, clusters)


OLGA, OTTO = user("olga", Role.OPERATOR), user("otto", Role.OPERATOR)
VERA = user("vera", Role.VIEWER, frozenset())
ADMIN = user("ada", Role.ADMIN)


def wish(name: str = "Nodes", **more: Any) -> DashboardWish:
    return DashboardWish(name, [UP], **more)


def change(kept: Dashboard, **more: Any) -> DashboardChange:
    values = {"name": kept.name, "panels": kept.panels, "shared": kept.shared, "revision": kept.revision, **more}
    return DashboardChange(**values)


async def names(dashboards: Dashboards, who: Principal) -> list[str]:
    return [one.name for one in (await dashboards.page(who, page_size=100, cursor=None)).items]


async def test_what_is_kept_comes_back_as_it_was(dashboards: Dashboards) -> None:
    made = await dashboards.add(OLGA, wish(" Nodes ", description="For the night"))
    assert await dashboards.get(OLGA, made.id) == made
    assert (made.name, made.owner, made.panels, made.revision) == ("Nodes", "olga", [UP], 1)


async def test_ones_own_are_seen_by_nobody_else_not_even_an_admin(dashboards: Dashboards) -> None:
    made = await dashboards.add(OLGA, wish())
    for other in (OTTO, VERA, ADMIN):
        assert await names(dashboards, other) == []
        for refused in (
            dashboards.get(other, made.id),
            dashboards.change(other, made.id, change(made)),
            dashboards.delete(other, made.id),
        ):
            with pytest.raises(NotFound):
                await refused


async def test_a_shared_one_is_opened_by_all_and_changed_by_its_owner_or_an_admin(dashboards: Dashboards) -> None:
    made = await dashboards.add(OLGA, wish(shared=True))
    assert await dashboards.get(VERA, made.id) == made
    for other in (OTTO, VERA):
        with pytest.raises(PermissionDenied):
            await dashboards.change(other, made.id, change(made))
        with pytest.raises(PermissionDenied):
            await dashboards.delete(other, made.id)
    changed = await dashboards.change(ADMIN, made.id, change(made, name="All nodes"))
    assert (changed.owner, changed.revision) == ("olga", 2)
    with pytest.raises(PermissionDenied):
        await dashboards.change(ADMIN, made.id, change(changed, shared=False))
    await dashboards.delete(ADMIN, made.id)
    assert await names(dashboards, OLGA) == []


async def test_a_viewer_keeps_their_own_and_shares_nothing(dashboards: Dashboards) -> None:
    made = await dashboards.add(VERA, wish())
    with pytest.raises(PermissionDenied):
        await dashboards.add(VERA, wish("Another", shared=True))
    with pytest.raises(PermissionDenied):
        await dashboards.change(VERA, made.id, change(made, shared=True))
    await dashboards.delete(VERA, made.id)


async def test_a_change_by_somebody_else_meanwhile_is_not_written_over(dashboards: Dashboards) -> None:
    made = await dashboards.add(OLGA, wish(shared=True))
    await dashboards.change(ADMIN, made.id, change(made, name="First"))
    with pytest.raises(Conflict):
        await dashboards.change(OLGA, made.id, change(made, name="Second"))
    assert (await dashboards.get(OLGA, made.id)).name == "First"


async def test_an_owner_has_a_name_once_and_others_may_have_it_too(dashboards: Dashboards) -> None:
    await dashboards.add(OLGA, wish())
    other = await dashboards.add(OLGA, wish("Other"))
    await dashboards.add(OTTO, wish())
    with pytest.raises(Conflict):
        await dashboards.add(OLGA, wish())
    with pytest.raises(Conflict):
        await dashboards.change(OLGA, other.id, change(other, name="Nodes"))
    assert await names(dashboards, OLGA) == ["Nodes", "Other"]


async def test_a_list_is_read_page_by_page_and_its_last_row_may_go_meanwhile(dashboards: Dashboards) -> None:
    for at in range(5):
        await dashboards.add(OLGA, wish(f"Nodes {at}"))
    await dashboards.add(OTTO, wish("Nodes 2", shared=True))
    await dashboards.add(OTTO, wish("Hidden"))
    first = await dashboards.page(OLGA, page_size=3, cursor=None)
    await dashboards.delete(OTTO if first.items[-1].owner == "otto" else OLGA, first.items[-1].id)
    second = await dashboards.page(OLGA, page_size=3, cursor=first.next_cursor)
    assert [one.name for one in first.items + second.items] == [
        "Nodes 0", "Nodes 1", "Nodes 2", "Nodes 2", "Nodes 3", "Nodes 4",
    ]  # fmt: skip
    assert (first.total, second.total, second.next_cursor) == (6, 5, None)
    with pytest.raises(Invalid):
        await dashboards.page(OLGA, page_size=3, cursor="no cursor")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (DashboardWish(" ", [UP]), "name"),
        (DashboardWish("n" * 101, [UP]), "name"),
        (DashboardWish("Nodes", []), "panels"),
        (DashboardWish("Nodes", [UP] * 41), "panels"),
        (DashboardWish("Nodes", [UP, Panel("x" * 10_001)]), "panels[1].query"),
        (DashboardWish("Nodes", [Panel("up", title="a\x00b")]), "panels[0].title"),
    ],
)
async def test_what_cannot_be_kept_is_refused_at_its_field(
    dashboards: Dashboards, wrong: DashboardWish, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await dashboards.add(OLGA, wrong)
    assert refused.value.details == {"field": field}


async def test_what_is_not_there_is_not_found(dashboards: Dashboards) -> None:
    for missing in (dashboards.get(OLGA, uuid4()), dashboards.delete(OLGA, uuid4())):
        with pytest.raises(NotFound):
            await missing
