"""What holds for every assay of the library: its moments, its marks, its limits, its samples."""

import numpy as np
import pytest
from assay_samples import TRUTH, alike, spread

from gvlab.assay import observable
from gvlab.assay.assay import Assay
from gvlab.assay.samples import COLUMNS, MARK, Samples
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library

ALL = Library().names("assays")
READINGS = 10_000


def per_batch(assay):
    """How many readings share a batch when all are of one day, or fill plates."""
    from gvlab.assay import elisa, qpcr, seahorse

    sizes = {"elisa": elisa, "qpcr": qpcr, "mito_stress": seahorse, "glycolysis_stress": seahorse}
    module = sizes.get(assay.parameters.record.method)
    return module.samples_per_plate(assay.parameters) if module else 1


def many(assay):
    """10,000 readings with as many batches as the assay can have; a destructive one loses its rule for that."""
    record = assay.parameters.record
    if record.batch == "day" and record.destructive:
        free = record.model_copy(update={"destructive": False})
        assay = Assay(type(assay.parameters)(free, assay.parameters.numbers, assay.parameters.own), assay.cited)
    return assay, alike(assay, READINGS)


@pytest.mark.parametrize("name", ALL)
def test_mean_and_variance_are_recovered_from_ten_thousand_readings(name, rng):
    assay, samples = many(Assay.named(name))
    expected = assay.moments(samples)
    table = assay.read(samples, rng, raw=False).table
    assert expected
    for analyte, (mean, variance) in expected.items():
        rows = table[table["analyte"] == analyte]
        value = rows["value"].to_numpy()
        assert len(value) == READINGS
        assert not rows["below_lloq"].mean() > 0.01
        # Readings of a plate share its error, so plates are what is counted.
        size = per_batch(assay)
        plates = value[: len(value) // size * size].reshape(-1, size).mean(axis=1)
        standard_error = plates.std(ddof=1) / np.sqrt(len(plates))
        tolerance = 4.0 * standard_error + (0.01 * mean[0] if assay.parameters.record.method == "elisa" else 0.0)
        assert abs(value.mean() - mean[0]) < tolerance, analyte
        assert value.var() == pytest.approx(variance[0], rel=0.08 if size == 1 else 0.2), analyte


@pytest.mark.parametrize("name", ALL)
def test_readings_are_a_long_table_with_units_and_no_row_for_the_dead(name, rng):
    assay = Assay.named(name)
    samples = spread(6, (5.0,), assay.outputs)
    values = {key: np.where(np.arange(6)[:, None] == 2, np.nan, value) for key, value in samples.values.items()}
    table = assay.read(Samples(values, samples.subjects, samples.arms, samples.times), rng).table
    assert tuple(table.columns) == COLUMNS
    assert set(table["subject"]) == {"m0", "m1", "m3", "m4", "m5"}
    assert len(table) == 5 * len(assay.analytes)
    assert all(assay.unit(row.analyte) == row.unit for row in table.itertuples())


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_readings(name):
    assay = Assay.named(name)
    samples = spread(4, (5.0,), assay.outputs)
    first, second = (assay.read(samples, np.random.default_rng(7)).table for _ in range(2))
    assert first.equals(second)


@pytest.mark.parametrize("name", ALL)
def test_every_raw_file_says_that_it_is_simulated(name, rng, tmp_path):
    assay = Assay.named(name)
    readings = assay.read(spread(4, (5.0,), assay.outputs), rng)
    paths = readings.write(tmp_path)
    assert {path.name for path in paths} >= set(readings.table["raw_file"]) - {""}
    for path in paths:
        if path.suffix == ".xlsx":
            import openpyxl

            assert MARK in openpyxl.load_workbook(path).sheetnames
        else:
            assert MARK.encode() in path.read_bytes()


@pytest.mark.parametrize("name", [name for name in ALL if Library().read("assays", name).destructive])
def test_a_destructive_assay_reads_a_subject_once(name, rng):
    assay = Assay.named(name)
    samples = spread(6, (5.0, 12.0), assay.outputs)
    with pytest.raises(InvalidValueError, match=r'"m0" is to be read more than once.*one_time_each'):
        assay.read(samples, rng)
    once = samples.one_time_each(rng)
    table = assay.read(once, rng, raw=False).table.drop_duplicates(["subject", "time"])
    assert sorted(table["subject"]) == sorted(samples.subjects)
    counts = table.groupby(["arm", "time"]).size()
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", ALL)
def test_every_output_is_a_symbol_of_the_model(name):
    from gvlab.model.model import Model

    assert set(Assay.named(name).outputs) <= set(Model.default().symbols)


def test_a_missing_output_is_named(rng):
    assay = Assay.named(ALL[0])
    with pytest.raises(UnknownNameError, match="There is no output named"):
        assay.read(Samples({}, ["m0"], ["arm"], np.zeros(1)), rng)


def test_an_assay_that_is_not_there_is_answered_with_the_closest():
    with pytest.raises(UnknownNameError, match='Did you mean "bioluminescence"'):
        Assay.named("bioluminescense")


def test_a_formula_is_arithmetic_and_nothing_else():
    assert observable.evaluate("2 * a ** 2 - exp(0) / (b + 1)", {"a": 3.0, "b": 1.0}) == 17.5
    assert observable.names("a * minimum(b, 2) + a") == ("a", "b")
    for bad in ("__import__('os')", "a.b", "[a]", "a if b else c", "lambda: 1", "a and b", "exp(a, b)", "a +", "'x'"):
        with pytest.raises(InvalidValueError):
            observable.names(bad)
    with pytest.raises(UnknownNameError, match='Did you mean "burden"'):
        observable.evaluate("burdn", {"burden": 1.0})


def test_shapes_that_do_not_fit_are_told_apart():
    with pytest.raises(InvalidValueError, match="have the shape"):
        Samples({"a": np.zeros((2, 3))}, ["m0", "m1"], ["x", "x"], np.zeros(2))
    with pytest.raises(InvalidValueError, match="2 subjects and 1 arms"):
        Samples({}, ["m0", "m1"], ["x"], np.zeros(2))
    with pytest.raises(InvalidValueError, match="sampling time is missing"):
        Samples({}, ["m0"], ["x"], np.array([np.nan]))


def test_what_the_truth_is_written_for_is_what_assays_need():
    assert {name for assay in ALL for name in Assay.named(assay).outputs} == set(TRUTH)


@pytest.mark.parametrize("name", [name for name in ALL if Library().read("assays", name).needs is not None])
def test_a_sample_that_holds_less_than_the_assay_needs_is_not_read(name, rng):
    assay = Assay.named(name)
    needed = assay.parameters.number(assay.parameters.record.needs.at_least)
    (output,) = observable.names(assay.parameters.record.needs.formula)
    samples = spread(4, (5.0,), assay.outputs)
    held = {**samples.values, output: np.array([[0.0], [0.99 * needed], [needed], [1e3 * needed]])}
    table = assay.read(Samples(held, samples.subjects, samples.arms, samples.times), rng).table
    assert set(table["subject"]) == {"m2", "m3"}
