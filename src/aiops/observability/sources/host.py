"""The machine that the hub runs on, in node_exporter's words, so that one vocabulary serves all nodes."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil

from aiops.observability.ports import Labels, Sample

T = TypeVar("T")

_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_MEMORY = ("MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree")
_DISK_COUNTERS = (
    ("node_disk_read_bytes_total", "read_bytes", 1.0),
    ("node_disk_written_bytes_total", "write_bytes", 1.0),
    ("node_disk_reads_completed_total", "read_count", 1.0),
    ("node_disk_writes_completed_total", "write_count", 1.0),
    ("node_disk_read_time_seconds_total", "read_time", 0.001),
    ("node_disk_write_time_seconds_total", "write_time", 0.001),
    ("node_disk_io_time_seconds_total", "busy_time", 0.001),
)
_NETWORK_COUNTERS = (
    ("node_network_receive_bytes_total", "bytes_recv"),
    ("node_network_transmit_bytes_total", "bytes_sent"),
    ("node_network_receive_packets_total", "packets_recv"),
    ("node_network_transmit_packets_total", "packets_sent"),
    ("node_network_receive_errs_total", "errin"),
    ("node_network_transmit_errs_total", "errout"),
    ("node_network_receive_drop_total", "dropin"),
    ("node_network_transmit_drop_total", "dropout"),
)

Reading = tuple[str, Labels, float]


class Host:
    """CPU, memory, load, disks, file systems and network of this machine, by psutil and /proc."""

    class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        interval_s: float = 5.0
        instance: str | None = None
        skip_interfaces: str = r"(veth|cali|lxc|tap|vnet|ifb).*"
        timeout_s: float = 2.0

    def __init__(self, config: Config, *, mounts: Callable[[], list[Mount]] | None = None) -> None:
        self.interval_s = config.interval_s
        self._identity = {"instance": config.instance or socket.gethostname(), "job": "node"}
        self._skip_interface = re.compile(config.skip_interfaces)
        self._timeout_s = config.timeout_s
        self._mounts = mounts or real_mounts
        self._workers = _Workers()

    async def collect(self, at: float) -> list[Sample]:
        """All readings of this moment, stamped `at`. What hangs, such as a dead mount, is left out."""
        done = await self._workers.run({"counters": self._counters}, self._timeout_s)
        places = await self._workers.run({"mounts": self._mounts}, self._timeout_s)
        sizes = {mount.mountpoint: mount.readings for mount in places.get("mounts", [])}
        done |= await self._workers.run(sizes, self._timeout_s)
        readings = [("node_time_seconds", {}, at), *chain.from_iterable(done.values())]
        return [
            Sample({"__name__": name, **labels, **self._identity}, at, float(value)) for name, labels, value in readings
        ]

    def _counters(self) -> list[Reading]:
        return [*_cpu(), *_memory(), *_system(), *_disks(), *self._network()]

    def _network(self) -> Iterator[Reading]:
        for device, counters in psutil.net_io_counters(pernic=True, nowrap=False).items():
            if self._skip_interface.fullmatch(device):
                continue
            for name, field in _NETWORK_COUNTERS:
                yield name, {"device": device}, getattr(counters, field)


class Mount(msgspec.Struct, frozen=True):
    """A mounted file system with storage behind it."""

    device: str
    mountpoint: str
    fstype: str

    def readings(self) -> list[Reading]:
        """Its sizes; hangs for as long as the storage does."""
        state = os.statvfs(self.mountpoint)
        labels = {"device": self.device, "mountpoint": self.mountpoint, "fstype": self.fstype}
        return [
            ("node_filesystem_size_bytes", labels, state.f_blocks * state.f_frsize),
            ("node_filesystem_free_bytes", labels, state.f_bfree * state.f_frsize),
            ("node_filesystem_avail_bytes", labels, state.f_bavail * state.f_frsize),
        ]


def real_mounts() -> list[Mount]:
    """One mount for each device: its shortest path, for bind mounts only repeat the numbers.

    In a container the root is an overlay, which psutil does not count among real file systems; it is the one that
    people mean by "the disk" there.
    """
    by_device: dict[str, Mount] = {}
    partitions = psutil.disk_partitions(all=False)
    if not any(part.mountpoint == "/" for part in partitions):
        partitions += [part for part in psutil.disk_partitions(all=True) if part.mountpoint == "/"][-1:]
    for part in sorted(partitions, key=lambda part: (len(part.mountpoint), part.mountpoint)):
        if part.fstype not in ("squashfs", "iso9660"):
            by_device.setdefault(part.device, Mount(part.device, part.mountpoint, part.fstype))
    return list(by_device.values())


def _cpu() -> Iterator[Reading]:
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in _CPU_MODES:
            if hasattr(times, mode):
                yield "node_cpu_seconds_total", {"cpu": str(number), "mode": mode}, getattr(times, mode)


def _memory() -> Iterator[Reading]:
    # psutil's `cached` includes reclaimable slabs, which node_exporter's does not: so the kernel's own words.
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in _MEMORY:
            yield f"node_memory_{name}_bytes", {}, int(rest.split()[0]) * 1024


def _system() -> Iterator[Reading]:
    for name, load in zip(("node_load1", "node_load5", "node_load15"), os.getloadavg(), strict=True):
        yield name, {}, load
    yield "node_boot_time_seconds", {}, psutil.boot_time()
    kernel = os.uname()
    labels = {
        "sysname": kernel.sysname,
        "nodename": kernel.nodename,
        "release": kernel.release,
        "version": kernel.version,
        "machine": kernel.machine,
        "domainname": Path("/proc/sys/kernel/domainname").read_text().strip(),
    }
    yield "node_uname_info", labels, 1


def _disks() -> Iterator[Reading]:
    for device, counters in (psutil.disk_io_counters(perdisk=True, nowrap=False) or {}).items():
        if re.match(r"(z?ram|loop|fd|sr)\d", device) or Path(f"/sys/class/block/{device}/partition").exists():
            continue
        for name, field, scale in _DISK_COUNTERS:
            yield name, {"device": device}, getattr(counters, field) * scale


class _Workers:
    """Runs what may hang in threads of their own: one that hangs is left alone, and not started again before it ends.

    The threads are daemons: the pool of asyncio would wait for a hung one when the hub stops. The time limit is one of
    the real clock, for a thread knows no other.
    """

    def __init__(self) -> None:
        self._busy: set[str] = set()

    async def run(self, tasks: Mapping[str, Callable[[], list[T]]], timeout_s: float) -> dict[str, list[T]]:
        """Results by name, of those that finished in time and that the operating system did not refuse."""
        futures = {
            name: asyncio.wrap_future(self._start(name, tasks[name])) for name in tasks if name not in self._busy
        }
        if futures:
            await asyncio.wait(futures.values(), timeout=timeout_s)
        results: dict[str, list[T]] = {}
        for name, future in futures.items():
            if not future.done():
                future.add_done_callback(lambda late: late.cancelled() or late.exception())
            elif not isinstance(future.exception(), OSError):
                results[name] = future.result()
        return results

    def _start(self, name: str, task: Callable[[], list[T]]) -> Future[list[T]]:
        future: Future[list[T]] = Future()
        self._busy.add(name)

        def work() -> None:
            try:
                result = task()
            except Exception as error:
                self._busy.discard(name)
                future.set_exception(error)
            else:
                self._busy.discard(name)
                future.set_result(result)

        threading.Thread(target=work, name=f"host:{name}", daemon=True).start()
        return future
