"""Settings: read once, every mistake is one line that says what to do."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aiops.settings import Settings, SettingsError, load_settings, secret_key


@pytest.fixture(autouse=True)
def _no_config_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_listen_on_this_machine_alone() -> None:
    settings = load_settings({"HOME": "/home/someone"})
    assert (settings.host, settings.port, settings.watch_host) == ("127.0.0.1", 8080, True)


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('port = 9000\nhost = "0.0.0.0"\nwatch_host = false\n')
    settings = load_settings({"AIOPS_PORT": "9001", "AIOPS_CONFIG": str(config)})
    assert (settings.host, settings.port, settings.watch_host) == ("0.0.0.0", 9001, False)


def test_file_in_the_current_folder_is_found() -> None:
    Path("aiops.toml").write_text("port = 9002\n")
    assert load_settings({}).port == 9002


def test_empty_variable_counts_as_unset() -> None:
    assert load_settings({"AIOPS_DATABASE_URL": "", "AIOPS_PORT": " "}).port == 8080


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_booleans_are_taken_as_people_write_them(word: str) -> None:
    assert load_settings({"AIOPS_WATCH_HOST": word}).watch_host is False


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AIOPS_PRT": "1"}, "There is no setting AIOPS_PRT. Did you mean AIOPS_PORT?"),
        ({"AIOPS_DATABASE_URI": "x"}, "Did you mean AIOPS_DATABASE_URL?"),
        ({"AIOPS_ZZZ": "x"}, "aiops serve --help"),
        ({"AIOPS_PORT": "http"}, "AIOPS_PORT=http can't be: it has to be a whole number from 0 to 65535."),
        ({"AIOPS_PORT": "70000"}, "AIOPS_PORT=70000"),
        ({"AIOPS_WATCH_HOST": "maybe"}, "has to be true or false"),
        (
            {"AIOPS_EMBEDDINGS_URL": "https://host/v1?key=x"},
            "AIOPS_EMBEDDINGS_URL can't be: it has to be a URL",
        ),
        ({"AIOPS_LOG_FORMAT": "xml"}, "has to be one of auto, console, json"),
        ({"AIOPS_PORT": "tcp://10.0.0.7:8080"}, "enableServiceLinks: false"),
        ({"AIOPS_SERVICE_HOST": "10.0.0.7"}, "enableServiceLinks: false"),
        ({"AIOPS_PORT_8080_TCP_ADDR": "10.0.0.7"}, "enableServiceLinks: false"),
        ({"AIOPS_CONFIG": "/nowhere/aiops.toml"}, "/nowhere/aiops.toml does not exist"),
    ],
)
def test_mistake_in_the_environment_is_one_line_that_says_what_to_do(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert said in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prt = 1", "Did you mean port?"),
        ('port = "9000', "is not valid TOML"),
        ('port = "x"', "a whole number"),
        ("host = 5", "has to be a text"),
    ],
)
def test_mistake_in_the_file_names_the_file(text: str, said: str) -> None:
    Path("aiops.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    assert said in caught.value.message
    assert "aiops.toml" in caught.value.message


@pytest.mark.parametrize("name", ["AIOPS_SECRET_KEY", "AIOPS_DATABASE_URL", "AIOPS_ADMIN_PASSWORD"])
def test_secrets_are_never_repeated(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: "hunter2"})
    assert "hunter2" not in caught.value.message


def test_settings_are_shown_without_their_secrets(tmp_path: Path) -> None:
    shown = repr(Settings(data_dir=tmp_path, admin_password="correct horse"))
    assert "correct horse" not in shown
    assert "admin_password=***" in shown


def test_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    key = secret_key(settings)
    kept = settings.data_dir / "secret.key"
    assert len(key) == 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert secret_key(settings) == key
    assert secret_key(Settings(data_dir=tmp_path, secret_key=kept.read_text().strip())) == key
    assert [entry.name for entry in settings.data_dir.iterdir()] == ["secret.key"]


def test_damaged_key_is_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(SettingsError, match="from a backup"):
        secret_key(Settings(data_dir=tmp_path))


def test_relative_data_folder_becomes_absolute(tmp_path: Path) -> None:
    assert load_settings({"AIOPS_DATA_DIR": "data"}).data_dir == tmp_path / "data"


def test_every_setting_is_documented() -> None:
    text = Settings.__doc__ or ""
    assert [name for name in Settings.__struct_fields__ if f"`{name}`" not in text] == []
