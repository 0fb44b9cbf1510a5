"""Animals of a plan, counted whole: arms, spares, readings that kill, donors, primary recipients, controls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gvlab.experiment.experiment import Experiment
from gvlab.library.husbandry_record import HusbandryRecord
from gvlab.planning.expected import primary_yield
from gvlab.protocol import Protocol

COLUMNS = ("what for", "animals", "why so many")

UNKNOWN = "not known"


@dataclass(frozen=True)
class Extras:
    """Animals beside those of the arms.

    Attributes
    ----------
    spare
        Share of the animals of all arms that is ordered in addition, for those that are not fit to begin.
    satellites
        Animals of an arm for each day on which a reading kills.
    radiation_controls
        Irradiated animals without marrow.
    """

    spare: float = 0.05
    satellites: int = 5
    radiation_controls: int = 3


@dataclass(frozen=True)
class AnimalCount:
    """Every animal that a plan takes.

    Attributes
    ----------
    table
        Columns `COLUMNS`; "not known" where a number cannot be.
    """

    table: pd.DataFrame

    @property
    def total(self) -> int:
        """All animals whose number is known."""
        return int(sum(n for n in self.table["animals"] if n != UNKNOWN))

    @property
    def unknown(self) -> list[str]:
        """What could not be counted."""
        return [str(row[0]) for row in self.table.itertuples(index=False) if row[1] == UNKNOWN]

    def in_words(self) -> str:
        """Return the sum with its parts."""
        parts = ", ".join(f"{n} {what}" for what, n, _ in self.table.itertuples(index=False) if n not in (0, UNKNOWN))
        text = f"Animals in all: {self.total} ({parts})."
        return f"{text} Not counted, since it is not known: {'; '.join(self.unknown)}." if self.unknown else text


def count_animals(
    experiment: Experiment,
    sizes: Mapping[str, int],
    killed: Mapping[float, Sequence[str]],
    extras: Extras,
    kept: HusbandryRecord | None,
    seed: int,
) -> AnimalCount:
    """Return every animal that a plan takes.

    Parameters
    ----------
    experiment
        What is done.
    sizes
        Animals of each arm.
    killed
        Arms with a reading that kills, by day; none for a reading of the animals of the arms themselves.
    extras
        Spares, satellites, controls.
    kept
        Yields of donors; None in a culture.
    seed
        Of the virtual primary recipients.
    """
    arms = sum(sizes.values())
    rows: list[tuple[str, int | str, str]] = [
        ("in the arms", arms, ", ".join(f"{n} {arm}" for arm, n in sizes.items())),
        ("spare", math.ceil(extras.spare * arms), f"{100 * extras.spare:g} % of those in the arms, as asked"),
    ]
    given = [(experiment.arm(arm).protocol, n) for arm, n in sizes.items()]
    for day, of in sorted(killed.items()):
        n = extras.satellites * len(of)
        rows.append(
            (
                f"killed for readings on day {day:g}",
                n,
                f"{extras.satellites} in each of {', '.join(of)}; as asked, their power is not computed",
            )
        )
        given += [(experiment.arm(arm).protocol.until(day), extras.satellites) for arm in of]
    if _irradiated(given):
        n = extras.radiation_controls
        rows.append(
            ("irradiated without marrow", n, "shows that the irradiation is lethal without the graft, as asked")
        )
        bare = [_only_irradiation(protocol) for protocol, _ in given if _irradiated([(protocol, 1)])]
        given.append((bare[0], n))
    rows += _vehicle(experiment)
    primaries, wanted = _primaries(experiment, given, seed)
    rows += primaries
    rows += _donors([*given, *wanted], kept)
    return AnimalCount(pd.DataFrame(rows, columns=list(COLUMNS)))


def _irradiated(given: Sequence[tuple[Protocol, int]]) -> bool:
    return any(dose.agent_definition.record.kind == "irradiation" for protocol, _ in given for dose in protocol)


def _only_irradiation(protocol: Protocol) -> Protocol:
    return Protocol(tuple(dose for dose in protocol if dose.agent_definition.record.kind == "irradiation"))


def _vehicle(experiment: Experiment) -> list[tuple[str, int | str, str]]:
    """Return a row on vehicle controls: who gets the vehicle, or that nobody does."""
    drugs = {
        dose.agent: dose.agent_definition.title
        for arm in experiment.arms
        for dose in arm.protocol
        if dose.agent_definition.record.kind in ("drug", "antibody")
    }
    rows: list[tuple[str, int | str, str]] = []
    for agent, title in drugs.items():
        without = [arm.name for arm in experiment.arms if agent not in arm.protocol.agents]
        if without:
            why = f"the arms without it get the vehicle, and need no others: {', '.join(without)}"
            rows.append((f"vehicle controls of {title}", 0, why))
        else:
            rows.append((f"vehicle controls of {title}", UNKNOWN, "every arm gets the drug: add an arm without it"))
    return rows


def _primaries(
    experiment: Experiment, given: Sequence[tuple[Protocol, int]], seed: int
) -> tuple[list[tuple[str, int | str, str]], list[tuple[Protocol, int]]]:
    """Return primary recipients whose cells are transferred, and what they are given themselves."""
    needed: dict[Protocol, tuple[float, str]] = {}
    doses = {}
    for protocol, n in given:
        for dose in protocol:
            if dose.harvest is not None:
                cells = n * len(dose.times) * float(dose.quantity.to("cell"))
                before = needed.get(dose.harvest.protocol, (0.0, ""))[0]
                needed[dose.harvest.protocol] = (before + cells, ", ".join(dose.harvest.protocol.agents))
                doses[dose.harvest.protocol] = dose
    rows: list[tuple[str, int | str, str]] = []
    wanted = []
    for protocol, (cells, agents) in needed.items():
        found = primary_yield(experiment, doses[protocol], seed)
        harvest = doses[protocol].harvest
        day = harvest.day if harvest else 0.0
        what = f"primary recipients ({agents})"
        if found.cells <= 0 or found.alive <= 0:
            rows.append((what, UNKNOWN, f"no virtual primary has such cells on day {day:g}"))
            continue
        n = math.ceil(math.ceil(cells / found.cells) / found.alive)
        rows.append(
            (
                what,
                n,
                f"{cells:.2g} cells are needed; a virtual primary has {found.cells:.2g} on day {day:g} (median), and "
                f"{100 * found.alive:.0f} % are alive; what is lost on the way is not in this number",
            )
        )
        wanted.append((protocol, n))
    return rows, wanted


def _donors(given: Sequence[tuple[Protocol, int]], kept: HusbandryRecord | None) -> list[tuple[str, int | str, str]]:
    """Return donors of the cells that are given."""
    cells: dict[str, float] = {}
    titles = {}
    for protocol, n in given:
        for dose in protocol:
            if dose.agent_definition.record.kind == "cells" and dose.harvest is None:
                titles[dose.agent] = dose.agent_definition.title
                cells[dose.agent] = cells.get(dose.agent, 0.0) + n * len(dose.times) * float(dose.quantity.to("cell"))
    if kept is None:
        return []
    yields = {each.agent: each for each in kept.donors}
    rows: list[tuple[str, int | str, str]] = []
    for agent, number in cells.items():
        if agent in kept.not_from_animals:
            continue
        if agent not in yields:
            rows.append((f"donors of {titles[agent]}", UNKNOWN, "no yield is known: count the animals they come from"))
            continue
        each = yields[agent]
        basis = each.verification if not each.source else f"{each.source}, {each.verification}"
        rows.append(
            (f"{each.donor}", math.ceil(number / each.cells), f"{number:.2g} cells, {each.cells:.2g} a donor ({basis})")
        )
    return rows


def three_rs(animals: AnimalCount, reduction: str, humane: str) -> str:
    """Return a sentence on replacement, reduction and refinement."""
    return (
        "Replacement: which arms and days to test was decided on virtual animals; what is left takes living ones, "
        f"since it asks whether the prediction is true. Reduction: {reduction}; {animals.total} animals are used in "
        f"all, donors and controls counted. Refinement: {humane[:1].lower()}{humane[1:].rstrip('.')}."
    )
