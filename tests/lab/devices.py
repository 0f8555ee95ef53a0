"""What exporters of devices show: GPUs as NVIDIA's DCGM exporter tells of them, clocks as OpenShift's PTP operator,
SR-IOV cards, DPDK ports, and pods of network functions as kube-state-metrics. Shapes are theirs, numbers ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from tests.lab.served import Served

MIB = 1024 * 1024


def _line(name: str, value: float | str, labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value}"


class Devices(Served):
    """One page for each exporter. `labels` are put on every series; `temperature` is that of the first GPU."""

    def __init__(self, labels: Mapping[str, str] | None = None, node: str = "gpu-1") -> None:
        self._labels = dict(labels or {})
        self.node = node
        self.temperature = 61.0
        self.offset_ns = 12.0

    def application(self) -> web.Application:
        pages = {"dcgm": self.dcgm, "ptp": self.ptp, "sriov": self.sriov, "dpdk": self.dpdk, "kube": self.kube}
        application = web.Application()

        async def page(request: web.Request) -> web.Response:
            lines = pages[request.match_info["page"]]()
            return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")

        application.router.add_get("/{page}", page)
        return application

    def scrape_jobs(self) -> str:
        """For the end of a prometheus.yml. The GPUs' target has, as in a cluster, the labels of the exporter's pod."""
        own = "{namespace: gpu-operator, pod: nvidia-dcgm-exporter-x, container: nvidia-dcgm-exporter}"
        return "".join(
            f"  - job_name: {page}\n    metrics_path: /{page}\n    honor_labels: {str(page == 'kube').lower()}\n"
            f"    static_configs: [{{targets: ['{self.url.removeprefix('http://')}']{extra}}}]\n"
            for page, extra in (
                ("dcgm", f", labels: {own}"),
                ("ptp", ""),
                ("sriov", f", labels: {{node: {self.node}}}"),
                ("dpdk", f", labels: {{node: {self.node}}}"),
                ("kube", ""),
            )
        )

    def dcgm(self) -> list[str]:
        """Two devices: one in use, and an older one of which little is told, not even a fan."""
        common = {**self._labels, "Hostname": self.node, "DCGM_FI_DRIVER_VERSION": "550.54.15"}
        first = {
            "gpu": "0",
            "UUID": "GPU-aaaa",
            "pci_bus_id": "00000000:07:00.0",
            "device": "nvidia0",
            "modelName": "NVIDIA A100-SXM4-80GB",
            **common,
            "namespace": "ml",
            "pod": "train-0",
            "container": "main",
        }
        second = {"gpu": "1", "UUID": "GPU-bbbb", "device": "nvidia1", "modelName": "Tesla T4", **common}
        values = {
            "DCGM_FI_DEV_GPU_UTIL": 87,
            "DCGM_FI_DEV_MEM_COPY_UTIL": 41,
            "DCGM_FI_DEV_FB_USED": 60000,
            "DCGM_FI_DEV_FB_FREE": 20000,
            "DCGM_FI_DEV_GPU_TEMP": self.temperature,
            "DCGM_FI_DEV_POWER_USAGE": 301.5,
            "DCGM_FI_DEV_POWER_MGMT_LIMIT": 400,
            "DCGM_FI_DEV_XID_ERRORS": 0,
        }
        little = {"DCGM_FI_DEV_GPU_TEMP": 35, "DCGM_FI_DEV_FB_USED": 0, "DCGM_FI_DEV_POWER_USAGE": 140737488355328}
        return [
            *(_line(name, value, first) for name, value in values.items()),
            *(_line(name, value, second) for name, value in little.items()),
        ]

    def ptp(self) -> list[str]:
        node = {**self._labels, "node": self.node}
        master = {**node, "from": "master", "iface": "ens1fx", "process": "ptp4l"}
        system = {**node, "from": "phc", "iface": "CLOCK_REALTIME", "process": "phc2sys"}
        return [
            _line("openshift_ptp_offset_ns", self.offset_ns, master),
            _line("openshift_ptp_max_offset_ns", 31, master),
            _line("openshift_ptp_delay_ns", 520, master),
            _line("openshift_ptp_clock_state", 1, {**node, "iface": "ens1fx", "process": "ptp4l"}),
            _line("openshift_ptp_offset_ns", -4500, system),
            _line("openshift_ptp_clock_state", 1, {**node, "iface": "CLOCK_REALTIME", "process": "phc2sys"}),
            _line("openshift_ptp_interface_role", 1, {**node, "iface": "ens1f0", "process": "ptp4l"}),
            _line("openshift_ptp_clock_state", 2, {**node, "iface": "ens2fx", "process": "ptp4l"}),
            _line("openshift_ptp_clock_class", 6, {**node, "process": "ptp4l"}),
        ]

    def sriov(self) -> list[str]:
        lines = []
        for vf in ("0", "1", "10", "2"):
            place = {**self._labels, "pf": "ens3f0", "vf": vf, "pciAddr": f"0000:3b:02.{vf}", "numa_node": "0"}
            lines += [_line(f"sriov_vf_{name}", 100 + int(vf), place) for name in ("rx_packets", "tx_bytes")]
        holder = {**self._labels, "pciAddr": "0000:3b:02.1", "dev_type": "openshift.io/du"}
        lines.append(_line("sriov_kubepoddevice", 1, {**holder, "namespace": "du-one", "pod": "du-0"}))
        link = {**self._labels, "device": "ens3f0"}
        return [
            *lines,
            _line("node_network_mtu_bytes", 9000, link),
            _line("node_network_speed_bytes", 25e9 / 8, link),
            _line("node_ethtool_info", 1, {**link, "driver": "ice"}),
            _line("node_network_mtu_bytes", 1500, {**self._labels, "device": "veth0"}),
        ]

    def dpdk(self) -> list[str]:
        port = {**self._labels, "port": "0000:3b:02.1"}
        values = {"rx_packets": 1000, "tx_packets": 900, "rx_bytes": 64000, "rx_missed": 3, "rx_errors": 0}
        return [
            *(_line(f"dpdk_ethdev_{name}", value, port) for name, value in values.items()),
            _line("dpdk_ipackets", 7, {**self._labels, "params": "1", "command": "/ethdev/stats"}),
        ]

    def kube(self) -> list[str]:
        lines = []
        for number, ready in enumerate((1, 0)):
            pod = {**self._labels, "namespace": "du-one", "pod": f"du-{number}"}
            owner = {"created_by_kind": "StatefulSet", "created_by_name": "du", "node": self.node}
            lines += [
                _line("kube_pod_info", 1, {**pod, **owner}),
                _line("kube_pod_status_phase", 1, {**pod, "phase": "Running"}),
                _line("kube_pod_status_phase", 0, {**pod, "phase": "Pending"}),
                _line("kube_pod_status_ready", ready, {**pod, "condition": "true"}),
                _line("kube_pod_status_ready", 1 - ready, {**pod, "condition": "false"}),
            ]
        other = {**self._labels, "namespace": "shop", "pod": "cart-0", "created_by_kind": "<none>"}
        pool = {**self._labels, "node": self.node, "resource": "openshift_io_du", "unit": "integer"}
        return [
            *lines,
            _line("kube_pod_info", 1, other),
            _line("kube_node_status_capacity", 8, pool),
            _line("kube_node_status_allocatable", 7, pool),
            _line("kube_node_status_capacity", 64, {**pool, "resource": "cpu"}),
        ]
