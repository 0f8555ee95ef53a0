"""deploy/spoke grants what discovery reads, exactly: the manifests and the code's own list are held to each other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aiops.registry.discovery.permissions import READS, RENEWAL, Part, Rule
from tests.lab.openshift import SPOKE, manifests

Grant = tuple[str, str, str, str, str]
"""Namespace, group, resource with its subresource, verb, and the one name that it holds for."""

FOLDERS = sorted(path.parent.name for path in SPOKE.glob("*/kustomization.yaml"))
SHIPPED = {
    "cluster-monitoring-view",
    "monitoring-alertmanager-view",
    "cluster-logging-application-view",
    "cluster-logging-infrastructure-view",
}


def wanted(rule: Rule) -> Grant:
    resource = f"{rule.resource.plural}/{rule.subresource}" if rule.subresource else rule.resource.plural
    return rule.namespace or "", rule.resource.group, resource, rule.verb, rule.name or ""


def granted(found: list[dict[str, Any]]) -> list[Grant]:
    return [
        (manifest["metadata"].get("namespace", ""), group, resource, verb, name)
        for manifest in found
        if manifest["kind"] in ("Role", "ClusterRole")
        for rule in manifest["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]


@pytest.mark.parametrize("part", list(Part))
def test_each_folder_grants_what_discovery_reads_there_and_no_more(part: Part) -> None:
    found = granted(manifests(part.value, with_bases=False))
    assert len(found) == len(set(found))
    assert set(found) == {wanted(rule) for rule in (*READS, RENEWAL) if rule.part is part}


def test_nothing_is_granted_outside_the_folders_of_that_list() -> None:
    for folder in set(FOLDERS) - {part.value for part in Part}:
        assert granted(manifests(folder)) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_may_be_changed_and_no_secret_read(folder: str) -> None:
    for _, group, resource, verb, name in granted(manifests(folder)):
        if folder == Part.TOKEN_RENEWAL.value:
            assert (group, resource, verb, name) == ("", "serviceaccounts/token", "create", "aiops-spoke")
            continue
        assert verb in ("get", "list")
        assert "*" not in (group, resource, verb)
        assert resource != "secrets"
        if folder != Part.CONFIG_CHANGES.value:
            assert name or resource not in ("configmaps", "routes"), "these may hold secrets: only by name"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_binding_is_for_the_one_account_and_to_a_role_that_is_there(folder: str) -> None:
    found = manifests(folder)
    roles = {
        (manifest["kind"], manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        for manifest in found
        if manifest["kind"] in ("Role", "ClusterRole")
    }
    bound = set()
    for manifest in found:
        if manifest["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        account = {"kind": "ServiceAccount", "name": "aiops-spoke", "namespace": "aiops-spoke"}
        assert manifest["subjects"] == [account]
        reference = manifest["roleRef"]
        space = manifest["metadata"].get("namespace", "") if reference["kind"] == "Role" else ""
        if reference["name"] not in SHIPPED:
            assert (reference["kind"], space, reference["name"]) in roles
            bound.add((reference["kind"], space, reference["name"]))
    assert bound == roles


def test_the_only_kinds_are_harmless_ones() -> None:
    kinds = {manifest["kind"] for folder in FOLDERS for manifest in manifests(folder)}
    assert kinds == {
        "Namespace",
        "ServiceAccount",
        "Secret",
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
    }
    secrets = [one for folder in FOLDERS for one in manifests(folder) if one["kind"] == "Secret"]
    assert [(secret["type"], "data" in secret) for secret in secrets] == [
        ("kubernetes.io/service-account-token", False)
    ]


def test_every_file_belongs_to_a_kustomization_and_every_folder_is_described() -> None:
    readme = (SPOKE / "README.md").read_text()
    for folder in FOLDERS:
        described = yaml.safe_load((SPOKE / folder / "kustomization.yaml").read_text())["resources"]
        files = {path.name for path in (SPOKE / folder).glob("*.yaml")} - {"kustomization.yaml"}
        assert files == {entry for entry in described if entry.endswith(".yaml")}
        assert f"`{folder}`" in readme
