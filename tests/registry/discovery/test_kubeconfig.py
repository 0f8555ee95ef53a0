"""What the hub takes from a kubeconfig, what it refuses, and that it never reads, runs or swells on its account."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops.kernel.errors import Invalid
from aiops.registry.discovery.kubeconfig import KubeContext, contexts_of, contexts_of_files, reader_at

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> str:
    """A kubeconfig with one context, `east`, of this cluster and user."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": "https://api.east.example.com:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": {"token": "t0ken"} if user is None else user}],
            "contexts": [{"name": "east", "context": {"cluster": "c", "user": "u", "namespace": "x"}}],
            "current-context": "east",
            **more,
        }
    )


def one(content: str, **options: Any) -> KubeContext:
    (found,) = contexts_of(content, **options)
    return found


def problem(content: str, **options: Any) -> str:
    found = one(content, **options)
    assert found.problem is not None
    assert found.token is found.password is found.tls.client_key is None
    return found.problem


def test_a_context_with_a_token_and_its_own_authority() -> None:
    found = one(config({"certificate-authority-data": b64(CERTIFICATE)}))
    assert found.problem is None
    assert (found.context, found.name, found.current) == ("east", "east", True)
    assert found.server == "https://api.east.example.com:6443"
    assert found.token == "t0ken"
    assert found.tls.ca_bundle == CERTIFICATE
    assert not found.tls.skip_verify


def test_a_context_with_a_client_certificate() -> None:
    found = one(config(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(KEY)}))
    assert found.problem is None
    assert (found.tls.client_certificate, found.tls.client_key, found.token) == (CERTIFICATE, KEY, None)


def test_a_context_with_a_user_name_and_password() -> None:
    found = one(config(user={"username": "ann", "password": "0123"}))
    assert (found.username, found.password, found.problem) == ("ann", "0123", None)


def test_words_that_look_like_numbers_and_booleans_stay_words() -> None:
    found = one(config().replace("t0ken", "0012").replace("namespace: x", "namespace: no"))
    assert found.token == "0012"


def test_trust_settings_are_taken_over() -> None:
    found = one(
        config(
            {"insecure-skip-tls-verify": True, "tls-server-name": "api", "proxy-url": "http://proxy.example.com:3128"}
        )
    )
    assert (found.tls.skip_verify, found.tls.server_name) == (True, "api")
    assert found.proxy_url == "http://proxy.example.com:3128"


def test_one_bad_context_does_not_spoil_the_others() -> None:
    document = yaml.safe_load(config())
    document["contexts"] += [
        {"name": "lost", "context": {"cluster": "gone", "user": "u"}},
        {"name": "nobody", "context": {"cluster": "c", "user": "gone"}},
        {"name": "empty", "context": None},
    ]
    found = contexts_of(yaml.safe_dump(document))
    assert [(entry.context, entry.problem) for entry in found] == [
        ("east", None),
        ("lost", "The context names the cluster gone, which the file does not describe."),
        ("nobody", "The context names the user gone, whom the file does not describe."),
        ("empty", "The context names no cluster."),
    ]


def test_programs_that_sign_in_are_not_run_and_the_way_out_is_named() -> None:
    plugin = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/usr/bin/aws", "args": ["eks"]}}
    assert problem(config(user=plugin)) == (
        "The user signs in by running aws. The hub runs no programs to sign in: apply deploy/spoke to the cluster and"
        " give the token of its service account."
    )
    assert "the plugin gcp" in problem(config(user={"auth-provider": {"name": "gcp", "config": {}}}))


def test_a_plugin_beside_a_token_is_no_matter() -> None:
    assert one(config(user={"token": "t", "exec": {"command": "aws"}})).token == "t"


def test_a_user_without_any_sign_in_is_told() -> None:
    assert "no sign-in" in problem(config(user={}))


def test_acting_in_anothers_name_is_refused_rather_than_dropped() -> None:
    assert "in another's name" in problem(config(user={"token": "t", "as": "root"}))


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"certificate-authority": "ca.crt"}, None),
        ({"certificate-authority": "/etc/passwd"}, None),
        ({}, {"tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token"}),
        ({}, {"client-certificate": "me.crt", "client-key": "me.key"}),
        ({}, {"client-certificate-data": b64(CERTIFICATE), "client-key": "../me.key"}),
    ],
)
def test_an_uploaded_file_never_makes_the_hub_read_its_own(
    cluster: dict[str, Any], user: dict[str, Any] | None
) -> None:
    said = problem(config(cluster, user))
    assert "names a file" in said
    assert "--flatten" in said


def test_the_command_line_resolves_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki/ca.crt").write_text(CERTIFICATE)
    (tmp_path / "me.crt").write_text(CERTIFICATE)
    (tmp_path / "me.key").write_text(KEY)
    (tmp_path / "token").write_text("from-file\n")
    user = {
        "client-certificate": "me.crt",
        "client-key": str(tmp_path / "me.key"),
        "tokenFile": "token",
        "token": "old",
    }
    found = one(config({"certificate-authority": "pki/ca.crt"}, user), read=reader_at(tmp_path))
    assert found.problem is None
    assert (found.tls.ca_bundle, found.tls.client_key, found.token) == (CERTIFICATE, KEY, "from-file")
    gone = problem(config({"certificate-authority": "gone.crt"}), read=reader_at(tmp_path))
    assert gone == "certificate-authority: gone.crt can't be read: No such file or directory."


