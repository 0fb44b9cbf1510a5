"""ELISA and the stress tests recover the truth from their raw data; the curve is fitted as SciPy fits it."""

from dataclasses import replace

import numpy as np
import pytest
from assay_samples import spread
from scipy.optimize import curve_fit

from gvlab.assay import analyze, elisa, logistic, qpcr, seahorse
from gvlab.assay.assay import Assay
from gvlab.assay.samples import Samples
from gvlab.errors import InvalidValueError
from gvlab.library import Library

TRUTHS = 1_000


def random_truths(assay, rng, **ranges):
    values = dict(spread(TRUTHS, (5.0,), assay.outputs).values)
    for name, (low, high) in ranges.items():
        values[name] = np.exp(rng.uniform(np.log(low), np.log(high), (TRUTHS, 1)))
    return Samples(values, [f"m{number}" for number in range(TRUTHS)], ["arm"] * TRUTHS, np.array([5.0]))


def distances(assay, samples, rng):
    """Deviations from the truth in standard deviations of the error model, by analyte."""
    expected = assay.moments(samples)
    table = assay.read(samples, rng).table
    for analyte, (mean, variance) in expected.items():
        rows = table[table["analyte"] == analyte]
        inside = ~(rows["below_lloq"] | rows["above_uloq"]).to_numpy()
        yield analyte, ((rows["value"].to_numpy() - mean) / np.sqrt(variance))[inside]


def test_an_elisa_recovers_a_thousand_concentrations_within_its_error(rng):
    assay = Assay.named("serum_il15")
    samples = random_truths(assay, rng, IL15_serum=(10.0, 350.0))
    ((_, distance),) = distances(assay, samples, rng)
    assert len(distance) > 950
    assert np.mean(np.abs(distance) < 2.0) > 0.93
    assert np.abs(distance).max() < 6.0
    assert abs(distance.mean()) < 0.3
    # Neither more nor less than what is stated; a few dozen plates and their batches leave a tenth open.
    assert 0.8 < distance.std() < 1.25


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_a_stress_test_recovers_a_thousand_truths_within_its_error(name, rng):
    assay = Assay.named(name)
    samples = random_truths(assay, rng, SRC_cd8=(0.5, 4.0), glycolytic_capacity_cd8=(0.8, 3.0))
    for analyte, distance in distances(assay, samples, rng):
        assert np.mean(np.abs(distance) < 2.0) > 0.92, analyte
        assert np.abs(distance).max() < 6.0, analyte
        assert abs(distance.mean()) < 0.35, analyte
        assert 0.8 < distance.std() < 1.25, analyte


def test_readings_beyond_the_standards_are_censored(rng):
    assay = Assay.named("serum_il15")
    values = {"IL15_serum": np.array([[0.5], [60.0], [5_000.0]])}
    table = assay.read(Samples(values, ["low", "mid", "high"], ["arm"] * 3, np.zeros(1)), rng).table
    assert list(table["below_lloq"]) == [True, False, False]
    assert list(table["above_uloq"]) == [False, False, True]
    assert table["value"].iloc[0] == pytest.approx(500 / 64)
    assert table["value"].iloc[2] == 500.0


def test_a_plate_has_seven_two_fold_standards_and_a_blank_in_duplicate():
    parameters = Assay.named("serum_il15").parameters
    levels = [500, 500, 250, 250, 125, 125, 62.5, 62.5, 31.25, 31.25, 15.625, 15.625, 7.8125, 7.8125, 0, 0]
    assert elisa.standards(parameters).tolist() == levels
    assert elisa.samples_per_plate(parameters) == (96 - 16) // 2
    assert elisa.limits(parameters) == (7.8125, 500.0)


def test_a_reading_at_a_limit_is_a_reading(monkeypatch, rng):
    """Below the lowest standard, at it, at the highest, above it, and one well of two beyond the curve."""
    parameters = Assay.named("serum_il15").parameters
    wells = np.array([[7.0, 8.0], [7.8125, 7.8125], [400.0, 600.0], [500.0, 500.5], [100.0, np.inf]])
    monkeypatch.setattr(elisa.logistic, "inverse", lambda *_: wells)
    levels = elisa.standards(parameters)
    density = logistic.curve(np.array([0.06, 3.2, np.log(250.0), np.log(1.2)]), levels)[None]
    reading = elisa.read_plates(parameters, levels, density, wells, np.zeros(5, dtype=np.intp))
    assert reading.value.tolist() == [7.8125, 7.8125, 500.0, 500.0, 500.0]
    assert reading.below.tolist() == [True, False, False, False, False]
    assert reading.above.tolist() == [False, False, False, True, True]


