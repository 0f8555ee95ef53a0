"""What a fleet file means, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops.cli.fleet_file import FleetFile, read_fleet
from aiops.kernel.errors import Invalid


def read(folder: Path, text: str, **environment: str) -> FleetFile:
    path = folder / "fleet.yaml"
    path.write_text(text)
    return read_fleet(path, environment)


def test_defaults_and_references_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("PEM\n")
    found = read(
        tmp_path,
        """
fleet: europe
defaults:
  environment: STAGING
  labels: {team: core, tier: "1"}
clusters:
  - name: one
    prometheus_url: http://prometheus.one
    labels: {tier: "2"}
    tls: {ca_bundle: {fromFile: ca.pem}, skip_verify: false}
    credentials: {kind: BEARER, token: {fromEnv: ONE_TOKEN}}
    headers: {X-Scope-OrgID: {fromEnv: ONE_TENANT}}
  - name: two
    prometheus_url: http://prometheus.two
""",
        ONE_TOKEN="t0ken",
        ONE_TENANT="0123",
    )
    assert found.fleet == "europe"
    assert found.literals == []
    assert found.clusters["one"] == {
        "environment": "STAGING",
        "labels": {"team": "core", "tier": "2"},
        "prometheus_url": "http://prometheus.one",
        "tls": {"ca_bundle": "PEM", "skip_verify": False},
        "credentials": {"kind": "BEARER", "token": "t0ken"},
        "headers": {"X-Scope-OrgID": "0123"},
        "managed_by": "europe",
    }
    assert found.clusters["two"]["labels"] == {"team": "core", "tier": "1"}


def test_secrets_in_the_file_itself_are_pointed_out_and_never_repeated(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "clusters: [{name: one, credentials: {kind: BASIC, username: u, password: hush}, headers: {X-Key: hush}}]",
    )
    assert found.fleet == "fleet"
    assert found.literals == ["one: credentials.password", "one: headers.X-Key"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: 5", "a list `clusters`"),
        ("fleets: x\nclusters: []", "no 'fleets'"),
        ("clusters: [{labels: {}}]", "cluster 1 has no name"),
        ("clusters: [{name: a}, {name: a}]", "two clusters named a"),
        ("clusters: [{name: a, name: b}]", "stands there twice"),
        ("clusters: [{name: a, region: {fromEnv: NOT_SET}}]", "a: region: the variable NOT_SET is not set"),
        ("clusters: [{name: a, region: {fromFile: gone.txt}}]", "gone.txt can't be read"),
        ("clusters: [", "not valid YAML"),
        ("clusters: !!python/object/apply:os.system ['true']", "YAML"),
    ],
)
def test_a_mistake_is_named_before_anything_is_sent(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=r"fleet\.yaml") as caught:
        read(tmp_path, text)
    assert said in caught.value.message
