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


def test_limits_and_readings_are_of_the_sample_before_its_dilution():
    """Of a sample diluted by 4 a well of 500 is 2,000, and the lowest standard of 7.8125 is 31.25."""
    assay = with_numbers("serum_il15", dilution=4.0, cv_well=1e-9, sd_well=1e-9, cv_batch=0.0)
    assert elisa.limits(assay.parameters) == (31.25, 2000.0)
    values = {"IL15_serum": np.array([[31.0], [32.0], [1990.0], [2010.0]])}
    samples = Samples(values, ["a", "b", "c", "d"], ["arm"] * 4, np.zeros(1))
    table = assay.read(samples, np.random.default_rng(1)).table
    assert table["value"].tolist() == pytest.approx([31.25, 32, 1990, 2000], rel=1e-5)
    assert table["below_lloq"].tolist() == [True, False, False, False]
    assert table["above_uloq"].tolist() == [False, False, False, True]


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


def with_numbers(name, **numbers):
    assay = Assay.named(name)
    return replace(assay, parameters=replace(assay.parameters, numbers={**assay.parameters.numbers, **numbers}))


def test_moments_of_an_elisa_are_those_of_error_propagation():
    """Standards at the stated error give the covariance of the curve (SciPy); slopes are differences by hand."""
    assay = with_numbers("serum_il15", cv_batch=0.11)
    numbers = assay.parameters.numbers
    curve = np.array([numbers["bottom"], numbers["top"], np.log(numbers["c"]), np.log(numbers["hill"])])
    levels = elisa.standards(assay.parameters)

    def formula(x, *curve):
        return logistic.curve(np.array(curve), x)

    def error(density):
        return np.sqrt((numbers["cv_well"] * density) ** 2 + numbers["sd_well"] ** 2)

    exact = formula(levels, *curve)
    _, covariance = curve_fit(formula, levels, exact, p0=curve, sigma=error(exact), absolute_sigma=True)
    for value in (12.0, 60.0, 200.0, 400.0):
        density = formula(np.array(value / numbers["dilution"]), *curve)

        def log_read(shift, which, density=density):
            by = curve + shift * np.eye(5, 4)[which]
            return np.log(logistic.inverse(by, np.asarray(density + shift * (which == 4))))

        slopes = [(log_read(1e-6, which) - log_read(-1e-6, which)) / 2e-6 for which in range(5)]
        of_wells = (slopes[4] * error(density)) ** 2 / 2  # two wells a sample
        of_curve = slopes[:4] @ covariance @ slopes[:4]
        ((mean, variance),) = assay.moments(spread(1, (5.0,), assay.outputs, IL15_serum=value)).values()
        assert mean[0] == pytest.approx(value)
        assert variance[0] == pytest.approx(value**2 * (of_wells + of_curve + 0.11**2), rel=1e-4)


def test_a_plate_is_read_by_its_own_curve():
    """Plates develop by 0.3 in top and midpoint: without other errors every sample is read right all the same."""
    assay = with_numbers("serum_il15", cv_plate=0.3, cv_well=1e-9, sd_well=1e-9, cv_batch=0.0)
    samples = spread(1200, (5.0,), assay.outputs, IL15_serum=80.0)
    found = assay.read(samples, np.random.default_rng(1))
    assert found.table["value"].to_numpy() == pytest.approx(80.0, rel=1e-5)
    plates = [file.write_to.keywords["plate"] for file in found.files]
    assert len(plates) == 30
    fits = np.array([logistic.fit(plate.concentration[:16], plate.density[:16], 0.04, 0.01)[0] for plate in plates])
    numbers = assay.parameters.numbers
    assert fits[:, 0] == pytest.approx(numbers["bottom"])
    assert fits[:, 3] == pytest.approx(np.log(numbers["hill"]), abs=1e-4)
    for logs, middle in ((np.log(fits[:, 1]), np.log(numbers["top"])), (fits[:, 2], np.log(numbers["c"]))):
        assert logs.mean() == pytest.approx(middle, abs=4 * 0.3 / 30**0.5)
        assert logs.std() == pytest.approx(0.3, rel=0.5)
    assert abs(np.corrcoef(fits[:, 1], fits[:, 2])[0, 1]) < 0.6


def test_a_batch_of_an_elisa_is_a_plate_and_its_samples_share_the_error():
    assay = with_numbers("serum_il15", cv_batch=0.2, cv_well=1e-9, sd_well=1e-9)
    samples = spread(8000, (5.0,), assay.outputs, IL15_serum=80.0)
    values = assay.read(samples, np.random.default_rng(2), raw=False).table["value"].to_numpy().reshape(200, 40)
    assert np.ptp(values, axis=1) / values.mean(axis=1) == pytest.approx(0, abs=1e-5)
    # 200 plates know the mean to 1.4 % and the spread to 5 %.
    assert values[:, 0].mean() == pytest.approx(80, rel=0.05)
    assert values[:, 0].std() == pytest.approx(16, rel=0.2)