def test_the_wells_of_a_flux_plate_are_all_but_its_corners():
    assert len(seahorse.SAMPLE_WELLS) == len(set(seahorse.SAMPLE_WELLS)) == 92
    assert (seahorse.SAMPLE_WELLS[:2], seahorse.SAMPLE_WELLS[-1]) == (("A02", "A03"), "H11")
    assert {well[1:] for well in seahorse.SAMPLE_WELLS} == {f"{column:02d}" for column in range(1, 13)}


def test_samples_that_do_not_fit_on_a_plate_stand_on_the_next(rng):
    """18 samples of five wells fill a plate: the 19th and 20th stand on a second one, under their own names."""
    assay = Assay.named("seahorse_mito")
    files = assay.read(spread(20, (5.0,), assay.outputs), rng).files
    groups = [dict.fromkeys(file.write_to.keywords["traces"].group) for file in files]
    assert [len(each) - 1 for each in groups] == [18, 2]  # beside the background
    traces = files[1].write_to.keywords["traces"]
    assert traces.well == (*seahorse.SAMPLE_WELLS[:10], *seahorse.BACKGROUND_WELLS)
    assert (traces.oxygen[:10] != 0).all()
    assert not traces.oxygen[10:].any()
    minutes = assay.parameters.number("minutes_cycle")
    assert traces.minute.tolist() == pytest.approx([minutes * (cycle + 0.5) for cycle in range(12)])


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_the_moments_of_a_stress_test_are_those_of_many_simulated_ones(name, rng):
    """20,000 samples of one truth on plates of their own: mean and variance of each parameter, noise of rates large."""
    assay = Assay.named(name)
    numbers = {**assay.parameters.numbers, "sd_oxygen": 6.0, "sd_acid": 3.0, "cv_batch": 0.0, "cv_well": 0.01}
    assay = replace(assay, parameters=replace(assay.parameters, numbers=numbers))
    samples = spread(20_000, (5.0,), assay.outputs)
    table = assay.read(samples, rng, raw=False).table
    for analyte, (mean, variance) in assay.moments(samples).items():
        values = table.loc[table["analyte"] == analyte, "value"].to_numpy()
        error = np.sqrt(variance[0] / len(values))
        assert values.mean() == pytest.approx(mean[0], abs=5 * error), analyte
        assert values.var() == pytest.approx(variance[0], rel=0.06), analyte


def test_the_curve_is_fitted_as_scipy_fits_it(rng):
    levels = np.repeat(np.append(500 / 2.0 ** np.arange(7), 0.0), 2)
    truth = np.array([0.06, 3.2, np.log(250.0), np.log(1.2)])
    cv, sd = 0.04, 0.01
    density = logistic.curve(truth, levels)
    density = density * (1 + cv * rng.standard_normal(16)) + sd * rng.standard_normal(16)
    ours = logistic.fit(levels, density, cv, sd)[0]
    means = np.repeat(density.reshape(-1, 2).mean(axis=1), 2)

    def formula(x, bottom, top, log_c, log_hill):
        return logistic.curve(np.array([bottom, top, log_c, log_hill]), x)

    theirs, _ = curve_fit(formula, levels, density, p0=truth, sigma=np.sqrt((cv * means) ** 2 + sd**2), xtol=1e-12)
    assert logistic.curve(ours, levels) == pytest.approx(logistic.curve(theirs, levels), rel=1e-4)


def test_a_plate_is_fitted_the_same_alone_and_among_others(rng):
    levels = np.repeat(np.append(500 / 2.0 ** np.arange(7), 0.0), 2)
    exact = logistic.curve(np.array([0.06, 3.2, np.log(250.0), np.log(1.2)]), levels)
    density = exact * (1 + 0.04 * rng.standard_normal((20, 16)))
    together = logistic.fit(levels, density, 0.04, 0.01)
    for number in (0, 7, 19):
        assert logistic.fit(levels, density[number], 0.04, 0.01)[0] == pytest.approx(together[number], rel=1e-9)


def test_the_gradient_is_the_derivative_of_the_curve():
    parameters = np.array([0.06, 3.2, np.log(250.0), np.log(1.2)])
    concentration = np.array([0.0, 5.0, 80.0, 500.0])
    for number in range(4):
        step = np.zeros(4)
        step[number] = 1e-6
        numeric = (
            logistic.curve(parameters + step, concentration) - logistic.curve(parameters - step, concentration)
        ) / 2e-6
        assert logistic.gradient(parameters, concentration)[..., number] == pytest.approx(numeric, abs=1e-7)


def test_the_inverse_undoes_the_curve():
    parameters = np.array([0.06, 3.2, np.log(250.0), np.log(1.2)])
    concentration = np.array([3.0, 80.0, 5e3])
    assert logistic.inverse(parameters, logistic.curve(parameters, concentration)) == pytest.approx(concentration)
    assert logistic.inverse(parameters, np.array([0.05, 3.3])) == pytest.approx([0.0, np.inf])


