"""Compiles CUDA text with NVRTC and starts it, through the driver's own interface; no CUDA toolkit for Python needed.

The arrays of a solve stay where they are: their pages are registered with the driver, and the kernel reads and writes
them over the bus. Each subject is read once and written once a round, so the bus is not what limits a solve.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.engine.targets.gpu.source import require
from gvlab.errors import SolveError

THREADS_PER_BLOCK = 64
_PAGE = 4096
_MAPPED = 0x01 | 0x02  # portable, device-mapped
_MAJOR, _MINOR = 75, 76  # attributes of a device: its compute capability


@cache
def _driver() -> Any:
    require()
    cuda = ctypes.CDLL("libcuda.so.1")
    _check(cuda, cuda.cuInit(0))
    return cuda


@cache
def _compiler() -> Any:
    # As a Python package it lies beside the others, where the system does not look.
    installed = [str(path) for place in sys.path for path in sorted(Path(place).glob("nvidia/*/lib/libnvrtc.so.*"))]
    for name in ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", ctypes.util.find_library("nvrtc"), *installed):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            continue
    raise SolveError('The target "gpu" needs NVRTC (libnvrtc), which is not here: pip install nvidia-cuda-nvrtc.')


def _check(cuda: Any, code: int) -> None:
    if code:
        text = ctypes.c_char_p()
        cuda.cuGetErrorString(code, ctypes.byref(text))
        raise SolveError(f"The GPU refused: {(text.value or b'unknown error').decode()} (code {code}).")


def _context(cuda: Any) -> int:
    """Make the first device current; give its architecture as a number such as 90."""
    device, context = ctypes.c_int(), ctypes.c_void_p()
    _check(cuda, cuda.cuDeviceGet(ctypes.byref(device), 0))
    _check(cuda, cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    _check(cuda, cuda.cuCtxSetCurrent(context))
    version = []
    for attribute in (_MAJOR, _MINOR):
        value = ctypes.c_int()
        _check(cuda, cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device))
        version.append(value.value)
    return 10 * version[0] + version[1]


def compile_text(text: str, architecture: int) -> bytes:
    """Compile CUDA text to PTX with NVRTC.

    Raises
    ------
    SolveError
        With the compiler's words, if it refuses.
    """
    nvrtc, program = _compiler(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"model.cu", 0, None, None)
    options = (ctypes.c_char_p * 1)(f"--gpu-architecture=compute_{architecture}".encode())
    failed = nvrtc.nvrtcCompileProgram(program, 1, options)
    size = ctypes.c_size_t()
    if failed:
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        raise SolveError(f"NVRTC refused the program: {log.value.decode()[:2000]}")
    nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetPTX(program, ptx)
    return ptx.raw


class DeviceCode:
    """A program on the GPU."""

    def __init__(self, text: str) -> None:
        self._cuda = _driver()
        architecture = _context(self._cuda)
        module, self._kernel = ctypes.c_void_p(), ctypes.c_void_p()
        _check(self._cuda, self._cuda.cuModuleLoadData(ctypes.byref(module), compile_text(text, architecture)))
        _check(self._cuda, self._cuda.cuModuleGetFunction(ctypes.byref(self._kernel), module, b"run"))

    def run(self, table: np.ndarray[Any, Any], arrays: Iterable[np.ndarray[Any, Any]], count: int) -> None:
        """Carry `count` waiting subjects on; the table and all arrays it points to are given, too."""
        cuda = self._cuda
        _context(cuda)
        registered: list[int] = []
        try:
            for first, last in pages([table, *arrays]):
                _check(cuda, cuda.cuMemHostRegister_v2(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MAPPED))
                registered.append(first)
            address = ctypes.c_void_p(table.ctypes.data)
            arguments = (ctypes.c_void_p * 1)(ctypes.cast(ctypes.byref(address), ctypes.c_void_p))
            blocks = -(-count // THREADS_PER_BLOCK)
            _check(
                cuda,
                cuda.cuLaunchKernel(self._kernel, blocks, 1, 1, THREADS_PER_BLOCK, 1, 1, 0, None, arguments, None),
            )
            _check(cuda, cuda.cuCtxSynchronize())
        finally:
            for first in registered:
                cuda.cuMemHostUnregister(ctypes.c_void_p(first))


def pages(arrays: Iterable[np.ndarray[Any, Any]]) -> list[tuple[int, int]]:
    """Give the pages of arrays as ranges that do not overlap: a page can be registered only once."""
    ranges = sorted(
        (array.ctypes.data // _PAGE * _PAGE, -(-(array.ctypes.data + array.nbytes) // _PAGE) * _PAGE)
        for array in arrays
        if array.nbytes
    )
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
