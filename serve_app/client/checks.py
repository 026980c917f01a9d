"""What `dragoman doctor` looks at; each check is one function and one finding."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess  # nosec B404
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from serve_app.client.health import Health
from serve_app.client.microphone import MicrophoneError, find_recorder
from serve_app.client.ports import is_free

Status = Literal["ok", "warn", "fail"]

PYTHONS = ((3, 11), (3, 14))
"""Oldest version that works, and the first that does not."""
REQUIRED = ("ray", "faster-whisper", "ctranslate2", "onnxruntime", "av", "aiohttp")
OPTIONAL = {
    "vllm": "translation by vLLM: pip install 'dragoman[vllm]'",
    "kubernetes": "deploying to KubeRay: pip install 'dragoman[kuberay]'",
    "jiwer": "`dragoman demo`: pip install 'dragoman[bench]'",
    "sacrebleu": "`dragoman demo`: pip install 'dragoman[bench]'",
}
MIN_CPUS = 2
MIN_MEMORY_GIB = 4
MIN_DISK_GIB = 2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    status: Status
    detail: str
    remedy: str = ""
    """What to do; empty where nothing needs doing."""


def check_python(running: tuple[int, int] = sys.version_info[:2]) -> Check:
    """Whether this Python is one that everything is built for."""
    oldest, too_new = PYTHONS
    detail = f"{platform.python_version()} at {sys.executable}"
    if oldest <= running < too_new:
        return Check("python", "ok", detail)
    return Check("python", "fail", detail, "Use Python 3.11, 3.12 or 3.13, then run `make setup`.")


def check_microphone() -> Check:
    """Whether `dragoman listen` has something to record with."""
    try:
        return Check("microphone", "ok", f"recorded by {find_recorder().program}")
    except MicrophoneError as error:
        return Check("microphone", "warn", "`dragoman listen` cannot record", str(error))


def check_package(name: str) -> Check:
    """Whether a package that the server needs is installed."""
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        remedy = "Run `make setup`, or install with: pip install dragoman"
        return Check(name, "fail", "not installed", remedy)


def check_optional(name: str, used_for: str) -> Check:
    """An extra; fine to be without."""
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "ok", f"not installed; only for {used_for}")


def check_cpus(count: int | None = None) -> Check:
    """Cores that this process may use."""
    count = count if count is not None else _usable_cpus()
    detail = f"{count} cores for this process"
    if count >= MIN_CPUS:
        return Check("cpu", "ok", detail)
    return Check("cpu", "warn", detail, "One core is too slow for live speech; allow two or more.")


def check_memory(available_bytes: int | None = None) -> Check:
    """Memory that is still to be had."""
    if available_bytes is None:
        available_bytes = _available_memory_bytes()
    if available_bytes is None:
        return Check("memory", "ok", "unknown on this system")
    detail = f"{available_bytes / GIB:.1f} GiB available"
    if available_bytes >= MIN_MEMORY_GIB * GIB:
        return Check("memory", "ok", detail)
    remedy = f"Ray and the demo models want {MIN_MEMORY_GIB} GiB; close other programs."
    return Check("memory", "warn", detail, remedy)


def check_disk(free_bytes: int | None = None) -> Check:
    """Room for Ray's logs and objects."""
    if free_bytes is None:
        directory = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
        free_bytes = shutil.disk_usage(directory).free
    detail = f"{free_bytes / GIB:.1f} GiB free for Ray's temporary files"
    if free_bytes >= MIN_DISK_GIB * GIB:
        return Check("disk", "ok", detail)
    return Check("disk", "warn", detail, "Free some space, or set RAY_TMPDIR to a larger disk.")


def check_gpu() -> Check:
    """GPUs that the driver shows; none is fine, the demo models run on the CPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Check("gpu", "ok", "none seen (no nvidia-smi); models run on the CPU")
    query = ["--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        # Fixed arguments, and a program from the user's own PATH.
        found = subprocess.run(  # noqa: S603 # nosec B603
            [tool, *query], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "Reinstall the NVIDIA driver, or set device: cpu in serve_config.yaml."
        return Check("gpu", "warn", f"nvidia-smi does not work: {error}", remedy)
    return Check("gpu", "ok", "; ".join(found.stdout.split("\n")).strip("; ") or "none")


def check_cuda(devices: Mapping[str, str], visible: int) -> Check:
    """Whether the stages that the configuration puts on a GPU find one."""
    wanting = [stage for stage, device in devices.items() if device == "cuda"]
    if not wanting or visible:
        where = ", ".join(f"{stage} on {device}" for stage, device in devices.items())
        return Check("devices", "ok", f"{where}; CTranslate2 sees {visible} CUDA devices")
    return Check(
        "devices",
        "fail",
        f"{' and '.join(wanting)} want CUDA and CTranslate2 sees no CUDA device",
        "Set device: cpu in serve_config.yaml, or install the NVIDIA driver and CUDA 12 libraries.",
    )


def check_port(port: int, name: str, *, ours: bool = False, remedy: str) -> Check:
    """Whether a port that the server wants is free; `ours` where a Dragoman server holds it."""
    label = f"port {port}"
    if is_free(port):
        return Check(label, "ok", f"free ({name})")
    if ours:
        return Check(label, "ok", f"held by the Dragoman server that answers ({name})")
    return Check(label, "warn", f"taken ({name})", remedy)


def check_server(url: str, health: Health) -> Check:
    """Whether a server answers, and is ready."""
    if health.ready:
        return Check("server", "ok", f"ready at {url}")
    if not health.reachable:
        detail = f"none at {url} ({health.reason})"
        return Check("server", "ok", f"{detail}; `make serve` starts one")
    return Check(
        "server",
        "fail",
        f"{url} answers and is not ready: {health.missing}",
        "Wait if it has just started; otherwise `serve status` and the server's log tell why. If "
        "another program holds the port, stop it or change http_options.port.",
    )


def check_config(path: Path) -> Check:
    """Whether a configuration is where `serve run` will look for it."""
    if path.is_file():
        return Check("config", "ok", str(path))
    remedy = "Run from the directory that holds it (the root of a checkout), or give --config."
    return Check("config", "warn", f"no {path} here; built-in settings are checked", remedy)


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _available_memory_bytes() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    amounts = (line.split() for line in lines if line.startswith("MemAvailable:"))
    return next((int(amount[1]) * 1024 for amount in amounts), None)
