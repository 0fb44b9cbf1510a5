"""What a board wants to know and no simulation can: severity, humane endpoints, formulations, volumes, housing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from gvlab import units
from gvlab.errors import InvalidValueError, UnitError
from gvlab.experiment.experiment import Experiment
from gvlab.files import read_text
from gvlab.library.fields import Record, Text
from gvlab.library.husbandry_record import HusbandryRecord
from gvlab.library.reading import parse_record
from gvlab.protocol import Dose

TO_FILL = "TO BE FILLED IN"
"""Marks what a plan cannot know."""

Severity = Literal["", "non-recovery", "mild", "moderate", "severe"]


class AgentDetails(Record):
    """How an agent is made and given."""

    formulation: Text = ""
    """In what it is dissolved or suspended; without the agent it is the vehicle."""
    volume: Text = ""
    """Of one dose, per body mass or per animal: "10 mL/kg", "0.2 mL"."""

    @field_validator("volume")
    @classmethod
    def _is_volume(cls, text: str) -> str:
        if text:
            read_volume(text)
        return text


class ProtocolDetails(Record):
    """Fields of a protocol; empty ones are marked as to be filled in."""

    severity: Severity = ""
    """Class of the procedure, by Directive 2010/63/EU, Annex VIII."""
    humane_endpoints: Text = ""
    """Score and weight at which an animal is killed; those of the library's clinical assay where empty."""
    observation: Text = ""
    """How often animals are scored and weighed, and by whom: "daily, twice a day from day 5"."""
    agents: dict[str, AgentDetails] = Field(default_factory=dict)
    """By name of the agent."""
    animals: Text = ""
    """Sex, age, weight, substrain, supplier."""
    health: Text = ""
    """Provenance, health and immune status, genotype, earlier procedures."""
    housing: Text = ""
    """Where, with housing and acclimatization."""
    exclusion: Text = ""
    """Criteria set in advance, for animals and for readings."""
    order: Text = ""
    """Of treatment and of measurement, and places of cages."""
    blinding: Text = ""
    """Who is blinded at allocation, treatment, assessment and analysis."""
    software: Text = ""
    """With which the primary outcome is tested."""
    assumptions: Text = ""
    """How assumptions of the test are checked, and what is done if they fail."""
    time_of_day: Text = ""
    reasons: Text = ""
    """Why each procedure is needed."""

    def check(self, experiment: Experiment) -> None:
        """Raise if an agent is named that the experiment does not give.

        Raises
        ------
        InvalidValueError
            With the agents that it gives.
        """
        given = agents_of(experiment)
        for name in self.agents:
            if name not in given:
                raise InvalidValueError(f'The experiment gives no "{name}". It gives: {", ".join(given)}.')

    def missing(self, experiment: Experiment) -> list[str]:
        """Return the required fields that are empty, as they are named in the file."""
        found = [name for name in ("severity", "observation") if not getattr(self, name)]
        if not self.humane_endpoints and not humane_endpoints(experiment):
            found.append("humane_endpoints")
        for agent, dose in agents_of(experiment).items():
            if dose.agent_definition.record.kind == "irradiation":
                continue
            mine = self.agents.get(agent, AgentDetails())
            found += [f"agents.{agent}.{name}" for name in ("formulation", "volume") if not getattr(mine, name)]
        return found

    def humane(self, experiment: Experiment) -> str:
        """Return the humane endpoints and how often animals are looked at; marked where one is missing."""
        what = self.humane_endpoints or humane_endpoints(experiment) or TO_FILL
        return f"{what.rstrip('.')}. Animals are scored and weighed: {self.observation or TO_FILL}"

    def concentration(self, dose: Dose) -> str:
        """Return the concentration that a dose and its volume make: "1 mg/mL"; "" where the volume is not known."""
        volume = self.agents.get(dose.agent, AgentDetails()).volume
        if not volume:
            return ""
        amount, liquid = dose.quantity, read_volume(volume)
        per_mass = amount.unit.endswith("/kg")
        if per_mass != liquid.unit.endswith("/kg"):
            return "depends on the body mass"
        unit = amount.unit.removesuffix("/kg")
        milliliters = units.convert(liquid.value, liquid.unit, "mL/kg" if per_mass else "mL")
        return f"{amount.value / float(milliliters):.4g} {unit}/mL"


def read_details(file: Path) -> ProtocolDetails:
    """Return the details that a file holds.

    Raises
    ------
    LibraryError
        If it is not YAML, or breaks the schema: with file, line and rule.
    """
    return parse_record(read_text(file), ProtocolDetails, file.name)


def agents_of(experiment: Experiment) -> dict[str, Dose]:
    """Return what is given in any arm, by agent, with the first dose of it."""
    found: dict[str, Dose] = {}
    for arm in experiment.arms:
        for dose in arm.protocol:
            found.setdefault(dose.agent, dose)
    return found


