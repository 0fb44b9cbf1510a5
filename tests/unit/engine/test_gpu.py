"""The target "gpu": what a card is told, compiled for the processor, gives what the vector code gives.

Where there is a GPU, the same tests run on it as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import shutil
import subprocess
import sys
import threading
import types
from pathlib import Path

import antimony
import numpy as np
import pytest
from processor_card import ProcessorCard

from gvlab.engine import Operation, Options, solve
from gvlab.engine.ensemble import engine as ensemble
from gvlab.engine.ensemble.events import trigger_masks
from gvlab.engine.ensemble.ready import ReadyModel
from gvlab.engine.ensemble.subjects import Subjects
from gvlab.engine.methods.tableaus import DOP853, METHODS, RODAS5P, TSIT5
from gvlab.engine.request import check
from gvlab.engine.targets.gpu import device, portions
from gvlab.engine.targets.gpu.method_text import stage_places
from gvlab.engine.targets.gpu.sharing import Sharing, changed_slots, shared_constants
from gvlab.engine.targets.gpu.source import Kernel
from gvlab.errors import CancelledError, SolveError
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
NAMES = ("drug", "effect", "share", "seen")
TIMES = np.linspace(0, 8, 33)
BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here")


@pytest.fixture(scope="module")
def model() -> Equations:
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(MODEL) >= 0, antimony.getLastError()
    return Equations.from_sbml(antimony.getSBMLString("m"))


@pytest.fixture(scope="module")
def cards(tmp_path_factory) -> list[ProcessorCard]:
    return [ProcessorCard(tmp_path_factory.mktemp("card")) for _ in range(2)]


@pytest.fixture(params=["processor", "gpu"])
def card(request):
    """A card made of the processor, and the GPU where there is one."""
    if request.param == "gpu":
        if device.available():
            pytest.skip(device.available())
        return device.cards()[0]
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler here")
    card = request.getfixturevalue("cards")[0]
    card.started.clear()
    return card


def on(*cards, **options):
    """What solves on these cards."""
    engine = ensemble.Engine(cards=cards, **options)
    return functools.partial(engine.solve, target="gpu")


def arguments(subjects: int = 20) -> dict:
    rng = np.random.default_rng(1)
    return {
        "subjects": subjects,
        "outputs": NAMES,
        "parameters": {
            "ka": rng.lognormal(size=subjects),
            "CL": rng.lognormal(size=subjects),
            "n": rng.choice([1.0, 1.6, 2.0], subjects),
        },
        "schedule": [
            *(Operation(float(day), "add", "depot", rng.uniform(1, 4, subjects)) for day in (0, 1, 4)),
            Operation(3.3, "add", "drug", 0.5, guard="effect < 1"),
            Operation(rng.uniform(0, 6, subjects), "set", "effect", 1.0),
        ],
        "options": Options(relative_tolerance=1e-8, absolute_tolerance=1e-10),
    }


def assert_agree(one, other, *, steps: float, time: float = 1e-7, rtol: float = 1e-6, atol: float = 1e-9) -> None:
    np.testing.assert_array_equal(one.status, other.status)
    np.testing.assert_allclose(one.values, other.values, rtol=rtol, atol=atol)
    np.testing.assert_array_equal(one.events[["subject", "event"]], other.events[["subject", "event"]])
    np.testing.assert_allclose(one.events["time"], other.events["time"], atol=time)
    np.testing.assert_allclose(one.steps, other.steps, rtol=steps, atol=2)
    np.testing.assert_allclose(one.end_times, other.end_times, atol=time)


# ------------------------------------------------------------------------------------------------------- agreement


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_card_gives_what_the_vector_code_gives(card, model, method):
    vector = ensemble.solve(model, TIMES, **arguments(), method=method)
    scalar = on(card)(model, TIMES, **arguments(), method=method)
    assert_agree(scalar, vector, steps=0.02)
    assert len(vector.events) > 10


def assert_steps_agree(one, other) -> None:
    """Nearly every step is the same: where a decision falls to the last bit the other way, it is within tolerance."""
    assert_agree(one, other, steps=1e-3, rtol=1e-5)
    apart = np.abs(one.values - other.values) / np.maximum(np.abs(other.values), 1e-9)
    assert np.quantile(apart, 0.99) < 1e-9


@pytest.fixture
def benchmark_cases(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("engine_cases")


def test_the_flagship_model_takes_the_same_steps_on_a_card(card, benchmark_cases):
    case = benchmark_cases.flagship("mouse", 4, 3)
    vector = ensemble.solve(case.model, case.times, **case.arguments())
    scalar = on(card)(case.model, case.times, **case.arguments())
    # Thousands of steps, each of which looks for conditions that change inside it.
    assert vector.steps.min() > 1000
    assert_steps_agree(scalar, vector)


def test_the_fates_of_the_flagship_model_are_the_same_on_a_card(card, benchmark_cases):
    model, asked = benchmark_cases.request(1000, 1)
    asked = {name: asked[name] for name in ("subjects", "outputs", "parameters", "schedule", "stop")}
    mice = np.array([0, 1, 2, 3, 4, 5, 6, 7, 245, 439, 481, 874])  # in two of the last a mutant is born
    asked["subjects"] = len(mice)
    asked["parameters"] = {name: cut(value, mice) for name, value in asked["parameters"].items()}
    asked["schedule"] = [
        dataclasses.replace(each, **{name: cut(getattr(each, name), mice) for name in ("time", "value", "added")})
        for each in asked["schedule"]
    ]
    # What is left of a clone after its cure is rounding: up to here, a reading says something.
    times, tight = np.linspace(0.0, 60.0, 13), Options(relative_tolerance=1e-9, absolute_tolerance=1e-12)
    vector = ensemble.solve(model, times, **asked, options=tight)
    scalar = on(card)(model, times, **asked, options=tight)
    assert np.unique(vector.status).size == 2
    assert len(np.unique(vector.events["event"])) > 3
    assert_agree(scalar, vector, steps=0.1, time=1e-5, rtol=1e-4, atol=1e-6)


def test_what_turns_out_to_be_stiff_is_handed_over_on_a_card_too(card, benchmark_cases):
    case = benchmark_cases.flagship("mouse", 3, 3, stiff=True)
    vector = ensemble.solve(case.model, case.times, **case.arguments())
    scalar = on(card)(case.model, case.times, **case.arguments())
    if isinstance(card, ProcessorCard):
        assert {name for name, _ in card.started} == {"dop853", "rodas5p"}
    assert_steps_agree(scalar, vector)


def test_a_card_gives_up_where_the_processor_does(card, model):
    asked = arguments() | {"options": Options(relative_tolerance=1e-8, max_steps=5)}
    vector = ensemble.solve(model, TIMES, **asked, method="dop853")
    scalar = on(card)(model, TIMES, **asked, method="dop853")
    assert np.unique(vector.status).size > 1
    np.testing.assert_array_equal(scalar.status, vector.status)


RULES = {
    # Stiff where k is large: handed over, or not.
    "relaxation": (
        "x = 0; c = 1; s = 0; k = 1; c' = -s; s' = c; x' = k*(c - x)",
        {"k": np.geomspace(0.1, 1e5, 19)}, np.linspace(0.0, 10.0, 5), 1e-6, (), 0.6,
    ),
    # Steps that are kept stable, after one dose and the next.
    "dosed": (
        "x = 0; d = 0; k = 10; e = 0; d' = -3*d; e' = 6*d - 0.5*e; x' = k*(1/(1 + e) - x)",
        {"k": np.linspace(2, 80, 12)}, np.array([0.0, 10.0, 20.0]), 1e-4,
        tuple(Operation(float(day), "add", "d", 1.0) for day in range(1, 20)), 0.9,
    ),
    # What swings out again and again, where every other attempt would fail.
    "swinging": (
        "x = 1; y = 0; v = 1; g = 1; rate = 30; g' = 0.0005; x' = -rate*g*(x - y); y' = v; v' = -y",
        {"rate": np.array([30.0, 20.0, 14.0])}, np.array([0.0, 100.0, 200.0]), 1e-5, (), 0.3,
    ),
    # Events inside steps that are longer than is stable.
    "at rest": (
        "x = 0.3; u = 2; z = 0; level = 5; seen = 0; x' = 60*(1 - x*u/2); u' = 8*(2 - u*x); z' = 0.5 + 0.1*z;"
        "at (z > level): seen = x",
        {"level": np.linspace(2.0, 25.0, 60)}, np.array([0.0, 60.0]), 1e-3, (), 0.0,
    ),
    # Delays, doses that need a formula, a dose that sets.
    "delayed": (
        "x = 0; c = 1; s = 0; k = 1; d = 0; n = 0; w = 3; seen = 0; c' = -w*s; s' = w*c;"
        "x' = k*(c - x) + piecewise(0.2, d > 0.5, 0); d' = -2*d; up: at (c > 0.5): n = n + 1;"
        "late: at 0.13 after (s > 0.3), persistent=false: seen = seen + d; many: at (n > 14.5): k = k*1.0",
        {"k": np.geomspace(0.1, 1e6, 12), "w": np.linspace(0.5, 12.0, 12)}, np.linspace(0.0, 9.0, 7), 1e-6,
        (Operation(1.0, "add", "d", 2.0), Operation(4.0, "add", "d", 1.5, guard="d < 0.5"),
         Operation(6.0, "set", "c", 0.7)), 0.6,
    ),
    # What happens twice inside a step, and what jumps.
    "touching": (
        "x = 1; y = 0; w = 1; top = 1; seen = 0; z = 0; x' = -w*y; y' = w*x;"
        "z' = piecewise(1, x > top, 0) + floor(z + 0.1*time) + piecewise(1, rem(time, 2) < 0.01, 0);"
        "up: at (x > top): seen = seen + time",
        {"w": np.linspace(0.5, 3.0, 12), "top": np.linspace(0.9, 0.999, 12)}, np.array([0.0, 9.0, 20.0]), 1e-7,
        (Operation(4.0, "add", "z", 1.5),), 0.5,
    ),
    # Attempts that are far too long after a dose.
    "large dose": (
        "x = 0; y = 1; x' = 1 - y*exp(x); y' = 1 - y",
        {"y": np.linspace(0.9, 1.1, 5)}, np.linspace(0.0, 10.0, 3), 1e-6,
        (Operation(1.0, "add", "x", 1.0), Operation(5.0, "add", "x", 25.0)), 0.7,
    ),
}  # fmt: skip
"""Models that meet one rule of the steps after the other: their parameters, readings, tolerance and doses, and how many
of their subjects take the same number of steps at least. What is at rest shows only rounding of how stiff it is: with a
parameter changed in its last bit, the processor takes as many steps more or less."""


@pytest.mark.parametrize("name", RULES)
def test_the_rules_of_the_steps_are_those_of_the_processor(card, name):
    text, values, times, tolerance, schedule, least = RULES[name]
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(f"model m; {text}; end") >= 0, antimony.getLastError()
    model = Equations.from_sbml(antimony.getSBMLString("m"))
    vector, scalar = (
        solve(
            model, times, subjects=len(next(iter(values.values()))), parameters=values, schedule=schedule,
            outputs=[name for name in ("x", "seen", "top") if name in text],
            options=Options(tolerance, tolerance * 1e-3),
        )
        for solve in (ensemble.solve, on(card))
    )  # fmt: skip
    assert np.mean(scalar.steps == vector.steps) >= least
    assert_agree(scalar, vector, steps=0.35, time=10 * tolerance, rtol=3 * tolerance, atol=tolerance)
    assert abs(scalar.steps.sum() / vector.steps.sum() - 1) < 0.12


# ---------------------------------------------------------------------------------------------------------- sharing


def prepared(model: Equations, asked: dict) -> tuple[ReadyModel, Subjects, list[str]]:
    ready = ReadyModel(model, "auto")
    request = check(
        ready.equations, TIMES, asked["subjects"], NAMES, asked["parameters"], asked["schedule"], (), asked["options"]
    )
    return ready, Subjects(request, ready.program), [operation.target for operation in asked["schedule"]]


def test_only_what_no_subject_has_for_itself_and_nothing_changes_is_shared(model):
    ready, subjects, targets = prepared(model, arguments())
    program = ready.program
    changed = changed_slots(program, ready.equations, targets)
    assert {"level", "seen"} <= changed
    sharing = shared_constants(program, subjects.slots, changed)
    assert 0 < len(sharing.numbers) < len(program.constants)
    graph = program.graph
    own = {"ka", "CL", "n", "level", "seen"}
    for number, node in enumerate(program.constants):
        needed = {graph.payload[part] for part in graph.order([node]) if graph.operation[part] == "symbol"}
        assert (number in sharing.numbers) == (not needed & own)
    # With one subject, all but what an event changes is shared.
    alone = shared_constants(program, subjects.slots[:1], changed)
    assert len(sharing.numbers) < len(alone.numbers) < len(program.constants)


def test_a_compartment_that_changes_takes_what_is_in_it_along(model):
    ready, _, _ = prepared(model, arguments())
    assert "plasma" in changed_slots(ready.program, ready.equations, ["plasma"])
    assert "plasma" not in changed_slots(ready.program, ready.equations, ["drug"])


@needs_compiler
def test_where_a_constant_stands_changes_no_more_than_last_bits(model, cards):
    placed, printed = (
        on(cards[0], print_constants=choice)(model, TIMES, **arguments()) for choice in (False, True)
    )  # fmt: skip
    assert_agree(printed, placed, steps=0, rtol=1e-9, atol=1e-12)


def test_where_a_constant_stands_is_part_of_what_compiled_code_is_kept_by(model):
    ready, subjects, targets = prepared(model, arguments())
    asked = (ready.program, subjects.slots, changed_slots(ready.program, ready.equations, targets))

    def fingerprint(sharing: Sharing) -> str:
        return ready.kernels(NAMES, sharing)[0].fingerprint

    placed, printed = (shared_constants(*asked, printed=choice) for choice in (False, True))
    assert len({fingerprint(sharing) for sharing in (Sharing(), placed, printed)}) == 3
    # In constant memory the values are no part of the code; printed, they are.
    others = tuple(value + 1 for value in placed.values)
    assert fingerprint(dataclasses.replace(placed, values=others)) == fingerprint(placed)
    assert fingerprint(dataclasses.replace(printed, values=others)) != fingerprint(printed)


# ---------------------------------------------------------------------------------------------------------- portions


@needs_compiler
@pytest.mark.parametrize("room", [1 << 40, 8_000, 1])
def test_portions_change_no_bit(model, cards, monkeypatch, tmp_path, room):
    whole = on(cards[0])(model, TIMES, **arguments())
    monkeypatch.setattr(portions, "FEWEST", 4)
    monkeypatch.setattr(portions, "CHUNK", 3000)
    for one in cards:
        monkeypatch.setattr(one, "_room", room)
        one.started.clear()
    parts = on(*cards)(model, TIMES, **arguments(), into=tmp_path / "readings.npy")
    assert all(one.started for one in cards)
    if room < 1 << 40:
        assert min(count for one in cards for _, count in one.started) <= 5
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(np.load(tmp_path / "readings.npy"), whole.values)
    for name in ("status", "steps", "final", "end_times", "events"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


@needs_compiler
def test_a_subject_has_the_same_bits_in_any_company_on_a_card(model, cards, monkeypatch):
    asked = arguments()
    rows = np.array([3, 11, 17])
    few = asked | {
        "subjects": 3,
        "parameters": {name: value[rows] for name, value in asked["parameters"].items()},
        "schedule": [
            Operation(cut(operation.time, rows), operation.kind, operation.target, cut(operation.value, rows),
                      guard=operation.guard)
            for operation in asked["schedule"]
        ],
    }  # fmt: skip
    many, some = (on(cards[0])(model, TIMES, **each) for each in (asked, few))
    np.testing.assert_array_equal(many.values[rows], some.values)


def cut(value, rows):
    return value[rows] if np.ndim(value) else value


@needs_compiler
def test_progress_is_told_on_the_way_and_counts_everyone_once(model, cards, monkeypatch):
    monkeypatch.setattr(portions, "FEWEST", 4)
    told: list[int] = []
    solution = on(*cards)(model, TIMES, **arguments(), progress=told.append)
    assert sum(told) == solution.status.size
    assert min(told) >= 0


@needs_compiler
def test_a_solve_on_a_card_can_be_cancelled(model, cards, monkeypatch):
    before = set(threading.enumerate())
    # Without end, were it not for the cancel: the tolerance asks for steps below what time can tell apart.
    asked = arguments(4) | {"options": Options(relative_tolerance=1e-13, absolute_tolerance=1e-300)}
    endless = np.linspace(0.0, 1e6, 5)
    with pytest.raises(CancelledError, match="of 4 subjects"):
        on(cards[0])(model, endless, **asked, cancel=lambda: True)
    assert set(threading.enumerate()) == before
    assert not cards[0].running()


@needs_compiler
def test_a_solve_waits_for_a_card_of_another_and_can_be_cancelled_meanwhile(model, cards, monkeypatch):
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    cards[0].started.clear()
    with cards[0].busy, pytest.raises(CancelledError):
        on(cards[0])(model, TIMES, **arguments(), cancel=cancel)
    assert not cards[0].started
    on(cards[0])(model, TIMES, **arguments())
    assert cards[0].started


@needs_compiler
def test_what_fails_on_a_card_is_raised_and_stops_the_others(model, cards, monkeypatch):
    monkeypatch.setattr(portions, "FEWEST", 4)

    def refuse(*_):
        raise SolveError("The GPU refused: out of memory (code 2).")

    monkeypatch.setattr(cards[1], "start", refuse)
    with pytest.raises(SolveError, match="out of memory"):
        on(*cards)(model, TIMES, **arguments())
    assert not cards[0].busy.locked()
    assert not cards[1].busy.locked()


# ------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize("method", [DOP853, TSIT5], ids=lambda method: method.name)
def test_no_stage_is_overwritten_while_it_is_needed(method):
    places = stage_places(method)
    holds: dict[int, int] = {}
    for s, row in enumerate(method.a):
        assert all(holds[places[other]] == other for other, weight in enumerate(row) if weight)
        holds[places[s]] = s
        if s == method.stages - 1:
            used = {other for row in (method.a[s], *method.error) for other, weight in enumerate(row) if weight}
            assert all(holds[places[other]] == other for other in used | {0, s - 1, s})
    assert all(holds[places[s]] == s for s, row in enumerate(method.dense) if any(row))
    assert max(places) + 1 <= {"dop853": 12, "tsit5": 7}[method.name]


def kernels(model: Equations) -> list[Kernel]:
    ready, subjects, targets = prepared(model, arguments())
    sharing = shared_constants(ready.program, subjects.slots, changed_slots(ready.program, ready.equations, targets))
    return [
        Kernel(ready.program, method, trigger_masks(ready.equations, ready.program), ready.readings(NAMES), sharing)
        for method in (DOP853, RODAS5P)
    ]


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no CUDA compiler here")
def test_a_cuda_compiler_takes_the_text(model, tmp_path):
    for kernel, architecture in zip(kernels(model), ("sm_80", "sm_90"), strict=True):
        source, code = tmp_path / "model.cu", tmp_path / "model.ptx"
        source.write_text(kernel.text())
        subprocess.run(["nvcc", f"-arch={architecture}", "-ptx", "-o", str(code), str(source)], check=True)
        assert ".entry run" in code.read_text()


@pytest.fixture
def nvrtc():
    pytest.importorskip("cuda.bindings.nvrtc", reason="cuda-python is not installed")
    try:
        return device.nvrtc_version()
    except SolveError as error:
        pytest.skip(str(error))


def test_nvrtc_takes_the_text_and_its_refusal_is_passed_on(nvrtc, model):
    for kernel in kernels(model):
        for architecture in (80, 90):
            assert device.compile_text(kernel.text(), architecture)[:4] == b"\x7fELF"
        # A card newer than the compiler gets code that its driver translates.
        assert b".entry run" in device.compile_text(kernel.text(), 999)
    with pytest.raises(SolveError, match="expected an expression"):
        device.compile_text("__device__ int x = ;", 90)


def test_nvrtc_takes_the_text_of_the_flagship_model(nvrtc, benchmark_cases):
    case = benchmark_cases.flagship("mouse", 2, 1)
    ready = ReadyModel(case.model, "auto")
    for kernel in ready.kernels(case.outputs, Sharing()):
        for architecture in (80, 90):
            assert device.compile_text(kernel.text(), architecture)[:4] == b"\x7fELF"


def test_compiled_code_is_kept_on_disk(model, monkeypatch, tmp_path):
    monkeypatch.setenv("GVLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(device, "nvrtc_version", lambda: "12.9")
    compiled = []
    monkeypatch.setattr(device, "compile_text", lambda text, arch: compiled.append(arch) or f"{arch}{text}".encode())
    explicit, implicit = kernels(model)
    first = device.compiled(explicit, 90)
    assert device.compiled(explicit, 90) == first
    assert compiled == [90]
    # Another method, another architecture, another compiler: each its own code.
    device.compiled(implicit, 90)
    device.compiled(explicit, 80)
    monkeypatch.setattr(device, "nvrtc_version", lambda: "13.0")
    device.compiled(explicit, 90)
    assert compiled == [90, 90, 80, 90]


# --------------------------------------------------------------------------------------------------- without a GPU


def test_without_a_gpu_the_refusal_says_why_and_what_to_do(model, monkeypatch):
    device.cards.cache_clear()
    monkeypatch.setattr(device, "available", lambda: "there is no NVIDIA driver (libcuda.so.1) on this machine")
    with pytest.raises(SolveError, match=r"no NVIDIA driver.*engine \"ensemble\" without a target"):
        ensemble.solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["drug"], target="gpu")


def test_the_engine_of_the_gpu_keeps_the_contract_and_refuses_where_there_is_none(model, monkeypatch):
    device.cards.cache_clear()
    monkeypatch.setattr(device, "available", lambda: "the NVIDIA driver finds no GPU")
    with pytest.raises(SolveError, match=r"finds no GPU\. The engine \"ensemble\" without a target solves on the proc"):
        solve(model, np.array([0.0, 1.0]), subjects=1, outputs=["drug"], engine="gpu")


@needs_compiler
def test_the_engine_of_the_gpu_solves_on_its_cards(model, cards, monkeypatch):
    monkeypatch.setattr(device, "cards", lambda: (cards[0],))
    cards[0].started.clear()
    on_gpu, on_processor = (solve(model, TIMES, **arguments(), engine=engine) for engine in ("gpu", "ensemble"))
    assert cards[0].started
    assert_agree(on_gpu, on_processor, steps=0.02)


def test_without_cuda_python_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    assert device.available() == "cuda-python is not installed (pip install 'gvlab[gpu]')"


def test_without_the_compiler_the_refusal_says_what_to_install(monkeypatch):
    def missing():
        raise RuntimeError("libnvrtc.so.13 was not found")

    bindings = types.SimpleNamespace(nvrtc=types.SimpleNamespace(nvrtcVersion=missing))
    monkeypatch.setitem(sys.modules, "cuda", types.SimpleNamespace(bindings=bindings))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    with pytest.raises(SolveError, match=r"needs the compiler NVRTC.*gvlab\[gpu\]' for CUDA 12, 'gvlab\[gpu13\]'"):
        device.nvrtc_version()


def test_the_calls_that_are_made_exist():
    bindings = pytest.importorskip("cuda.bindings", reason="cuda-python is not installed")
    import inspect
    import re

    with contextlib.suppress(ImportError):
        importlib.import_module("cuda.bindings.driver")
        importlib.import_module("cuda.bindings.nvrtc")
    text = inspect.getsource(device)
    for module, pattern in (("driver", r"driver\.(cu\w+|CU\w+)"), ("nvrtc", r"nvrtc\.(nvrtc\w+)")):
        names = set(re.findall(pattern, text))
        assert len(names) > 5
        for name in names:
            assert hasattr(getattr(bindings, module), name), name


def test_the_benchmark_of_a_gpu_needs_one(benchmark_cases, monkeypatch, tmp_path):
    monkeypatch.setattr(device, "available", lambda: "the NVIDIA driver finds no GPU")
    with pytest.raises(SolveError, match=r"the NVIDIA driver finds no GPU\. The engine"):
        importlib.import_module("engine").main(["--gpu", f"--json={tmp_path / 'gpu.json'}"])
    assert not (tmp_path / "gpu.json").exists()


@needs_compiler
def test_the_benchmark_of_a_gpu_compares_it_with_the_processor(benchmark_cases, cards, monkeypatch):
    benchmark = importlib.import_module("engine_gpu")
    few = {"SUBJECTS": {"mouse": 6}, "DRAWN": 3, "JUDGED": 2, "REPEATS": 1, "PER_CORE": 2, "TOLERANCES": (3e-6, 3e-7)}
    for name, value in few.items():
        monkeypatch.setattr(benchmark, name, value)
    monkeypatch.setattr(device, "cards", lambda: (cards[0],))
    row = benchmark.measure("mouse", stiff=False, printed=False)
    assert row["relative_tolerance"] in few["TOLERANCES"]
    assert row["max_error"] <= 1e-4
    assert row["device"] == cards[0].name
    assert row["subjects"] == 6
    for ratio, other in (("ratio", "core"), ("ratio_to_processor", "processor")):
        assert row[ratio] == pytest.approx(row["subjects_per_second"] / row[f"{other}_subjects_per_second"])
    assert row["steps_per_second"] == pytest.approx(row["steps_per_subject"] * row["subjects_per_second"])
    # Where no tolerance is tight enough there is no number.
    monkeypatch.setattr(benchmark, "TOLERANCES", (0.5,))
    assert benchmark.measure("mouse", stiff=False, printed=False)["ratio"] is None


def test_a_large_cohort_of_the_benchmark_is_made_of_the_same_subjects(benchmark_cases):
    small = benchmark_cases.flagship("mouse", 3, 1)
    large = importlib.import_module("engine_gpu").repeated(small, 8)
    varied = [name for name, value in small.parameters.items() if np.ndim(value)]
    assert varied
    for name in varied:
        np.testing.assert_array_equal(large.parameters[name], small.parameters[name][np.arange(8) % 3])
    # What doses share stays one array, so that a card gets it once.
    arrays = [{id(op.value) for op in case.schedule if np.ndim(op.value)} for case in (small, large)]
    assert len(arrays[0]) == len(arrays[1]) < len(small.schedule)
