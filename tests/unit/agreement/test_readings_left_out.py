"""Readings that a prediction cannot be held against are left out with a sentence, and never counted as outside."""

import numpy as np
import pandas as pd
import pytest

from gvlab.agreement.readings import _comparable
from gvlab.errors import InvalidValueError


def test_a_baseline_and_a_reading_without_a_number_are_left_out_and_said():
    data = pd.DataFrame({"time": [-1.0, 9.0, 9.0], "value": [5.0, np.nan, 12.0]})
    kept, said = _comparable(data)
    assert kept["value"].tolist() == [12.0]
    assert len(said) == 2
    assert "1 readings are of days before day 0" in said[0]
    assert "1 readings lie beyond a limit" in said[1]
    with pytest.raises(InvalidValueError, match="No reading is left that can be compared"):
        _comparable(data.iloc[:2])