def test_standards_that_do_not_rise_are_refused():
    levels = np.repeat(np.append(500 / 2.0 ** np.arange(7), 0.0), 2)
    with pytest.raises(InvalidValueError, match="do not change with concentration"):
        logistic.fit(levels, np.full(16, 0.1), 0.04, 0.01)
    with pytest.raises(InvalidValueError, match="at least five concentrations"):
        logistic.fit(np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.5, 1.0]), 0.04, 0.01)


def test_mito_parameters_are_those_of_the_report():
    """A trace whose parameters can be read off by eye: last before, lowest or highest after."""
    trace = np.array([30.0, 28.0, 25.0, 12.0, 10.0, 11.0, 50.0, 61.0, 55.0, 6.0, 5.0, 7.0])
    phase = np.repeat(np.arange(4), 3)
    order = {"oligomycin": 1, "FCCP": 2, "rotenone + antimycin A": 3}
    found = seahorse.mito_parameters(trace[None], phase, order)
    assert {name: float(value[0]) for name, value in found.items()} == {
        "non_mitochondrial": 5.0,
        "basal": 20.0,
        "proton_leak": 5.0,
        "atp_linked": 15.0,
        "maximal": 56.0,
        "spare": 36.0,
        "spare_percent": 180.0,
        "coupling_efficiency": 75.0,
    }


def test_glycolysis_parameters_are_those_of_the_report():
    trace = np.array([5.0, 4.0, 3.0, 20.0, 23.0, 22.0, 40.0, 44.0, 43.0, 6.0, 5.0, 4.0])
    found = seahorse.glycolysis_parameters(trace[None], np.repeat(np.arange(4), 3), {"glucose": 1, "oligomycin": 2})
    assert {name: float(value[0]) for name, value in found.items()} == {
        "non_glycolytic": 3.0,
        "glycolysis": 20.0,
        "glycolytic_capacity": 41.0,
        "glycolytic_reserve": 21.0,
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Baseline", "Oligomycin 1 uM", "FCCP", "Rot/AA"], {"oligomycin": 1, "FCCP": 2, "rotenone + antimycin A": 3}),
        (["Basal", "Glucose", "Oligo", "2-DG"], {"glucose": 1, "oligomycin": 2, "2-DG": 3}),
        (["Baseline", "2-deoxyglucose"], {"2-DG": 1}),
        (["Baseline", "FCCP", "AM/ROT", "Monensin/Hoechst"], {"FCCP": 1, "rotenone + antimycin A": 2}),
    ],
)
def test_injections_are_recognized_however_they_are_spelled(names, expected):
    spellings = Library.default().read("spellings", "injections").spellings
    assert seahorse.phase_order(names, spellings) == expected


def test_names_of_injections_and_reference_genes_are_those_of_the_library(tmp_path):
    """A laboratory adds its own in a folder of its own, and no line of code."""
    for name, spelling in (("injections", "Etomoxir: [eto]"), ("reference_genes", "Hmbs: [hmbs]")):
        (tmp_path / "spellings").mkdir(exist_ok=True)
        (tmp_path / "spellings" / f"{name}.yaml").write_text(
            f"name: {name}\ntitle: Ours\nverification: assumed\nnote: ours\nspellings:\n  {spelling}\n"
        )
    library = Library(tmp_path)
    found = seahorse.phase_order(["Basal", "Eto"], library.read("spellings", "injections").spellings)
    assert found == {"Etomoxir": 1}
    export = "Well,Sample Name,Target Name,CT\nA1,calibrator,Il15,26\nA2,calibrator,Hmbs,18\n"
    (tmp_path / "cycles.csv").write_text(export)
    assert "ratios" in analyze(tmp_path / "cycles.csv", library=library).tables
    assert "ratios" not in analyze(tmp_path / "cycles.csv").tables


def test_lowest_and_highest_of_three_are_biased_by_the_stated_amount():
    draws = np.random.default_rng(1).standard_normal((400_000, 3)).max(axis=1)
    assert draws.mean() == pytest.approx(0.8463, abs=0.005)
    assert draws.var() == pytest.approx(0.5595, abs=0.005)


def test_wells_that_did_not_cross_the_threshold_are_put_at_no_cycle():
    cycles = np.array([[24.0, 24.2, 41.0], [np.nan, 30.0, 31.0], [41.0, np.nan, 45.0]])
    mean, at_limit = qpcr.mean_cycles(cycles, 40.0)
    assert mean == pytest.approx([24.1, 30.5, 40.0])
    assert at_limit.tolist() == [False, False, True]