def test_of_several_files_the_first_word_counts_and_each_has_its_own_folder(tmp_path: Path) -> None:
    for folder, token in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "token").write_text(token)
        (tmp_path / folder / "config").write_text(config(user={"tokenFile": "token"}))
    (tmp_path / "c").write_text(config().replace("east", "west"))
    found = contexts_of_files([tmp_path / "a/config", tmp_path / "b/config", tmp_path / "c"])
    assert [(entry.context, entry.token) for entry in found] == [("east", "first"), ("west", "t0ken")]
    with pytest.raises(Invalid, match="No such file"):
        contexts_of_files([tmp_path / "none"])


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("", "has no server"),
        ("api.example.com:6443", "not a URL"),
        ("https://", "not a URL"),
        ("https://api:99999", "not a URL"),
        ("http://api.example.com:8080", "not https"),
        ("https://me:secret@api.example.com", "user name or password"),
    ],
)
def test_a_server_that_cannot_be_used_is_explained(server: str, said: str) -> None:
    text = problem(config({"server": server}))
    assert said in text
    assert "secret@" not in text


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        ({"certificate-authority-data": "%%%"}, None, "certificate-authority-data is not base64"),
        ({"certificate-authority-data": b64("hello")}, None, "not a certificate in PEM form"),
        ({}, {"client-certificate-data": b64(CERTIFICATE)}, "client-key is missing"),
        ({}, {"client-key-data": b64(KEY)}, "client-certificate is missing"),
        ({}, {"client-certificate-data": b64(KEY), "client-key-data": b64(CERTIFICATE)}, "not a certificate in PEM"),
        ({}, {"token": "two words"}, "holds a space"),
        ({}, {"token": "ümlaut"}, "characters that no token has"),
        ({"proxy-url": "socks5://proxy:1080"}, None, "a socks5 one"),
        (
            {"certificate-authority-data": b64(CERTIFICATE), "insecure-skip-tls-verify": True},
            None,
            "take one of them out",
        ),
    ],
)
def test_a_part_that_cannot_be_used_is_named(cluster: dict[str, Any], user: dict[str, Any] | None, said: str) -> None:
    assert said in problem(config(cluster, user))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("- a\n- b\n", "not a mapping"),
        ("just words", "not a mapping"),
        ("a: [", "line"),
        ("a: 1\na: 2\n", "a stands there twice (line 2, column 1)"),
        ("? [a]\n: 1\n", "a key must be a word"),
        ("a: 1\n---\nb: 2\n", "more than one document (line 2)"),
        ("a: &x 1\nb: *x\n", "by reference (line 2)"),
        ("a: " + "[" * 60 + "]" * 60, "nested more than"),
        ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"a: \x00", "not valid YAML"),
        ("kind: Secret\nmetadata: {}\n", "That is a Secret, not a kubeconfig"),
        ("kind: Config\ncontexts: null\nclusters: null\n", "no contexts"),
        ("kind: Config\ncontexts: 5\n", "of the wrong kind"),
        (b"a" * (9 * 1024 * 1024), "more than 8 MiB"),
        ("[" + "a," * 4_000_000 + "]", "more than 50,000 parts"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_with_the_reason(content: str | bytes, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        contexts_of(content)
    assert said in refused.value.message


def test_a_thousand_contexts_are_read_at_once() -> None:
    document = yaml.safe_load(config({"certificate-authority-data": b64(CERTIFICATE)}))
    document["contexts"] = [{"name": f"c-{number}", "context": {"cluster": "c", "user": "u"}} for number in range(1000)]
    document["users"] += [{"name": f"u-{number}", "user": {"token": "t" * 900}} for number in range(1000)]
    document["clusters"] += [{"name": f"c-{number}", "cluster": {"server": "https://x"}} for number in range(1000)]
    assert len(contexts_of(yaml.safe_dump(document))) == 1000


def test_a_fault_in_the_file_never_quotes_what_stands_around_it() -> None:
    broken = config().replace("token: t0ken", "token: hunter2: [")
    with pytest.raises(Invalid) as refused:
        contexts_of(broken)
    assert "hunter2" not in refused.value.message


def test_secrets_do_not_show_when_a_context_is_printed() -> None:
    found = one(config(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(KEY), "token": "t0k"}))
    assert "t0k" not in repr(found)
    assert "PRIVATE" not in repr(found) + repr(found.tls)


def test_contexts_get_names_that_tell_them_apart() -> None:
    names = [
        "default/api-east-example-com:6443/kube:admin",
        "ops/api-east-example-com:6443/kube:admin",
        "gke_project_europe-west1_Shop",
        "arn:aws:eks:eu-west-1:123456789012:cluster/billing",
        "kind-a",
        "x",
        "Ünïcode",
        "a" * 80,
    ]
    document = yaml.safe_load(config())
    document["contexts"] = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in names]
    assert [entry.name for entry in contexts_of(yaml.safe_dump(document))] == [
        "east-example-com",
        "east-example-com-2",
        "shop",
        "billing",
        "kind-a",
        "cluster-x",
        "n-code",
        "a" * 63,
    ]


_WORDS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("https://a") | st.just("c")
_FIELDS = st.sampled_from(
    ["kind", "clusters", "users", "contexts", "current-context", "name", "cluster", "user", "context", "server",
     "token", "tokenFile", "certificate-authority-data", "client-key", "exec", "as", "proxy-url", "x"]
)  # fmt: skip
_DOCUMENTS = st.recursive(
    _WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=5), max_leaves=20
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), _DOCUMENTS.map(yaml.safe_dump)))
def test_whatever_is_uploaded_is_taken_or_refused_and_never_fails_inside(content: str | bytes) -> None:
    with contextlib.suppress(Invalid):
        contexts_of(content)
