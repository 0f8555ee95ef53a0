"""Role-based access as the Kubernetes API documents it: roles, bindings, and who may do what by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

READ_REVIEWS = {
    "apiGroups": ["authorization.k8s.io"],
    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    "verbs": ["create"],
}
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"


@dataclass(frozen=True)
class Who:
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One attempt, as an authoriser sees it."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = f' in the namespace "{self.namespace}"' if self.namespace else " at the cluster scope"
        return f'cannot {self.verb} resource "{what}" in API group "{self.group}"{where}'


@dataclass
class Rbac:
    """Filled by `apply` with the manifests of `rbac.authorization.k8s.io/v1`."""

    roles: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    bindings: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, manifest: dict[str, Any]) -> None:
        kind, metadata = manifest.get("kind"), manifest["metadata"]
        if kind in ("ClusterRole", "Role"):
            self.roles[kind, metadata.get("namespace", ""), metadata["name"]] = manifest["rules"]
        elif kind in ("ClusterRoleBinding", "RoleBinding"):
            self.bindings.append(manifest)

    def allows(self, who: Who, ask: Ask) -> bool:
        if MASTERS in who.groups:
            return True
        return any(_grants(rule, ask) for rule in self.rules(who, ask.namespace))

    def rules(self, who: Who, namespace: str) -> list[dict[str, Any]]:
        """What holds for them in this namespace; with none, what holds everywhere."""
        if MASTERS in who.groups:
            return [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        found = [READ_REVIEWS] if AUTHENTICATED in who.groups else []
        for binding in self.bindings:
            space = binding["metadata"].get("namespace", "")
            if binding["kind"] == "RoleBinding" and space != namespace:
                continue
            if any(_is(subject, who) for subject in binding["subjects"]):
                reference = binding["roleRef"]
                scope = space if reference["kind"] == "Role" else ""
                found += self.roles.get((reference["kind"], scope, reference["name"]), [])
        return found


def _is(subject: dict[str, Any], who: Who) -> bool:
    if subject["kind"] == "ServiceAccount":
        return who.name == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return subject["name"] == who.name if subject["kind"] == "User" else subject["name"] in who.groups


def _grants(rule: dict[str, Any], ask: Ask) -> bool:
    resource = f"{ask.resource}/{ask.subresource}" if ask.subresource else ask.resource
    names = rule.get("resourceNames") or []
    return (
        _has(rule["verbs"], ask.verb)
        and _has(rule.get("apiGroups", []), ask.group)
        and _has(rule.get("resources", []), resource)
        and (not names or ask.name in names)
    )


def _has(values: Iterable[str], value: str) -> bool:
    return any(one in ("*", value) for one in values)
