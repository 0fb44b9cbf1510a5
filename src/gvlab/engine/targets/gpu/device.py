"""NVIDIA cards by NVIDIA's own package for Python: compiles with NVRTC, copies, starts, and waits.

`cuda-python` is in the extras "gpu" (CUDA 12) and "gpu13". Compiled code is kept on disk beside the processor's.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from functools import cache
from typing import Any

import numpy as np

from gvlab import disk_cache
from gvlab.engine.targets.gpu.portions import Card, Memory
from gvlab.engine.targets.gpu.source import Kernel
from gvlab.errors import SolveError

PART_OF_MEMORY = 0.75
"""Of what is free on a card, for a portion; the rest is for what the threads keep, and for others."""

KEPT = 32
"""Kernels that stay loaded on a card."""


def available() -> str:
    """Return why there is no GPU to work on; empty where there is one."""
    try:
        from cuda.bindings import driver
    except ImportError:
        return "cuda-python is not installed (pip install 'gvlab[gpu]')"
    try:
        failed = driver.cuInit(0)[0]
        count = 0 if failed else driver.cuDeviceGetCount()[1]
    except (OSError, RuntimeError):  # the library of the driver is not there
        return "there is no NVIDIA driver (libcuda.so.1) on this machine"
    return "" if count else "the NVIDIA driver finds no GPU"


def require() -> None:
    """Raise if there is no GPU.

    Raises
    ------
    SolveError
        With the reason, and what to do instead.
    """
    reason = available()
    if reason:
        raise SolveError(
            f'There is no GPU to solve on: {reason}. The engine "ensemble" without a target solves on the processor.'
        )


@cache
def cards() -> tuple[Card, ...]:
    """Return all cards of this machine (CUDA_VISIBLE_DEVICES chooses among them)."""
    require()
    from cuda.bindings import driver

    return tuple(CudaCard(number) for number in range(_checked(driver.cuDeviceGetCount())))


def _checked(result: tuple[Any, ...]) -> Any:
    """Return what a call of the driver gives beside its code.

    Raises
    ------
    SolveError
        If the code says that it failed.
    """
    code, *rest = result
    if code:
        from cuda.bindings import driver

        text = driver.cuGetErrorString(code)[1]
        raise SolveError(f"The GPU refused: {(text or b'unknown error').decode()} (code {int(code)}).")
    return rest[0] if rest else None


def nvrtc_version() -> str:
    """Return the version of the compiler.

    Raises
    ------
    SolveError
        If it is not installed.
    """
    from cuda.bindings import nvrtc

    try:
        _, major, minor = nvrtc.nvrtcVersion()
    except (OSError, RuntimeError) as error:
        raise SolveError(
            "A GPU needs the compiler NVRTC of the CUDA that cuda-python is for: pip install 'gvlab[gpu]' for CUDA 12, "
            "'gvlab[gpu13]' for CUDA 13."
        ) from error
    return f"{major}.{minor}"


def compile_text(text: str, architecture: int) -> bytes:
    """Return the machine code of CUDA text for an architecture such as 90 (PTX for one newer than the compiler).

    Raises
    ------
    SolveError
        With the compiler's words, if it refuses.
    """
    from cuda.bindings import nvrtc

    nvrtc_version()
    known = nvrtc.nvrtcGetSupportedArchs()[1]
    native = architecture in known
    older = max((some for some in known if some <= architecture), default=architecture)
    target = f"sm_{architecture}" if native else f"compute_{older}"
    program = nvrtc.nvrtcCreateProgram(text.encode(), b"model.cu", 0, [], [])[1]
    # A helper that no formula of this model needs is no mistake.
    options = [f"--gpu-architecture={target}".encode(), b"--diag-suppress=177"]
    failed = nvrtc.nvrtcCompileProgram(program, len(options), options)[0]
    if failed:
        log = _read(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
        raise SolveError(f"NVRTC refused the program: {log.decode(errors='replace')[:2000]}")
    if native:
        return _read(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    return _read(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)


def _read(size: Any, content: Any, program: Any) -> bytes:
    data: bytes = b" " * size(program)[1]
    content(program, data)
    return data


def compiled(kernel: Kernel, architecture: int) -> bytes:
    """Return the machine code of a kernel, from disk where it is kept there."""
    parts = (kernel.fingerprint, str(architecture), nvrtc_version())
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest() + ".cubin"
    stored = disk_cache.read(key)
    if stored is None:
        stored = compile_text(kernel.text(), architecture)
        disk_cache.write(key, stored)
    return stored


class CudaCard:
    """One card. Copies have a queue of their own, so that they go on while a kernel runs."""

    def __init__(self, number: int) -> None:
        from cuda.bindings import driver

        self.busy = threading.Lock()
        self._driver = driver
        device = _checked(driver.cuDeviceGet(number))
        self._context = _checked(driver.cuDevicePrimaryCtxRetain(device))
        self._enter()
        attribute = driver.CUdevice_attribute
        self.architecture = 10 * self._attribute(attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)
        self.architecture += self._attribute(attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device)
        self.name = _checked(driver.cuDeviceGetName(100, device)).split(b"\0")[0].decode()
        apart = driver.CUstream_flags.CU_STREAM_NON_BLOCKING
        self._work, self._copies = (_checked(driver.cuStreamCreate(apart)) for _ in range(2))
        self._memory = 0
        self._loaded: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def _attribute(self, which: Any, device: Any) -> int:
        return int(_checked(self._driver.cuDeviceGetAttribute(which, device)))

    def _enter(self) -> None:
        """Make this the card of the calling thread."""
        _checked(self._driver.cuCtxSetCurrent(self._context))

    def room(self) -> int:
        """Return the bytes that a portion may take."""
        self._enter()
        code, free, _ = self._driver.cuMemGetInfo()
        _checked((code,))
        return int(PART_OF_MEMORY * int(free))

    def reserve(self, size: int) -> int:
        """Return the address of so much memory."""
        self._enter()
        self._memory = int(_checked(self._driver.cuMemAlloc(size)))
        return self._memory

    def release(self) -> None:
        """Release what was reserved; the driver waits for a kernel that still uses it."""
        self._enter()
        if self._memory:
            memory, self._memory = self._memory, 0
            _checked(self._driver.cuMemFree(memory))

    def upload(self, array: Memory, address: int) -> None:
        """Copy an array there."""
        self._enter()
        _checked(self._driver.cuMemcpyHtoDAsync(address, array.ctypes.data, array.nbytes, self._copies))
        _checked(self._driver.cuStreamSynchronize(self._copies))

    def download(self, address: int, array: Memory) -> None:
        """Copy from there into an array; also while a kernel is running."""
        self._enter()
        _checked(self._driver.cuMemcpyDtoHAsync(array.ctypes.data, address, array.nbytes, self._copies))
        _checked(self._driver.cuStreamSynchronize(self._copies))

    def start(self, kernel: Kernel, table: Memory, count: int) -> None:
        """Begin to carry on so many subjects."""
        self._enter()
        module, function = self._load(kernel)
        self._fill(module, b"table", table)
        if kernel.sharing.numbers and not kernel.sharing.printed:
            self._fill(module, b"shared", np.array(kernel.sharing.values))
        blocks = -(-count // kernel.threads)
        _checked(self._driver.cuLaunchKernel(function, blocks, 1, 1, kernel.threads, 1, 1, 0, self._work, 0, 0))

    def running(self) -> bool:
        """Return whether the kernel that was started still runs."""
        self._enter()
        result = self._driver.cuStreamQuery(self._work)
        if result[0] == self._driver.CUresult.CUDA_ERROR_NOT_READY:
            return True
        _checked(result)
        return False

    def _fill(self, module: Any, name: bytes, array: Memory) -> None:
        code, address, _ = self._driver.cuModuleGetGlobal(module, name)
        _checked((code,))
        self.upload(array, int(address))

    def _load(self, kernel: Kernel) -> tuple[Any, Any]:
        key = kernel.fingerprint
        if key not in self._loaded:
            module = _checked(self._driver.cuModuleLoadData(compiled(kernel, self.architecture)))
            self._loaded[key] = module, _checked(self._driver.cuModuleGetFunction(module, b"run"))
        self._loaded.move_to_end(key)
        while len(self._loaded) > KEPT:
            _, (old, _) = self._loaded.popitem(last=False)
            _checked(self._driver.cuModuleUnload(old))
        return self._loaded[key]