def test_densities_of_wells_vary_by_a_part_of_them_and_a_constant():
    assay = with_numbers("serum_il15", cv_well=0.05, sd_well=0.02, cv_plate=0.0, cv_batch=0.0)
    samples = spread(4000, (5.0,), assay.outputs, IL15_serum=80.0)
    files = assay.read(samples, np.random.default_rng(3)).files
    plates = [file.write_to.keywords["plate"] for file in files]
    numbers = assay.parameters.numbers
    curve = np.array([numbers["bottom"], numbers["top"], np.log(numbers["c"]), np.log(numbers["hill"])])
    blanks = np.concatenate([plate.density[14:16] for plate in plates])
    wells = np.concatenate([plate.density[16:] for plate in plates])
    for found, level in ((blanks, 0.0), (wells, 80.0 / numbers["dilution"])):
        exact = float(logistic.curve(curve, np.array(level)))
        spread_of = np.hypot(0.05 * exact, 0.02)
        assert found.mean() == pytest.approx(exact, abs=5 * spread_of / len(found) ** 0.5)
        assert found.std() == pytest.approx(spread_of, rel=5 / (2 * len(found)) ** 0.5)


def test_the_file_of_a_plate_holds_its_wells_and_gives_its_readings_back(tmp_path):
    """41 samples: 40 fill a plate, column by column behind the standards, the last stands on a second one."""
    assay = Assay.named("serum_il15")
    samples = spread(41, (5.0,), assay.outputs, IL15_serum=80.0)
    found = assay.read(samples, np.random.default_rng(4))
    assert [file.name for file in found.files] == ["serum_il15_plate1.csv", "serum_il15_plate2.csv"]
    full, last = (file.write_to.keywords["plate"] for file in found.files)
    assert (len(full.well), len(last.well)) == (96, 18)
    assert full.well[:9] == ("A1", "B1", "C1", "D1", "E1", "F1", "G1", "H1", "A2")
    assert full.well[-1] == "H12"
    assert full.role == ("standard",) * 14 + ("blank",) * 2 + ("sample",) * 80
    assert full.name[:3] == ("500 pg/mL", "500 pg/mL", "250 pg/mL")
    assert full.name[14:16] == ("blank", "blank")
    assert full.name[16] == full.name[17] != full.name[18]
    assert np.isnan(full.concentration[16:]).all()
    assert full.concentration[:16].tolist() == elisa.standards(assay.parameters).tolist()
    found.files[1].write_to(tmp_path / "a.csv")
    written = (tmp_path / "a.csv").read_text().splitlines()
    assert written[1] == "Well,Type,Sample,Concentration (pg/mL),OD"
    assert written[2] == f"A1,standard,500 pg/mL,500,{last.density[0]:.4f}"
    assert written[-1] == f"B3,sample,{last.name[-1]},,{last.density[-1]:.4f}"
    read = analyze(tmp_path / "a.csv")
    assert read.simulated
    dilution = assay.parameters.number("dilution")
    assert read.table["value"].iloc[0] * dilution == pytest.approx(found.table["value"].iloc[40], rel=0.01)


