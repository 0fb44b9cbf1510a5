import pytest

from gvlab.bibliography import cite
from gvlab.errors import UnknownNameError
from gvlab.library import Library
from gvlab.subject import System


def test_a_system_has_the_overlays_of_donor_host_and_leukemia(house_library):
    file = house_library / "systems" / "house_system.yaml"
    file.write_text(file.read_text().replace("house_mouse", "house_bear") + "contexts: ['host:polar']\n")
    system = System.read("house_system")
    assert system.contexts == ("host:polar", "species:bear")
    assert system.parameters().value("CL_house") == 3


def test_a_system_cites_exactly_what_it_uses(house_library):
    assert cite(System.read("house_system")).startswith("[house2020] House, Ann (2020). A house.")


def test_a_system_gives_a_cohort_and_a_typical_subject(house_library):
    system = System.read("house_system")
    assert len(system.cohort(5, seed=1)) == 5
    assert system.typical().column("CL_house").tolist() == [2]
    assert system.time_zero == "day of transplantation"
    assert list(system.doses) == ["cells", "drug"]


def test_an_unknown_system_is_answered(house_library):
    with pytest.raises(UnknownNameError, match=r'There is no system named "house_sistem". Did you mean "house_system"'):
        System.read("house_sistem")


@pytest.mark.parametrize("name", Library().names("systems"))
def test_every_system_of_the_library_gives_a_cohort_with_sources(name):
    system = System.read(name)
    cohort = system.cohort(4, seed=1)
    assert len(cohort) == 4
    assert len(system.sources()) > 3
    assert all(values.min() >= 0 for values in cohort.columns.values())
