"""A plan that is written down before the animals: what it predicts, what it refuses, and what of it held."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from gvlab.errors import InvalidValueError, LibraryError, OutputError
from gvlab.experiment import Experiment
from gvlab.planning.draws import Draw
from gvlab.planning.judgment import judge, reading_outcome, survival_outcome
from gvlab.planning.layout import InterimLook, Layout
from gvlab.planning.plan import Plan
from gvlab.planning.planned_comparison import Attrition, PlannedComparison
from gvlab.planning.power import LookLevels, PowerCurve, drawn_experiments
from gvlab.planning.predictions import measure, predictions_of
from gvlab.planning.registration import Registration
from gvlab.planning.simulated_comparison import SimulatedComparison, VirtualArm
from gvlab.workflows.bundle import Bundle
from gvlab.workflows.plan_experiment import PlanRequest
from gvlab.workflows.register_plan import register_plan

SYSTEM = "b6_into_balbc_wehi3b"
ARM, VERSUS = "BM + T cells + sorafenib", "BM + T cells"
PER_ARM = 8
NOW = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def survival() -> Experiment:
    return Experiment.read("mathew2018_survival", SYSTEM)


def lived(rate: float, rng: np.random.Generator, n: int = 4000) -> VirtualArm:
    days = rng.exponential(1 / rate, n)
    return VirtualArm(np.minimum(days, 100.0), days < 100, np.full(n, np.nan), np.ones(n, bool))


def read(mean: float, rng: np.random.Generator, n: int = 4000) -> VirtualArm:
    return VirtualArm(np.full(n, 9.0), np.zeros(n, bool), rng.normal(mean, 1.0, n), np.ones(n, bool))


def plan_of(experiment, comparison, nominal, sets=(), **changes) -> Plan:
    named = [dict(zip((ARM, VERSUS), arms, strict=True)) for arms in (nominal, *sets)]
    simulated = [SimulatedComparison(arms, arms) for arms in named]
    curve = PowerCurve("nominal", (PER_ARM,), np.array([0.9]), np.array([0.01]))
    plan = Plan(
        experiment, (comparison,), Attrition(0.0, 0.0), 0.8, 0.05, curve, tuple(curve for _ in sets), 4000, 2000, 7,
        simulated=simulated[0], simulated_sets=tuple(simulated[1:]), chosen=PER_ARM,
    )  # fmt: skip
    return dataclasses.replace(plan, **changes)


def registered(plan: Plan, **request) -> Registration:
    asked = PlanRequest(experiment="mathew2018_survival", system=SYSTEM, sets=0, **request)
    return register_plan(Bundle(asked, plan), now=NOW)


@pytest.fixture(scope="module")
def plan(survival) -> Plan:
    rng = np.random.default_rng(1)
    comparison = PlannedComparison(ARM, VERSUS, "overall_survival")
    return plan_of(
        survival, comparison, (lived(0.01, rng), lived(0.05, rng)), [(lived(0.02, rng), lived(0.05, rng))] * 2
    )


@pytest.fixture(scope="module")
def registration(plan) -> Registration:
    return registered(plan)


def test_nine_of_ten_experiments_of_the_planned_size_lie_in_the_interval(survival):
    rng = np.random.default_rng(2)
    arms = lived(0.01, rng), lived(0.03, rng)
    alone = plan_of(survival, PlannedComparison(ARM, VERSUS, "overall_survival"), arms)
    predictions, left_out = predictions_of(alone, PER_ARM)
    assert not left_out
    fresh = {
        name: Draw(np.minimum(days := rng.exponential(1 / rate, (4000, PER_ARM)), 100.0), days < 100,
                   np.full((4000, PER_ARM), np.nan))
        for name, rate in ((ARM, 0.01), (VERSUS, 0.03))
    }  # fmt: skip
    for each in predictions:
        values = measure(each.quantity, fresh, each.arm, each.versus, 100.0)
        inside = np.mean((values >= each.interval[0] - 1e-9) & (values <= each.interval[1] + 1e-9))
        # Shares move in steps of an eighth, so an interval of them holds nine of ten or more.
        assert 0.88 <= inside <= (0.995 if each.quantity == "share" else 0.925), (each.quantity, inside)


def test_the_interval_over_sets_is_wider_than_that_over_animals_alone(registration):
    difference = next(each for each in registration.predictions if each.quantity == "difference of mean times")
    assert difference.over_sets is not None
    width = np.ptp(difference.interval)
    assert width > np.ptp(difference.over_animals) * 1.05
    assert difference.interval[0] < difference.over_animals[0]  # the sets have the smaller effect


def test_a_registered_plan_is_read_back_as_it_was_written(registration, tmp_path):
    file = tmp_path / "registered.json"
    registration.write(file)
    back = Registration.read(file)
    assert back == registration
    assert json.loads(file.read_text())["sha256"] == registration.sha256 == back.sha256
    # Spacing and the order of keys are not content.
    content = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(content.items()))))
    assert Registration.read(file).sha256 == registration.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["registered.json"]


def test_a_registered_plan_is_never_written_over(registration, tmp_path):
    file = tmp_path / "registered.json"
    file.write_text("mine")
    with pytest.raises(OutputError, match="never written over"):
        registration.write(file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(alpha=0.1),
        lambda content: content["animals"].update(BM=9),
        lambda content: content["predictions"][0].update(value=0.5),
        lambda content: content.update(sha256="0" * 64),
        lambda content: content.pop("sha256"),
        lambda content: content.update(note="later"),
    ],
)
def test_a_plan_that_was_changed_is_refused(registration, change):
    content = json.loads(registration.to_json())
    change(content)
    with pytest.raises(InvalidValueError, match="was changed after it was registered"):
        Registration.parse(json.dumps(content))


def test_what_is_no_registered_plan_is_refused_with_the_way_out(registration):
    with pytest.raises(LibraryError, match=r"the plan\.json in the folder of a plan is another one"):
        Registration.parse('{"experiment": "x"}')
    with pytest.raises(LibraryError, match="is no registered plan"):
        Registration.parse("mouse,day\n")
    twice = registration.to_json().replace('"alpha": 0.05', '"alpha": 0.05, "alpha": 0.05')
    with pytest.raises(LibraryError, match='the key "alpha" stands twice'):
        Registration.parse(twice)
    other = registration.to_json().replace("version 1", "version 9")
    with pytest.raises(LibraryError, match="Install the gvlab it was written with"):
        Registration.parse(other)


def animals(rate_arm: float, rate_versus: float, n: int = PER_ARM) -> pd.DataFrame:
    """Animals that lie where n of an exponential distribution are expected, so that chance decides nothing here."""
    parts = []
    for arm, rate in ((ARM, rate_arm), (VERSUS, rate_versus)):
        days = -np.log(1 - (np.arange(n) + 0.5) / n) / rate
        parts.append(
            pd.DataFrame({"arm": arm, "duration": np.minimum(days, 100.0), "event_observed": 1 * (days < 100)})
        )
    return pd.concat(parts, ignore_index=True).assign(entry=0.0)


def outcome(rows: pd.DataFrame) -> dict[str, Draw]:
    return survival_outcome(rows, {ARM: ARM, VERSUS: VERSUS}, 100.0)


def test_an_outcome_as_predicted_holds_and_a_reversed_one_does_not(registration):
    held = judge(registration, outcome(animals(0.01, 0.05)))
    assert held.count("held") == len(held.judged) == 6
    assert held.summary == "6 of 6 registered predictions held."
    reversed_ = judge(registration, outcome(animals(0.3, 0.005)))
    words = {each.predicted.split(":")[0]: each.verdict for each in reversed_.judged}
    assert words[f"Overall survival, {ARM} against {VERSUS}, difference of restricted mean times"] == "did not hold"
    # It is significant as predicted, the other way round, and the difference says so.
    assert reversed_.judged[-1].verdict == "held"


def test_animals_that_are_not_followed_to_the_last_day_leave_it_open(registration):
    rows = animals(0.01, 0.05)
    late = rows["duration"] > 60
    early = rows.assign(
        duration=np.where(late, 60.0, rows["duration"]), event_observed=np.where(late, 0, rows["event_observed"])
    )
    judgment = judge(registration, outcome(early))
    open_ = [each for each in judgment.judged if each.verdict == "cannot be judged"]
    assert {each.why for each in open_ if "so far" not in each.why} == {
        f"{ARM} is followed to day 60, and the plan to day 100."
    }
    # A test before its time is a look that nobody planned.
    assert judgment.judged[-1].verdict == "cannot be judged"


def test_another_number_of_animals_is_said(registration):
    judgment = judge(registration, outcome(animals(0.01, 0.05, n=6)))
    assert len(judgment.deviations) == 2
    assert judgment.deviations[0].startswith(f"{ARM}: 6 animals in the data, 8 were registered.")


def test_animals_that_enter_late_are_refused(registration):
    with pytest.raises(InvalidValueError, match="16 animals entered after day 0"):
        outcome(animals(0.01, 0.05).assign(entry=2.0))


def test_an_early_look_ends_the_study_at_its_own_level(plan):
    look = dataclasses.replace(plan, layout=Layout(interim=InterimLook(day=50.0)), levels=LookLevels(0.01, 0.045, 0.6))
    registration = registered(look)
    assert registration.interim is not None
    rows = animals(0.005, 0.2)
    short = rows.assign(duration=np.minimum(rows["duration"], 50.0), event_observed=1 * (rows["duration"] < 50))
    judged = judge(registration, outcome(short)).judged[-1]
    assert judged.verdict == "held"
    assert "At the look on day 50: p" in judged.why
    assert "level 0.045" in judged.why


def reading_plan(experiment: Experiment, mean: float = 2.0) -> Registration:
    rng = np.random.default_rng(4)
    comparison = PlannedComparison(ARM, VERSUS, "IL15", day=9.0, assay="serum_il15")
    return registered(plan_of(experiment, comparison, (read(mean, rng), read(0.0, rng))), endpoint="serum_il15")


def test_readings_are_judged_by_median_superiority_and_their_test(survival):
    registration = reading_plan(survival)
    assert [each.quantity for each in registration.predictions] == ["median", "median", "superiority"]
    assert registration.endpoint.unit == "pg/mL"
    assert "serum_il15" in registration.endpoint.known_as
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "subject": [str(number) for number in range(16)],
            "arm": [ARM] * 8 + [VERSUS] * 8,
            "time": 9.0,
            "value": np.concatenate([rng.normal(2, 1, 8), rng.normal(0, 1, 8)]),
        }
    )
    names = {ARM: ARM, VERSUS: VERSUS}
    judgment = judge(registration, reading_outcome(rows, names, registration.endpoint))
    assert judgment.count("held") == 4
    with pytest.raises(InvalidValueError, match=r"on day 9, and .* is read on day 8"):
        reading_outcome(rows.assign(time=8.0), names, registration.endpoint)
    with pytest.raises(InvalidValueError, match=r'Animal "0" of .* is read twice'):
        reading_outcome(pd.concat([rows, rows[:1]]), names, registration.endpoint)
    with pytest.raises(InvalidValueError, match=r"2 readings of .* lie beyond a limit"):
        reading_outcome(rows.assign(value=[np.nan] * 2 + [1.0] * 14), names, registration.endpoint)


def test_a_counted_share_is_judged_by_its_difference(survival):
    rng = np.random.default_rng(6)

    def counted(share: float) -> VirtualArm:
        return VirtualArm(
            np.full(4000, 100.0), np.zeros(4000, bool), 1.0 * (rng.random(4000) < share), np.ones(4000, bool)
        )

    comparison = PlannedComparison(ARM, VERSUS, "cure", day=100.0, share=True)
    registration = registered(plan_of(survival, comparison, (counted(0.9), counted(0.1))), endpoint="cure")
    rows = pd.DataFrame(
        {
            "subject": [str(number) for number in range(16)],
            "arm": [ARM] * 8 + [VERSUS] * 8,
            "time": 100.0,
            "value": [1.0] * 7 + [0.0] + [0.0] * 7 + [1.0],
        }
    )
    names = {ARM: ARM, VERSUS: VERSUS}
    judgment = judge(registration, reading_outcome(rows, names, registration.endpoint))
    assert [each.observed for each in judgment.judged[:3]] == [0.875, 0.125, 0.75]
    assert judgment.count("held") == 4
    with pytest.raises(InvalidValueError, match="write 1 for an animal with it, else 0"):
        reading_outcome(rows.assign(value=0.4), names, registration.endpoint)


def test_where_nobody_is_left_to_be_read_nothing_is_predicted(survival):
    rng = np.random.default_rng(7)
    dead = VirtualArm(np.full(4000, 9.0), np.zeros(4000, bool), np.full(4000, np.nan), np.ones(4000, bool))
    comparison = PlannedComparison(ARM, VERSUS, "IL15", day=9.0, assay="serum_il15")
    predictions, left_out = predictions_of(plan_of(survival, comparison, (read(1.0, rng), dead)), PER_ARM)
    assert [each.arm for each in predictions] == [ARM]
    assert left_out[0].startswith(f"median of {VERSUS}: in no drawn experiment is anybody left")


def test_without_a_number_of_animals_there_is_nothing_to_register(plan):
    with pytest.raises(InvalidValueError, match="Name one: --per-arm 10"):
        registered(dataclasses.replace(plan, chosen=None))


def test_the_forms_of_registries_keep_their_order_and_mark_what_no_plan_knows(registration, survival):
    records = survival.library.read_all("registries")
    assert set(registration.registries) == set(records) == {"preclinicaltrials_eu", "animalstudyregistry_org"}
    for name, form in registration.registries.items():
        assert [each.asks for each in form.fields] == [each.asks for each in records[name].fields]
        answers = {each.asks: each.answer for each in form.fields}
        assert all(answers.values())
        assert answers["Title"] == survival.title
    eu = {each.asks: each.answer for each in registration.registries["preclinicaltrials_eu"].fields}
    assert eu["Contact name"] == "TO BE FILLED IN"
    assert "BM + T cells (8)" in eu["Study arms/groups"]
    assert registration.registries["preclinicaltrials_eu"].order_and_words.startswith("stated in source")
    assert registration.registries["animalstudyregistry_org"].order_and_words.startswith("from memory, unverified")
    assert "90 % interval" in registration.ethics
    assert "with the nominal parameters alone" not in registration.ethics


def test_the_seed_of_the_randomization_is_not_in_the_file(plan):
    text = registered(plan, randomization_seed=918273645).to_json()
    assert "918273645" not in text


def test_a_test_by_cage_is_not_judged_from_a_file_without_cages(plan):
    caged = registered(dataclasses.replace(plan, layout=Layout(cages="stratum")))
    last = judge(caged, outcome(animals(0.01, 0.05))).judged[-1]
    assert last.verdict == "cannot be judged"
    assert "names no cages" in last.why
    assert "the arms permuted within each cage: who shared a cage stands in randomization.csv" in last.why


def test_drawn_experiments_hold_nobody_twice(plan):
    assert plan.simulated is not None
    drawn = next(
        drawn_experiments(
            plan.simulated, (ARM, VERSUS), Layout(), (ARM, VERSUS), 5, np.arange(400), Attrition(0, 0), 100.0, 64,
            np.random.default_rng(1),
        )
    )  # fmt: skip
    for row in drawn[ARM].duration:
        alive = row[row < 100]
        assert len(set(alive)) == len(alive)