def read_volume(text: str) -> units.Quantity:
    """Return a volume per body mass or per animal.

    Raises
    ------
    InvalidValueError
        If it is none.
    """
    try:
        quantity = units.quantity(text, "a volume")
        units.convert(quantity.value, quantity.unit, "mL/kg" if quantity.unit.endswith("/kg") else "mL")
    except UnitError as error:
        raise InvalidValueError(f'"{text}" is no volume of a dose. Write "10 mL/kg" or "0.2 mL".') from error
    if not 0 < quantity.value < float("inf"):
        raise InvalidValueError(f'The volume of a dose is "{text}"; it is above 0. Write "10 mL/kg" or "0.2 mL".')
    return quantity


def missing_in_words(missing: Sequence[str]) -> str:
    """Return required fields that are empty as a phrase, the agents together."""
    plain = [name for name in missing if not name.startswith("agents.")]
    by_agent: dict[str, list[str]] = {}
    for name in missing:
        if name.startswith("agents."):
            _, agent, field = name.split(".")
            by_agent.setdefault(agent, []).append(field)
    by_fields: dict[str, list[str]] = {}
    for agent, fields in by_agent.items():
        by_fields.setdefault(" and ".join(fields), []).append(agent)
    plain += [f"{fields} of {', '.join(agents)}" for fields, agents in by_fields.items()]
    return "; ".join(plain)


def humane_endpoints(experiment: Experiment) -> str:
    """Return the humane endpoints of the library's clinical assays in words; "" where it has none."""
    found = []
    for record in experiment.library.read_all("assays").values():
        for analyte in record.analytes:
            if analyte.humane is not None:
                unit = "" if analyte.unit == "dimensionless" else f" {analyte.unit}"
                spec = analyte.humane
                found.append(f"{analyte.title} {spec.sense} {spec.limit:g}{unit} ({spec.why})")
    return f"Killed at once when: {'; '.join(found)}" if found else ""


def volumes_in_words(details: ProtocolDetails, experiment: Experiment, kept: HusbandryRecord | None) -> list[str]:
    """Return a sentence on each volume that is above what is good practice by its route."""
    if kept is None:
        return []
    found = []
    for agent, dose in agents_of(experiment).items():
        route = dose.agent_definition.route_name(dose.route)
        volume, most = details.agents.get(agent, AgentDetails()).volume, kept.most_volume.get(route)
        if volume and most is not None and volume.endswith("/kg"):
            asked = read_volume(volume)
            if float(units.convert(asked.value, asked.unit, most.unit)) > most.value:
                found.append(
                    f"{volume} of {dose.agent_definition.title} is more than the {most.value:g} {most.unit} that are "
                    f"good practice by the {route} route ({most.source}; {most.verification})."
                )
    return found


_HEAD = """# What a protocol needs and a simulation cannot know. Fill in, and plan again with --details THIS_FILE.
# Required before a board can read it: {missing}
"""


def details_template(details: ProtocolDetails, experiment: Experiment, missing: Sequence[str]) -> str:
    """Return the fields as YAML, with what each is, for the user to complete."""
    import yaml

    lines = [_HEAD.format(missing=missing_in_words(missing) or "nothing is missing")]
    for name in _MEANING:
        lines += [f"# {_MEANING[name]}", yaml.safe_dump({name: getattr(details, name)}, allow_unicode=True, width=1000)]
    lines.append("# By agent: in what it is dissolved or suspended, and the volume of one dose (10 mL/kg, or 0.2 mL).")
    agents = {
        agent: details.agents.get(agent, AgentDetails()).model_dump()
        for agent, dose in agents_of(experiment).items()
        if dose.agent_definition.record.kind != "irradiation"
    }
    return "\n".join([*lines, yaml.safe_dump({"agents": agents}, allow_unicode=True, sort_keys=False, width=1000)])


_MEANING = {
    "severity": "Severity of the procedure: non-recovery, mild, moderate or severe (Directive 2010/63/EU, Annex VIII).",
    "humane_endpoints": "Score and weight at which an animal is killed; empty takes those of the library.",
    "observation": "How often animals are scored and weighed: daily, twice a day from day 5.",
    "animals": "Sex, age, weight, substrain, supplier.",
    "health": "Provenance, health and immune status, genotype, earlier procedures.",
    "housing": "Where, with housing and acclimatization.",
    "exclusion": "Criteria set in advance, for animals and for readings.",
    "order": "Order of treatment and of measurement, places of cages.",
    "blinding": "Who is blinded at allocation, treatment, assessment and analysis.",
    "software": "With which the primary outcome is tested.",
    "assumptions": "How assumptions of the test are checked, and what is done if they fail.",
    "time_of_day": "When animals are treated.",
    "reasons": "Why each procedure is needed.",
}
"""What each field is, for the file that a user fills in."""