def test_no_samples_are_no_plates():
    """As of a destructive assay whose animals all died before."""
    parameters = Assay.named("serum_il15").parameters
    levels = elisa.standards(parameters)
    none = elisa.read_plates(parameters, levels, np.zeros((0, 16)), np.zeros((0, 2)), np.zeros(0, dtype=np.intp))
    assert (len(none.value), len(none.below), len(none.above)) == (0, 0, 0)


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
    assert (traces.acid[:10] != 0).all()
    assert not traces.oxygen[10:].any()
    assert not traces.acid[10:].any()
    assert traces.group[9:11] == (traces.group[9], "Background")
    assert (traces.oxygen.shape, traces.acid.shape) == ((14, 12), (14, 12))
    minutes = assay.parameters.number("minutes_cycle")
    assert traces.minute.tolist() == pytest.approx([minutes * (cycle + 0.5) for cycle in range(12)])


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_wells_with_more_cells_consume_and_acidify_more_by_one_factor(name):
    """Without errors of a rate: every trace of a well is the true one times its own factor, of mean one."""
    assay = with_numbers(name, sd_oxygen=0.0, sd_acid=0.0, cv_batch=0.15, cv_well=0.3)
    samples = spread(3600, (5.0,), assay.outputs)
    found = assay.read(samples, np.random.default_rng(5))
    plates = [file.write_to.keywords["traces"] for file in found.files]
    assert len(plates) == 200
    still = with_numbers(name, sd_oxygen=0.0, sd_acid=0.0, cv_batch=0.0, cv_well=0.0)
    (file,) = still.read(spread(1, (5.0,), assay.outputs), np.random.default_rng(5)).files
    exact = file.write_to.keywords["traces"]
    factors = np.concatenate([plate.oxygen[:90] / exact.oxygen[0] for plate in plates])
    acid = np.concatenate([plate.acid[:90] / exact.acid[0] for plate in plates])
    np.testing.assert_allclose(factors, acid, rtol=1e-9)
    np.testing.assert_allclose(factors, factors[:, :1].repeat(factors.shape[1], axis=1), rtol=1e-9)
    wells = factors[:, 0].reshape(200, 90)
    # 200 days know their mean to 1.1 % and their spread to 5 %.
    assert wells.mean() == pytest.approx(1.0, abs=0.05)
    assert wells.mean(axis=1).std() == pytest.approx(np.hypot(0.15, 0.3 / 90**0.5), rel=0.2)
    assert (wells / wells.mean(axis=1, keepdims=True)).std() == pytest.approx(0.3, rel=0.06)


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_the_moments_of_a_stress_test_hold_the_spread_of_cells_and_days(name):
    """By the law of total variance: a day of 0.2, and five wells of 0.4 each."""
    assay = with_numbers(name, sd_oxygen=0.0, sd_acid=0.0, cv_batch=0.2, cv_well=0.4)
    part = (1 + 0.2**2) * (1 + 0.4**2 / 5) - 1
    samples = spread(1, (5.0,), assay.outputs)
    plain = seahorse.truth(assay.sample(samples))
    for analyte, (mean, variance) in assay.moments(samples).items():
        assert mean[0] == pytest.approx(plain[analyte][0])
        assert variance[0] == pytest.approx(part * mean[0] ** 2, rel=1e-9)


@pytest.mark.parametrize("name", ["seahorse_mito", "seahorse_glycolysis"])
def test_the_moments_of_a_stress_test_are_those_of_many_simulated_ones(name, rng):
    """20,000 samples of one truth on plates of their own: mean and variance of each parameter, noise of rates large."""
    assay = with_numbers(name, sd_oxygen=6.0, sd_acid=3.0, cv_batch=0.0, cv_well=0.01)
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


def test_parameters_of_injections_that_were_not_made_are_not_computed():
    trace, phase = np.array([25.0, 50.0, 5.0]), np.arange(3)
    found = seahorse.mito_parameters(trace[None], phase, {"FCCP": 1, "rotenone + antimycin A": 2})
    assert set(found) == {"non_mitochondrial", "basal", "maximal", "spare", "spare_percent"}
    found = seahorse.mito_parameters(trace[None], phase, {"oligomycin": 1, "rotenone + antimycin A": 2})
    assert set(found) == {"non_mitochondrial", "basal", "proton_leak", "atp_linked", "coupling_efficiency"}
    assert set(seahorse.glycolysis_parameters(trace[None], phase, {"glucose": 1})) == {"non_glycolytic", "glycolysis"}


def test_a_rate_before_an_injection_is_that_of_the_phase_before_it():
    """FCCP before oligomycin: what oligomycin takes is taken from the last rate after FCCP."""
    trace = np.array([25.0, 60.0, 50.0, 12.0, 5.0])
    order = {"FCCP": 1, "oligomycin": 2, "rotenone + antimycin A": 3}
    found = seahorse.mito_parameters(trace[None], np.array([0, 1, 1, 2, 3]), order)
    assert {name: float(found[name][0]) for name in ("basal", "atp_linked", "maximal")} == {
        "basal": 20.0,
        "atp_linked": 38.0,
        "maximal": 55.0,
    }


def test_a_share_of_no_respiration_is_none_and_no_warning():
    order = {"FCCP": 1, "rotenone + antimycin A": 2}
    found = seahorse.mito_parameters(np.array([[5.0, 5.0, 5.0]]), np.arange(3), order)
    assert np.isnan(found["spare_percent"][0])


def test_an_analyte_that_a_stress_test_does_not_give_is_refused(rng):
    assay = Assay.named("seahorse_glycolysis")
    record = assay.parameters.record
    record = record.model_copy(update={"analytes": (record.analytes[0].model_copy(update={"name": "spare"}),)})
    wrong = replace(assay, parameters=replace(assay.parameters, record=record))
    with pytest.raises(InvalidValueError, match=r'a glycolysis stress does not give "spare"\. It gives non_glycolytic'):
        wrong.read(spread(1, (5.0,), assay.outputs), rng)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["FCCP 1", "FCCP 2", "FCCP 3"], {"FCCP": 1}),  # the first phase is before any injection; one is counted once
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
