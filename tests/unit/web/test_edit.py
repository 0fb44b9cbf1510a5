"""What the controls of the bench do to an experiment."""

import pytest

from gvlab.errors import GVLabError, InvalidValueError, UnknownNameError
from gvlab.web.edit import edited
from gvlab.web.form import form_of


def control(state, library, title, label):
    form = form_of(state, library)
    return next(s for line in form.lines if line.title == title for s in line.sliders if s.label == label)


def doses(state, arm, agent):
    return [dose for dose in state.experiment.arm(arm).protocol if dose.agent == agent]


BOTH = "BM + T cells + sorafenib"


def test_what_was_not_touched_changes_nothing(state, library):
    done = edited(state, library, form_of(state, library).values())
    assert done.state == state
    assert not done.anew


def test_a_slider_changes_the_chosen_arm_only(state, library):
    slider = control(state, library, "Sorafenib", "Dose")
    done = edited(state, library, {slider.name: "20 mg/kg"})
    assert doses(done.state, BOTH, "sorafenib")[0].amount == "20 mg/kg"
    assert doses(done.state, "BM + sorafenib", "sorafenib")[0].amount == "10 mg/kg"


def test_with_all_arms_chosen_a_slider_changes_each_that_has_it(state, library):
    slider = control(state.with_look(arm=""), library, "Sorafenib", "Dose")
    done = edited(state.with_look(arm=""), library, {slider.name: "20 mg/kg"})
    changed = [arm.name for arm in done.state.experiment.arms if "20 mg/kg" in arm.protocol.in_words()]
    assert changed == ["BM + sorafenib", BOTH]


def test_a_first_day_after_the_last_takes_the_last_along(state, library):
    slider = control(state, library, "Sorafenib", "First day")
    done = edited(state, library, {slider.name: "day 20"})
    assert doses(done.state, BOTH, "sorafenib")[0].times == (20.0,)
    assert done.anew


@pytest.mark.parametrize("experiment", ["mathew2018_survival", "mathew2018_secondary", "mathew2018_controls"])
def test_a_switch_takes_a_dose_out_and_puts_it_back(library, experiment):
    from gvlab.web.state import BenchState

    state = BenchState.start(library, experiment)
    for line in form_of(state, library).lines:
        if not line.given:
            continue
        out = edited(state, library, {line.name: ""}).state
        assert line.key[0] not in out.experiment.arm(out.look.arm).protocol.agents or line.key[1]
        title = next(each for each in form_of(out, library).lines if each.key == line.key)
        back = edited(out, library, {title.name: "on"}).state
        one, other = (each.experiment.arm(state.look.arm).protocol for each in (state, back))
        # It is given as another arm has it; where arms differ in it, that is not what this arm had.
        assert set(one) == set(other) or (experiment == "mathew2018_secondary" and set(one.agents) == set(other.agents))


def test_every_condition_can_be_switched_on_and_off(state, library):
    for switch in form_of(state, library).switches:
        on = edited(state, library, {switch.name: "on"}).state
        name = switch.name.removeprefix("switch.")
        assert on.experiment.arm(BOTH).condition.names == (name,)
        assert edited(on, library, {switch.name: ""}).state.experiment == state.experiment


def test_arms_are_copied_renamed_added_and_removed(state, library):
    copy = edited(state, library, {}, "copy:3").state
    assert copy.look.arm == f"{BOTH} (copy)"
    named = edited(copy, library, {"arm.name": "mine"}).state
    assert [arm.name for arm in named.experiment.arms][-1] == named.look.arm == "mine"
    added = edited(named, library, {}, "add").state
    # A new arm is given what every arm is given.
    assert added.experiment.arm("New arm").protocol.agents == state.experiment.arm("BM").protocol.agents
    gone = edited(added, library, {}, "remove:5").state
    assert gone.look.arm == "mine"
    for _ in range(4):
        gone = edited(gone, library, {}, "remove:0").state
    with pytest.raises(InvalidValueError, match="at least one arm; this is the last"):
        edited(gone, library, {}, "remove:0")


def test_in_another_system_changes_stay_and_its_own_doses_come(state, library):
    slider = control(state, library, "Sorafenib", "Dose")
    there = edited(
        edited(state, library, {slider.name: "20 mg/kg"}).state, library, {"system": "human_into_rag2_molm13"}
    )
    assert doses(there.state, BOTH, "sorafenib")[0].amount == "20 mg/kg"
    assert doses(there.state, BOTH, "human_t_cells")
    assert any("no dose named conditioning" in note for note in there.notes)


def test_what_lies_beyond_every_record_is_marked(state, library):
    inside = control(state, library, "Sorafenib", "Dose")
    assert inside.beyond == ""
    done = edited(state, library, {inside.name: "40 mg/kg"}).state
    assert "records give 10 mg/kg (assumed)" in control(done, library, "Sorafenib", "Dose").beyond
    late = edited(state, library, {control(state, library, "Sorafenib", "Last day").name: "day 50"}).state
    assert "records give it on day" in control(late, library, "Sorafenib", "Last day").beyond


@pytest.mark.parametrize(
    ("fields", "action", "words"),
    [
        ({"line.1.amount": "10 nM"}, "", "a concentration"),
        ({"line.1.amount": "ten"}, "", "does not begin with a number"),
        ({"nonsense": "1"}, "", 'no control of the bench named "nonsense"'),
        ({"seed": "-1"}, "", "whole number"),
        ({"subjects": "1e9"}, "", "whole number"),
        ({"until": "day 9999"}, "", "follows until 730"),
        ({"look.tab": "moon"}, "", "tab of the bench"),
        ({"look.second": "moon"}, "", "output that is read"),
        ({"system": "moon"}, "", "system"),
        ({"arm.name": "BM"}, "", "Two arms"),
        ({}, "fly", "action of the bench"),
        ({}, "copy:9", "whole number from 0 to 3"),
        ({}, "copy:²", "whole number"),
    ],
)
def test_what_cannot_be_is_refused_in_words(state, library, fields, action, words):
    with pytest.raises(GVLabError, match=words):
        edited(state, library, fields, action)


def test_work_is_bounded_before_it_begins(state, library):
    for _ in range(8):
        state = edited(state, library, {}, "copy:0").state
    with pytest.raises(InvalidValueError, match="13 arms are asked for; the bench takes 12"):
        edited(state, library, {}, "copy:0")
    with pytest.raises(InvalidValueError, match="more than the bench computes at once"):
        edited(state, library, {"subjects": "2000", "until": "700"})


def test_an_exact_amount_wins_over_the_slider_that_still_stands(state, library):
    slider = control(state, library, "Sorafenib", "Dose")
    fields = {**form_of(state, library).values(), f"{slider.name}.exact": "12.3 mg/kg"}
    done = edited(state, library, fields, changed=f"{slider.name}.exact")
    assert doses(done.state, BOTH, "sorafenib")[0].amount == "12.3 mg/kg"
    assert control(done.state, library, "Sorafenib", "Dose").word == "12.3 mg/kg"


def test_an_agent_that_no_arm_has_can_be_given(state, library):
    name, title = form_of(state, library).agents[0]
    done = edited(state, library, {"agent": name})
    assert name in done.state.experiment.arm(BOTH).protocol.agents
    assert title in [line.title for line in form_of(done.state, library).lines]


def test_unknown_names_are_lookup_errors(state, library):
    with pytest.raises(UnknownNameError):
        edited(state, library, {"switch.moon": "on"})
