"""The text for the GPU: compiled for the processor it gives what the vector code gives; a CUDA compiler takes it."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess

import antimony
import numpy as np
import pytest

from gvlab.engine import Operation, Options
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble.events import watched
from gvlab.engine.ensemble.ready import Ready
from gvlab.engine.methods.tableaus import RODAS5P
from gvlab.engine.targets.cpu import code as cpu
from gvlab.engine.targets.gpu import device as gpu_device
from gvlab.engine.targets.gpu import source as gpu
from gvlab.errors import InvalidValueError, SolveError
from gvlab.sbml.equations import Equations

MODEL = """
model m
    compartment plasma = 2
    substanceOnly species depot in plasma = 0
    species drug in plasma = 0
    effect = 1; seen = 0
    ka = 1.5; CL = 0.8; kin = 2; EC50 = 0.7; n = 1.6; level = 0.9
    share := drug^n / (EC50^n + drug^n)
    absorption: depot -> drug; ka*depot
    clearance: drug -> ; CL*drug
    effect' = kin*(1 - share) - piecewise(1, time < 2.5, 2)*effect + 0.1*exp(-effect)*abs(effect - 0.5)
    low: at (effect < level && time > 1): seen = seen + 1, level = level*0.8
end
"""


@pytest.fixture(scope="module")
def model() -> Equations:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(MODEL) >= 0, antimony.getLastError()
    return Equations.from_sbml(antimony.getSBMLString("m"))


def text(model: Equations, names: tuple[str, ...], words: str) -> str:
    ready = Ready(model, "rodas5p")
    return gpu.source(ready.program, RODAS5P, watched(model, ready.program), ready.readings(names), words)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here")
def test_the_text_for_the_gpu_gives_what_the_vector_code_gives(model, tmp_path, monkeypatch):
    names = ("drug", "effect", "share", "seen")
    source, library = tmp_path / "gpu.cpp", tmp_path / "gpu.so"
    source.write_text(text(model, names, gpu.WORDS_FOR_C))
    command = ["g++", "-O1", "-Wall", "-Werror", "-Wno-unused-function", "-Wno-unused-variable", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(source)], check=True)
    loop = ctypes.CDLL(str(library)).run
    loop.argtypes, loop.restype = [ctypes.c_void_p], None

    rng = np.random.default_rng(1)
    arguments = {
        "subjects": 20,
        "outputs": names,
        "parameters": {
            "ka": rng.lognormal(size=20),
            "CL": rng.lognormal(size=20),
            "n": rng.choice([1.0, 1.6, 2.0], 20),
        },
        "schedule": [
            *(Operation(float(day), "add", "depot", rng.uniform(1, 4, 20)) for day in (0, 1, 4)),
            Operation(3.3, "add", "drug", 0.5, guard="effect < 1"),
            Operation(rng.uniform(0, 6, 20), "set", "effect", 1.0),
        ],
        "options": Options(relative_tolerance=1e-8, absolute_tolerance=1e-10),
    }
    times = np.linspace(0, 8, 33)
    vector = ensemble.solve(model, times, **arguments, method="rodas5p")

    ready = Ready(model, "rodas5p")
    (code,) = ready.codes
    compiled = code.at(cpu.WIDTHS[-1])
    monkeypatch.setattr(compiled, "run", lambda table, _workspace: loop(table))
    monkeypatch.setattr(code, "at", lambda _width: compiled)
    monkeypatch.setitem(ensemble._ready, (model.sbml, "rodas5p"), ready)
    scalar = ensemble.solve(model, times, **arguments, threads=1, method="rodas5p")

    np.testing.assert_allclose(scalar.values, vector.values, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(scalar.status, vector.status)
    np.testing.assert_array_equal(scalar.events[["subject", "event"]], vector.events[["subject", "event"]])
    np.testing.assert_allclose(scalar.events["time"], vector.events["time"], atol=1e-7)
    assert len(vector.events) > 10
    np.testing.assert_allclose(scalar.steps, vector.steps, atol=10)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no CUDA compiler here")
def test_a_cuda_compiler_takes_the_text(model, tmp_path):
    source = tmp_path / "model.cu"
    source.write_text(text(model, ("drug", "effect"), gpu.WORDS_FOR_CUDA))
    subprocess.run(["nvcc", "-arch=sm_90", "-ptx", "-o", str(tmp_path / "model.ptx"), str(source)], check=True)
    assert ".entry run" in (tmp_path / "model.ptx").read_text()


def test_nvrtc_takes_the_text_and_its_refusal_is_passed_on(model):
    try:
        gpu_device._compiler()
    except SolveError as error:
        pytest.skip(str(error))
    assert b".entry run" in gpu_device.compile_text(text(model, ("drug", "effect"), gpu.WORDS_FOR_CUDA), 90)
    with pytest.raises(SolveError, match="expected an expression"):
        gpu_device.compile_text("__device__ int x = ;", 90)


def test_without_a_gpu_the_refusal_says_why_and_what_to_do(model, monkeypatch):
    monkeypatch.setattr(gpu, "available", lambda: "there is no NVIDIA driver (libcuda.so.1) on this machine")
    with pytest.raises(SolveError, match=r"no NVIDIA driver.*Leave target out"):
        ensemble.solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["drug"], target="gpu")


def test_the_gpu_has_one_method(model, monkeypatch):
    monkeypatch.setattr(gpu, "available", lambda: "")
    with pytest.raises(InvalidValueError, match='"rodas5p" only'):
        ensemble.solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["drug"], target="gpu", method="tsit5")


def test_pages_are_registered_once():
    memory = np.zeros(4 * 4096 // 8)
    parts = [memory[:10], memory[20:30], memory[1500:1501], memory[:0]]
    ranges = gpu_device.pages(parts)
    assert all(last <= first for (_, last), (first, _) in itertools.pairwise(ranges))
    for part in parts[:3]:
        start = part.ctypes.data
        assert any(first <= start and start + part.nbytes <= last for first, last in ranges)
