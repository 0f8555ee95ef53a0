"""`aiops cluster` against a hub as people run it: a fleet from a file, and who may read what."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml

from tests.e2e.inside import database_of
from tests.lab.hub import Hub, add_user
from tests.registry.rig import FakePrometheus, serving

HUSH = "hush-7f3a-this-is-secret"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def token(hub: Hub) -> str:
    done = aiops(hub, "user", "add", "fleet-robot", "--service", "--role", "admin")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
async def prometheus() -> AsyncIterator[str]:
    async with serving(FakePrometheus().answer) as url:
        yield url


def aiops(hub: Hub, *arguments: str, token: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIOPS_")}
    given = {"AIOPS_DATA_DIR": str(hub.data_dir), "AIOPS_URL": hub.url, "AIOPS_TOKEN": token, **environment}
    return subprocess.run(
        [sys.executable, "-m", "aiops", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env={**clean, **given}, cwd=hub.folder,
    )  # fmt: skip


def write(folder: Path, *clusters: Mapping[str, object], fleet: str) -> str:
    path = folder / f"{fleet}.yaml"
    path.write_text(yaml.safe_dump({"fleet": fleet, "clusters": [dict(one) for one in clusters]}))
    return str(path)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def states(client: httpx.Client, fleet: str) -> list[str]:
    items = client.get("/api/v1/clusters", params={"managed_by": fleet, "page_size": 100}).json()["items"]
    return [item["status"]["state"] for item in items]


def test_a_fleet_of_a_hundred_is_there_within_half_a_minute_and_the_same_file_changes_nothing(
    hub: Hub, token: str, tmp_path: Path
) -> None:
    with _Prometheus() as url, hub.client() as client:
        fleet = [{"name": f"many-{number:03}", "prometheus_url": f"{url}/{number}"} for number in range(100)]
        file = write(tmp_path, *fleet, fleet="many")
        began = time.monotonic()
        done = aiops(hub, "cluster", "apply", "-f", file, token=token)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "100 added."), done.stderr
        while states(client, "many").count("ONLINE") < 100:
            assert time.monotonic() - began < 30, states(client, "many")
            time.sleep(0.2)
        print(f"100 clusters ONLINE after {time.monotonic() - began:.1f} s")
        assert aiops(hub, "cluster", "apply", "-f", file, token=token).stdout == "100 unchanged.\n"
        emptied = write(tmp_path, fleet="many")
        assert aiops(hub, "cluster", "apply", "-f", emptied, "--prune", token=token).stdout.endswith("100 removed.\n")


async def test_a_change_is_shown_before_it_is_made_and_only_what_the_file_added_is_pruned(
    hub: Hub, token: str, tmp_path: Path, prometheus: str
) -> None:
    by_hand = aiops(hub, "cluster", "add", "by-hand", "--prometheus-url", prometheus, token=token)
    assert by_hand.returncode == 0, by_hand.stderr
    one: dict[str, object] = {"name": "one", "prometheus_url": prometheus, "region": "eu"}
    secret = {"kind": "BEARER", "token": {"fromEnv": "ONE_TOKEN"}}
    two = {"name": "two", "prometheus_url": prometheus, "credentials": secret}
    adopted = {"name": "by-hand", "labels": {"team": "a"}}
    file = write(tmp_path, one, two, adopted, fleet="few")
    done = aiops(hub, "cluster", "apply", "-f", file, token=token, ONE_TOKEN=HUSH)
    assert done.stdout.splitlines()[-1] == "2 added, 1 changed.", done.stdout + done.stderr

    write(tmp_path, {**one, "region": "us"}, {**two, "credentials": {**secret, "token": HUSH + "2"}}, fleet="few")
    preview = aiops(hub, "cluster", "apply", "-f", file, "--dry-run", "--prune", token=token)
    assert preview.stdout.splitlines() == [
        "~ one  region: eu → us",
        "~ two  credentials: changed",
        "Would be: 2 changed.",
    ]
    assert "two: credentials.token stands in the file itself" in preview.stderr
    assert HUSH not in preview.stdout + preview.stderr
    write(tmp_path, one, fleet="few")
    done = aiops(hub, "cluster", "apply", "-f", file, "--prune", token=token)
    assert done.stdout.splitlines() == ["- two", "1 unchanged, 1 removed."]
    assert "by-hand" in aiops(hub, "cluster", "list", token=token).stdout


def test_one_that_can_not_be_leaves_the_others_done_and_says_so(hub: Hub, token: str, tmp_path: Path) -> None:
    good: dict[str, object] = {"name": "good-one", "platform": "HOST"}
    bad: dict[str, object] = {"name": "bad-one", "prometheus_url": "http://169.254.169.254"}
    worse: dict[str, object] = {"name": "worse-one", "platform": "HOST", "colour": "red"}
    done = aiops(hub, "cluster", "apply", "-f", write(tmp_path, good, bad, worse, fleet="mixed"), token=token)
    assert done.returncode == 1
    assert "+ good-one" in done.stdout
    assert "! bad-one  The Prometheus URL can't be used. The hub does not connect to 169.254.169.254" in done.stdout
    assert "! worse-one" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 added, 2 failed."


async def test_contexts_of_a_kubeconfig_are_imported_once_and_one_that_can_not_be_says_why(
    hub: Hub, token: str, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    whole = yaml.safe_load(_kubeconfig())
    whole["users"].append({"name": "by-program", "user": {"exec": {"command": "aws"}}})
    whole["contexts"].append({"name": "other", "context": {"cluster": "k", "user": "by-program"}})
    path.write_text(yaml.safe_dump(whole).replace("https://127.0.0.1:1", "https://127.0.0.1:2"))
    preview = aiops(hub, "cluster", "import", "--kubeconfig", str(path), "--dry-run", token=token)
    assert (preview.returncode, preview.stdout.splitlines()[-1]) == (1, "Would be: 1 added, 1 failed."), preview.stderr
    assert "deploy/spoke" in preview.stdout
    arguments = ("cluster", "import", "--kubeconfig", str(path), "--context", "c")
    name = aiops(hub, *arguments, token=token).stdout.split()[1]
    assert aiops(hub, *arguments, token=token).stdout == "1 unchanged.\n"
    tested = aiops(hub, "cluster", "test", name, token=token)
    assert tested.returncode == 1
    assert "FAIL  connect: 127.0.0.1:2 refused the connection" in tested.stdout
    assert HUSH not in preview.stdout + tested.stdout
    assert aiops(hub, "cluster", "remove", name, "not-there", token=token).stdout.splitlines() == [
        f"- {name}",
        "! not-there  There is no cluster named not-there.",
        "1 removed, 1 failed.",
    ]


def test_a_hub_that_does_not_answer_or_a_wrong_token_is_one_line(hub: Hub, tmp_path: Path) -> None:
    file = write(tmp_path, {"name": "one"}, fleet="few")
    for token, url, said in (
        ("", hub.url, "AIOPS_TOKEN"),
        ("x", hub.url, "token"),
        ("x", "http://127.0.0.1:1", "--url"),
    ):
        done = aiops(hub, "cluster", "apply", "-f", file, "--url", url, token=token)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert said in done.stderr


def test_a_stolen_dump_and_the_log_hold_no_secret_and_only_a_service_reads_one(hub: Hub, token: str) -> None:
    kinds: list[dict[str, str]] = [
        {"kind": "BEARER", "token": f"{HUSH}-bearer"},
        {"kind": "BASIC", "username": "reader", "password": f"{HUSH}-basic"},
        {"kind": "SERVICE_ACCOUNT", "token": f"{HUSH}-account"},
        {"kind": "OIDC", "token_url": "http://127.0.0.1:1/token", "client_id": "hub", "client_secret": f"{HUSH}-oidc"},
        {"kind": "CLIENT_CERTIFICATE", **_certificate()},
        {"kind": "KUBECONFIG", "kubeconfig": _kubeconfig()},
    ]
    with hub.client() as admin:
        ids = []
        for number, credentials in enumerate(kinds):
            body = {
                "name": f"stolen-{number}",
                "platform": "KUBERNETES",
                "api_server_url": "https://127.0.0.1:1",
                "headers": {"X-Scope-OrgID": f"{HUSH}-header"},
                "credentials": credentials,
            }
            reply = admin.post("/api/v1/clusters", json=body)
            assert reply.status_code == 201, reply.text
            assert HUSH not in reply.text
            ids.append(reply.json()["id"])
            admin.post(f"/api/v1/clusters/{ids[-1]}/refresh", params={"capabilities": "true"}).raise_for_status()
            admin.post(f"/api/v1/clusters/{ids[-1]}/credentials/validate")
            admin.put(f"/api/v1/clusters/{ids[-1]}/credentials", json=credentials)
        secrets = [HUSH, _certificate()["key"].splitlines()[1]]
        dump = _dump(hub)
        assert "stolen-0" in dump
        for secret in secrets:
            assert secret not in dump
            assert secret.encode().hex() not in dump
            assert secret not in hub.log

        internal = f"/internal/v1/clusters/{ids[0]}/credentials"
        with (
            add_user(hub.url, admin, "peeping", "viewer", None) as viewer,
            add_user(hub.url, admin, "operating", "operator", None) as operator,
        ):
            for client in (viewer, operator, admin):
                shown = client.get(f"/api/v1/clusters/{ids[0]}/credentials")
                assert shown.json()["kind"] == "BEARER"
                assert HUSH not in shown.text + client.get(f"/api/v1/clusters/{ids[0]}").text
                assert client.get(internal).status_code == 403
        assert internal not in admin.get("/schema/openapi.json").text
        assert "/internal" not in admin.get("/schema/openapi.json").text
    assert httpx.get(hub.url + internal, trust_env=False).status_code == 401
    weak = aiops(hub, "user", "add", "weak-robot", "--service").stdout.strip()
    assert httpx.get(hub.url + internal, headers=bearer(weak), trust_env=False).status_code == 403
    told = httpx.get(hub.url + internal, headers=bearer(token), trust_env=False)
    assert told.json()["headers"] == {"X-Scope-OrgID": f"{HUSH}-header", "Authorization": f"Bearer {HUSH}-bearer"}
    assert told.headers["Cache-Control"] == "no-store"


def test_the_key_is_changed_while_the_hub_is_down_and_nothing_is_lost(tmp_path: Path) -> None:
    old, new = "the-former-key-of-this-installation", "the-new-key-of-this-very-installation"
    with Hub({"AIOPS_SECRET_KEY": old}) as hub:
        with hub.client() as admin:
            body = {"name": "kept", "prometheus_url": "http://127.0.0.1:1", "bearer_token": HUSH}
            made = admin.post("/api/v1/clusters", json=body).json()
        hub.stop()
        both = {"AIOPS_SECRET_KEY": new, "AIOPS_SECRET_KEY_PREVIOUS": old}
        refused = aiops(hub, "secrets", "rotate", AIOPS_SECRET_KEY=new)
        assert (refused.returncode, "AIOPS_SECRET_KEY_PREVIOUS" in refused.stderr) == (2, True)
        done = aiops(hub, "secrets", "rotate", **both)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 sealed anew under AIOPS_SECRET_KEY.")
        token = aiops(hub, "user", "add", "robot", "--service", "--role", "admin", AIOPS_SECRET_KEY=new).stdout.strip()
        hub._settings["AIOPS_SECRET_KEY"] = new
        hub.start()
        told = httpx.get(
            f"{hub.url}/internal/v1/clusters/{made['id']}/credentials", headers=bearer(token), trust_env=False
        )
        assert told.json()["headers"]["Authorization"] == f"Bearer {HUSH}"


def _dump(hub: Hub) -> str:
    """Every row of every table, as text."""
    with database_of(hub) as connection:
        return "\n".join(_rows(connection))


def _rows(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    tables = connection.execute(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"
    ).fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        for row in connection.execute(f"SELECT t::text FROM {table} AS t").fetchall():
            yield str(row[0])


_CERTIFICATE: dict[str, str] = {}


def _certificate() -> dict[str, str]:
    if not _CERTIFICATE:
        from tests.registry.authority import Authority

        certificate, key = Authority().issue("hub")
        _CERTIFICATE.update(certificate=certificate, key=key)
    return _CERTIFICATE


def _kubeconfig() -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {"token": f"{HUSH}-kubeconfig"}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        }
    )


class _Prometheus:
    """A Prometheus of the tests in a process of its own, whatever the path before the API's."""

    def __enter__(self) -> str:
        program = (
            "import asyncio, sys\n"
            "from aiohttp import web\n"
            "async def answer(request):\n"
            "    data = {'resultType': 'scalar', 'result': [1, '1']}\n"
            "    return web.json_response({'status': 'success', 'data': data})\n"
            "async def main():\n"
            "    app = web.Application(); app.router.add_route('*', '/{path:.*}', answer)\n"
            "    runner = web.AppRunner(app); await runner.setup()\n"
            "    await web.TCPSite(runner, '127.0.0.1', 0).start()\n"
            "    print(runner.addresses[0][1], flush=True)\n"
            "    await asyncio.sleep(3600)\n"
            "asyncio.run(main())\n"
        )
        self._process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return f"http://127.0.0.1:{self._process.stdout.readline().strip()}"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
