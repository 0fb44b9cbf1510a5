"""The experiment of a page as Python and as a command: both give the numbers of the page, to the bit."""

from __future__ import annotations

import shlex

from gvlab.protocol import Arm, Condition, Dose, Protocol
from gvlab.web.state import BenchState, link_of

_WIDE = 100


def python_of(state: BenchState) -> str:
    """Return Python that runs the experiment and prints what came of its arms."""
    experiment = state.experiment
    body = "\n".join(f"        {line}" for arm in experiment.arms for line in f"{_arm(arm)},".split("\n"))
    code = "\n".join(
        (
            "experiment = Experiment(",
            f"    {experiment.title!r},",
            f"    system={experiment.system.name!r},",
            "    arms=[",
            body,
            "    ],",
            f"    assays={list(experiment.assays)!r},",
            f"    endpoints={list(experiment.endpoints)!r},",
            f"    until={experiment.until!r},",
            f"    name={experiment.name!r},",
            ")",
            f"results = experiment.run(seed={state.seed}, subjects={state.subjects}{_days(state)})",
            "for table in (results.summary().arm_table(), results.summary().comparison_table()):",
            '    print(*table[0], sep=" | ")',
            "    for row in table[1]:",
            '        print(*row, sep=" | ")',
        )
    )
    names = [name for name in ("Arm", "Change", "Condition", "Dose", "Experiment", "Harvest") if f"{name}(" in code]
    varied = "from gvlab.library.records import Varied\n" if "Varied(" in code else ""
    imports = f"from gvlab import {', '.join(names)}\n{varied}"
    return f"# Simulated by GVLab; model {experiment.model.sha256[:12]}.\n{imports}\n{code}\n"


def command_of(state: BenchState) -> str:
    """Return a command for a shell that runs the experiment and writes its results and a report."""
    return f"gvlab run {shlex.quote('#' + link_of(state))}\n"


def _days(state: BenchState) -> str:
    return f", days={list(state.file.days)!r}" if state.file.days else ""


def _arm(arm: Arm) -> str:
    condition = f", condition={_condition(arm.condition)}" if arm.condition else ""
    doses = [_dose(dose) for dose in arm.protocol]
    line = f"Arm({arm.name!r}, [{', '.join(doses)}], n={arm.n}{condition})"
    if len(line) <= _WIDE:
        return line
    inside = "\n".join(f"        {dose}," for dose in doses)
    return f"Arm(\n    {arm.name!r},\n    [\n{inside}\n    ],\n    n={arm.n}{condition},\n)"


def _dose(dose: Dose) -> str:
    given = [repr(dose.agent), repr(dose.amount), f"at={dose.at!r}"]
    given += [f"{key}={getattr(dose, key)!r}" for key in ("every", "until", "route") if getattr(dose, key) is not None]
    given += [f"{key}={getattr(dose, key)!r}" for key in ("holds", "when") if getattr(dose, key)]
    if dose.harvest is not None:
        harvest = dose.harvest
        under = f", condition={_condition(harvest.condition)}" if harvest.condition else ""
        given.append(f"harvest=Harvest({_protocol(harvest.protocol)}, at={harvest.at!r}{under})")
    if dose.varied is not None:
        given.append(f"varied=Varied(amount={dose.varied.amount!r}, day={dose.varied.day!r})")
    return f"Dose({', '.join(given)})"


def _protocol(protocol: Protocol) -> str:
    return f"[{', '.join(_dose(dose) for dose in protocol)}]"


def _condition(condition: Condition) -> str:
    if condition.parts:
        return f"[{', '.join(_condition(part).removeprefix('[').removesuffix(']') for part in condition.parts)}]"
    if condition.library is not None:
        return repr(list(condition.names))
    changes = ", ".join(f"Change({each.target!r}, {each.value!r}, {each.factor!r})" for each in condition.changes)
    return f"[Condition({condition.names!r}, ({changes},))]"
