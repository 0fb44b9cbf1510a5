"""The axes that types say are checked in tests: a wrong shape fails, whatever the function would have made of it."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from gvlab.simulation.tasks import _failures
from gvlab.subject import System


def test_an_array_of_the_wrong_shape_is_noticed(house_library):
    cohort = System.read("house_system").cohort(3, seed=1)
    _failures(np.zeros(3, dtype=np.int8), cohort)
    with pytest.raises(TypeCheckError, match="_failures"):
        _failures(np.zeros((3, 2), dtype=np.int8), cohort)
