"""The axes that types say are checked in tests: a wrong shape fails, whatever the function would have made of it."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from gvlab.simulation.harvests import _donors
from gvlab.subject import System


def test_an_array_of_the_wrong_shape_is_noticed(house_library):
    cohort = System.read("house_system").cohort(3, seed=1)
    _donors(np.arange(3), cohort)
    with pytest.raises(TypeCheckError, match="_donors"):
        _donors(np.zeros((3, 2), dtype=np.int64), cohort)
