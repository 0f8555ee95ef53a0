"""Debian's builds of the servers of the lab, fetched and unpacked into a cache; nothing installed, no root needed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WHERE = {
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "promtool": ("prometheus", "usr/bin/promtool"),
    "node_exporter": ("prometheus-node-exporter", "usr/bin/prometheus-node-exporter"),
    "alertmanager": ("prometheus-alertmanager", "usr/bin/prometheus-alertmanager"),
    "amtool": ("prometheus-alertmanager", "usr/bin/amtool"),
}
_FIXED_TEMPLATES = b"/usr/share/prometheus/alertmanager"
_OWN_TEMPLATES = b"usr//share/prometheus/alertmanager"


class LabFailed(Exception):
    """A server of the lab could not be had or does not run; the message says which and why."""


def lab_available() -> str | None:
    """Why there can be no lab here, or None. On Debian and its children always None: a lack is a failure there."""
    if _is_debian():
        return None
    missing = [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]
    return f"the lab needs Debian's packages, and this machine has no {' and no '.join(missing)}" if missing else None


def binary(name: str) -> Path:
    """The path of `prometheus`, `promtool`, `node_exporter`, `alertmanager` or `amtool`, fetched on first use.

    Debian's Alertmanager must run with the folder of its package (`package_folder`) as working directory.
    """
    package, path = _WHERE[name]
    return package_folder(package) / path


def package_folder(package: str) -> Path:
    """Where the package is unpacked; fetched on first use, by one process at a time."""
    folder = _cache() / package
    if not folder.exists():
        with _locked(_cache() / f"{package}.lock"):
            if not folder.exists():
                _fetch(package, folder)
    return folder


def _is_debian() -> bool:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return False
    words = {word for line in lines if line.startswith(("ID=", "ID_LIKE=")) for word in line.split("=", 1)[1].split()}
    return bool({"debian", "ubuntu"} & {word.strip('"') for word in words})


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "aiops-lab"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(package: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{package}.") as name:
        work = Path(name)
        _download(package, work)
        archive = next(work.glob("*.deb"))
        unpacked = work / "unpacked"
        _run(["dpkg", "-x", str(archive), str(unpacked)], work)
        if package == "prometheus-alertmanager":
            _use_own_templates(unpacked / "usr/bin/prometheus-alertmanager")
        unpacked.chmod(0o755)
        unpacked.rename(folder)


def _download(package: str, work: Path) -> None:
    """With the machine's package lists, or with fresh ones in a folder of ours where those are missing or too old."""
    try:
        _run(["apt-get", "-q", "download", package], work)
    except LabFailed:
        options = _private_lists(work.parent)
        with _locked(work.parent / "apt.lock"):
            _run(["apt-get", "-q", *options, "update"], work)
        _run(["apt-get", "-q", *options, "download", package], work)


def _private_lists(cache: Path) -> list[str]:
    lists, archives = cache / "apt" / "lists", cache / "apt" / "cache"
    for folder in (lists / "partial", archives / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={archives}", "-o", "APT::Sandbox::User="]


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabFailed(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise LabFailed(f"{' '.join(command)} failed: {done.stderr.strip()[-600:]}")


def _use_own_templates(program: Path) -> None:
    """Let Debian's Alertmanager find its templates where they were unpacked.

    It opens them by an absolute path that only root could fill and that no option changes; in our copy that path
    becomes one of the same length that is relative to the working directory.
    """
    content = program.read_bytes()
    if _FIXED_TEMPLATES in content:
        program.write_bytes(content.replace(_FIXED_TEMPLATES, _OWN_TEMPLATES))
