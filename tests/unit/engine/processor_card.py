"""A card whose device is the processor: the text for the GPU, compiled by a C++ compiler, run beside the caller."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import threading
from pathlib import Path

import numpy as np

from gvlab.engine.targets.gpu.source import Kernel

COMPILER = ("g++", "-O1", "-Wall", "-Werror", "-Wno-unused-function", "-Wno-unused-variable", "-shared", "-fPIC")


class ProcessorCard:
    """Keeps the protocol of `portions.Card`."""

    name = "a processor that stands in for a card"

    def __init__(self, folder: Path, room: int = 1 << 40) -> None:
        self.busy = threading.Lock()
        self.started: list[tuple[str, int]] = []
        self.sizes: list[int] = []
        self._folder = folder
        self._room = room
        self._memory = np.zeros(0, dtype=np.uint8)
        self._runner: threading.Thread | None = None
        self._libraries: dict[str, ctypes.CDLL] = {}

    def room(self) -> int:
        return self._room

    def reserve(self, size: int) -> int:
        # What is not put there must not be read: nothing that looks like a number.
        self.sizes.append(size)
        self._memory = np.full(size + 256, 255, dtype=np.uint8)
        return self._memory.ctypes.data + -self._memory.ctypes.data % 256

    def release(self) -> None:
        self._memory = np.zeros(0, dtype=np.uint8)

    def upload(self, array: np.ndarray, address: int) -> None:
        assert array.flags.c_contiguous
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def download(self, address: int, array: np.ndarray) -> None:
        assert array.flags.c_contiguous
        ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def start(self, kernel: Kernel, table: np.ndarray, count: int) -> None:
        self.started.append((kernel.method.name, count))
        library, sharing = self._library(kernel), kernel.sharing
        if sharing.numbers and not sharing.printed:
            shared = (ctypes.c_double * len(sharing.numbers)).in_dll(library, "shared")
            shared[:] = sharing.values
        self._table = table.copy()
        self._runner = threading.Thread(target=library.run, args=(ctypes.c_void_p(self._table.ctypes.data),))
        self._runner.start()

    def running(self) -> bool:
        assert self._runner is not None
        return self._runner.is_alive()

    def _library(self, kernel: Kernel) -> ctypes.CDLL:
        key = kernel.fingerprint
        if key not in self._libraries:
            text = kernel.text("c")
            name = hashlib.sha256(f"{key} {id(self)}".encode()).hexdigest()[:16]
            source, library = self._folder / f"{name}.cpp", self._folder / f"{name}.so"
            source.write_text(text)
            subprocess.run([*COMPILER, "-o", str(library), str(source)], check=True)
            self._libraries[key] = ctypes.CDLL(str(library))
            self._libraries[key].run.restype = None
        return self._libraries[key]
