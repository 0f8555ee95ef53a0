"""Who asks, and what may they see: the first argument of every use case."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from aiops.kernel.errors import PermissionDenied


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class PrincipalKind(StrEnum):
    USER = "USER"
    SERVICE = "SERVICE"
    SYSTEM = "SYSTEM"


_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


class Principal(msgspec.Struct, frozen=True):
    """A user, a pushing service or a job of the hub itself.

    `clusters` is the scope: `None` sees every cluster, a set sees only its members. Deny by default: an empty set
    sees nothing.
    """

    kind: PrincipalKind
    id: str
    name: str
    role: Role | None
    clusters: frozenset[UUID] | None

    @staticmethod
    def system(job: str) -> Principal:
        """The hub's own job named `job`: sees all, does all, and signs its acts with the job's name."""
        return Principal(PrincipalKind.SYSTEM, f"system:{job}", job, Role.ADMIN, None)

    def require(self, role: Role) -> None:
        """Raise `PermissionDenied` unless this principal holds `role` or a higher one."""
        if self.role is None or _RANK[self.role] < _RANK[role]:
            raise PermissionDenied(f"This needs the role {role.value}; you have {self.role or 'none'}.")

    def require_whole_fleet(self) -> None:
        """Raise `PermissionDenied` for a principal that is limited to some clusters."""
        if self.clusters is not None:
            raise PermissionDenied("This concerns the whole fleet; you are limited to some clusters.")

    def sees(self, cluster_id: UUID) -> bool:
        return self.clusters is None or cluster_id in self.clusters

    def sees_any(self, cluster_ids: Iterable[UUID]) -> bool:
        return any(self.sees(cluster_id) for cluster_id in cluster_ids)
