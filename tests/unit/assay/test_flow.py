"""Events are what the readings say they are: fractions, medians, compensation; and files that others read."""

import dataclasses

import fcsparser
import flowio
import flowkit
import numpy as np
import pytest
import scipy.optimize
from assay_samples import spread

from gvlab.assay import flow, gatingml, transforms
from gvlab.assay.assay import Assay
from gvlab.assay.fcs import FlowFile, write_fcs
from gvlab.assay.flow_events import TubeContent, acquire, spillover_matrix
from gvlab.assay.gating import (
    BooleanGate,
    Dimension,
    EllipsoidGate,
    PolygonGate,
    RectangleGate,
    Strategy,
    compensate,
)
from gvlab.assay.readers.fcs import read_fcs
from gvlab.errors import InvalidValueError, UnknownNameError


@pytest.fixture(scope="module")
def assay():
    return Assay.named("cd8_flow")


@pytest.fixture(scope="module")
def tube(assay):
    """200,000 events of four kinds of cells; a quarter of donor CD8 is positive."""
    samples = spread(1, (5.0,), assay.outputs, cd107a_ifng_count=2.5e5, cd8_total=1e6, PD1_cd8=3.0)
    sampled = assay.sample(samples)
    medians = flow._medians(sampled)[0]
    counts = np.array([20_000, 60_000, 40_000, 80_000])
    return acquire(assay.parameters, TubeContent(counts, medians, np.ones(medians.shape[1])), np.random.default_rng(5))


def test_a_known_gate_fraction_is_recovered_within_counting_error(assay, tube):
    statistics = flow.read_statistics(
        assay.parameters.record.statistics, flow.record_strategy(assay.parameters.record), tube
    )
    masks = flow.record_strategy(assay.parameters.record).apply(tube)
    counted = masks["donor_cd8"].sum()
    assert 0.85 * 80_000 < counted < 80_000
    standard_error = 100 * np.sqrt(0.25 * 0.75 / counted)
    assert statistics["cd107a_ifng_percent"] == pytest.approx(25.0, abs=3 * standard_error)


def test_medians_are_those_of_the_cells_plus_autofluorescence(assay, tube):
    statistics = flow.read_statistics(
        assay.parameters.record.statistics, flow.record_strategy(assay.parameters.record), tube
    )
    assert statistics["bcl2_median"] == pytest.approx(1.5 * 1800 + 40, rel=0.02)
    assert statistics["pd1_median"] == pytest.approx(3.0 * 900 + 50, rel=0.02)


def test_readings_with_and_without_events_follow_one_law(assay, rng):
    """Means over 24 tubes with events agree with the law that 400 tubes without events are drawn from."""
    samples = spread(24, (5.0,), assay.outputs, burden=1e5, normal_hematopoiesis=1e-3)
    few = assay.read(samples, rng, raw=True).table
    many = assay.read(spread(400, (5.0,), assay.outputs, burden=1e5, normal_hematopoiesis=1e-3), rng, raw=False).table
    for analyte in assay.analytes:
        one, other = (table.loc[table["analyte"] == analyte, "value"] for table in (few, many))
        # All tubes are of one day here, whose factor is common to medians; percentages have none.
        slack = 0.0 if analyte.endswith("percent") else 0.25 * other.mean()
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        assert abs(one.mean() - other.mean()) < 4 * error + slack, analyte
        assert one.std() < 2.5 * other.std()


def test_compensation_undoes_spillover(assay):
    record = assay.parameters.record
    matrix = spillover_matrix(record)
    dyes = np.random.default_rng(0).lognormal(7, 1, (500, len(matrix)))
    names = tuple(channel.name for channel in record.channels if channel.kind == "fluorescence")
    file = FlowFile((dyes @ matrix).astype(np.float64), names, ("",) * len(names), (names, matrix))
    assert compensate(file, *file.spillover) == pytest.approx(dyes, rel=1e-9)


def test_doublets_and_dead_cells_are_there_and_gated_out(assay, tube):
    masks = flow.record_strategy(assay.parameters.record).apply(tube)
    doublets = 1 - masks["singlets"].mean()
    dead = 1 - masks["live"].sum() / masks["singlets"].sum()
    number = assay.parameters.number
    assert doublets == pytest.approx(number("f_doublets") / 2, rel=0.25)
    assert dead == pytest.approx(number("f_dead"), rel=0.1)


def test_the_file_reads_identically_in_flowio(tube, tmp_path):
    path = tmp_path / "tube.fcs"
    write_fcs(path, tube)
    read = flowio.FlowData(str(path))
    assert np.array_equal(np.asarray(read.as_array(preprocess=False), dtype=np.float32), tube.events)
    assert np.array_equal(np.asarray(read.as_array(), dtype=np.float32), tube.events)
    assert tuple(read.pnn_labels) == tube.channels
    assert tuple(read.pns_labels) == tube.markers
    assert "simulated by GVLab" in read.text["com"]
    ours = read_fcs(path)
    assert ours.simulated
    assert np.array_equal(ours.events.astype(np.float32), tube.events)
    assert ours.spillover is not None
    assert ours.spillover[0] == tube.spillover[0]
    assert ours.spillover[1] == pytest.approx(tube.spillover[1])


def test_the_file_is_read_by_flowkit_with_its_compensation(tube, tmp_path):
    path = tmp_path / "tube.fcs"
    tube = dataclasses.replace(tube, events=tube.events[:5_000])
    write_fcs(path, tube)
    sample = flowkit.Sample(str(path))
    assert sample.event_count == len(tube.events)
    assert np.array_equal(sample.get_events(source="raw").astype(np.float32), tube.events)
    names, matrix = tube.spillover
    sample.apply_compensation(flowkit.Matrix(matrix, list(names)))
    theirs = sample.get_events(source="comp")
    assert compensate(tube, names, matrix) == pytest.approx(theirs, rel=1e-5, abs=0.05)


def strategy():
    """Every shape and scale, on real events."""
    cd8, bcl2 = Dimension("FITC-A", "FCS", "logicle"), Dimension("APC-A", "FCS", "asinh")
    return Strategy(
        (
            RectangleGate("bright", (cd8, bcl2), (0.6, 0.3), (np.inf, 0.9)),
            PolygonGate("corner", (cd8, bcl2), ((0.2, 0.1), (0.9, 0.2), (0.7, 0.9), (0.3, 0.7))),
            EllipsoidGate("egg", (cd8, bcl2), (0.7, 0.5), ((0.02, 0.004), (0.004, 0.01)), 2.0, "corner"),
            RectangleGate("big", (Dimension("FSC-A", "uncompensated"),), (50_000.0,), (np.inf,)),
            BooleanGate("both", "and", ("egg", "-big")),
        ),
        transforms={
            "logicle": transforms.Logicle(262144.0, 0.5, 4.5, 0.0),
            "asinh": transforms.Asinh(262144.0, 4.0, 1.0),
        },
    )


def test_a_strategy_selects_the_events_that_flowkit_selects(tube, tmp_path):
    path = tmp_path / "tube.fcs"
    write_fcs(path, tube)
    xml = tmp_path / "gates.xml"
    xml.write_text(gatingml.encode(strategy()), encoding="utf-8")
    theirs = flowkit.parse_gating_xml(str(xml)).gate_sample(flowkit.Sample(str(path)))
    masks = strategy().apply(read_fcs(path))
    for name, mask in masks.items():
        assert 0 < mask.sum() < len(mask), name
        differing = np.count_nonzero(mask != theirs.get_gate_membership(name))
        # Compensation in single and double precision rounds an event on the border to either side.
        assert differing <= 2, name


def test_a_strategy_written_and_read_selects_the_same_events(tube):
    read = gatingml.decode(gatingml.encode(strategy()))
    for name, mask in strategy().apply(tube).items():
        assert np.array_equal(read.apply(tube)[name], mask)


def test_the_strategy_of_the_assay_survives_its_file(assay, tube):
    own = flow.record_strategy(assay.parameters.record)
    read = gatingml.decode(gatingml.encode(own))
    for name, mask in own.apply(tube).items():
        assert np.array_equal(read.apply(tube)[name], mask)


QUADRANT = """<?xml version="1.0"?>
<gating:Gating-ML xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating"
  xmlns:data-type="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes">
  <gating:QuadrantGate gating:id="quadrants">
    <gating:divider gating:id="x" gating:compensation-ref="uncompensated">
      <data-type:fcs-dimension data-type:name="FITC-A"/><gating:value>2000</gating:value></gating:divider>
    <gating:divider gating:id="y" gating:compensation-ref="uncompensated">
      <data-type:fcs-dimension data-type:name="PE-A"/><gating:value>1500</gating:value></gating:divider>
    <gating:Quadrant gating:id="++"><gating:position gating:divider_ref="x" gating:location="9e9"/>
      <gating:position gating:divider_ref="y" gating:location="9e9"/></gating:Quadrant>
    <gating:Quadrant gating:id="--"><gating:position gating:divider_ref="x" gating:location="0"/>
      <gating:position gating:divider_ref="y" gating:location="0"/></gating:Quadrant>
  </gating:QuadrantGate>
</gating:Gating-ML>
"""


def test_quadrants_of_other_programs_are_read(tube):
    masks = gatingml.decode(QUADRANT).apply(tube)
    x, y = tube.events[:, tube.column("FITC-A")], tube.events[:, tube.column("PE-A")]
    assert np.array_equal(masks["++"], (x >= 2000) & (y >= 1500))
    assert np.array_equal(masks["--"], (x < 2000) & (y < 1500))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a", "is not XML"),
        ("<Workspace/>", "is not Gating-ML 2.0"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a/>', "declares a document type"),
        (QUADRANT.replace("QuadrantGate", "HexagonGate"), "which is not known here"),
        (QUADRANT.replace(">2000<", ">two<"), "damaged number"),
        (QUADRANT.replace('gating:divider_ref="x"', 'gating:divider_ref="z"'), "lacks a part"),
    ],
)
def test_gates_that_cannot_be_read_are_refused(text, words):
    with pytest.raises(InvalidValueError, match=words):
        gatingml.decode(text, "gates.xml")


def test_gates_that_do_not_fit_are_refused(tube):
    axis = (Dimension("FITC-A", "uncompensated"),)
    with pytest.raises(UnknownNameError, match='no gate named "parent"'):
        Strategy((RectangleGate("a", axis, (0.0,), (1.0,), "parent"),))
    with pytest.raises(InvalidValueError, match="each other's parents"):
        Strategy((RectangleGate("a", axis, (0.0,), (1.0,), "b"), RectangleGate("b", axis, (0.0,), (1.0,), "a"))).apply(
            tube
        )
    with pytest.raises(UnknownNameError, match=r'no channel or marker named "FITC"\. Did you mean'):
        Strategy((RectangleGate("a", (Dimension("FITC"),), (0.0,), (1.0,)),)).apply(tube)
    with pytest.raises(UnknownNameError, match='no compensation matrix named "mine"'):
        Strategy((RectangleGate("a", (Dimension("FITC-A", "mine"),), (0.0,), (1.0,)),)).apply(tube)


def test_a_file_without_a_matrix_is_not_compensated_as_gatingml_has_it(tube):
    bare = FlowFile(tube.events, tube.channels, tube.markers)
    mask = Strategy((RectangleGate("a", (Dimension("FITC-A"),), (2000.0,), (np.inf,)),)).apply(bare)["a"]
    assert np.array_equal(mask, tube.events[:, tube.column("FITC-A")] >= 2000)


def test_a_channel_is_found_by_its_marker(tube):
    assert tube.column("cd8") == tube.column("FITC-A")


def small():
    events = np.arange(12, dtype=np.float32).reshape(4, 3) + 0.5
    return FlowFile(events, ("FSC-A", "B|1-A", "Time"), ("", "CD8 | a", ""), keywords={"$SRC": "mouse 1"})


def test_delimiters_in_names_survive(tmp_path):
    path = tmp_path / "a.fcs"
    write_fcs(path, small())
    read = read_fcs(path)
    assert read.channels == ("FSC-A", "B|1-A", "Time")
    assert read.markers[1] == "CD8 | a"
    assert read.keywords["$SRC"] == "mouse 1"
    assert tuple(flowio.FlowData(str(path)).pnn_labels) == read.channels


def damaged(tmp_path, change):
    path = tmp_path / "bad.fcs"
    write_fcs(path, small())
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[: len(content) // 4], "is cut off"),
        (lambda content: content[:-20], "is cut off"),
        (lambda content: content[:30], "is damaged|is cut off"),
        (lambda content: b"PK\x03\x04" + content[4:], "is not an FCS file"),
        (lambda content: b"", "is not an FCS file"),
        (lambda content: content.replace(b"1,2,3,4", b"4,2,3,1"), "is no byte order"),
        (lambda content: content.replace(b"1,2,3,4", b"4,3,2,1"), "byte order in the file, 4,3,2,1, is probably wrong"),
        (lambda content: content.replace(b"$PAR/3", b"$PAR/x"), "missing or not a number"),
    ],
)
def test_a_damaged_fcs_file_is_told_what_is_wrong(tmp_path, change, words):
    with pytest.raises(InvalidValueError, match=words):
        read_fcs(damaged(tmp_path, change))


def test_names_that_fcs_cannot_hold_are_refused(tmp_path):
    file, path = small(), tmp_path / "a.fcs"
    for channels, markers, words in (
        (("a,b", "c", "d"), file.markers, "comma"),
        (("a", "a", "d"), file.markers, "stands twice"),
        (("a", "b"), ("", ""), "do not fit"),
        (("a/", "b", "c"), file.markers, 'begins or ends with "/"'),
        (("a\nb", "b", "c"), file.markers, "control character"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            write_fcs(path, FlowFile(file.events, channels, markers))
        assert not path.exists()


def test_fcsparser_reads_what_is_written(tube, tmp_path):
    path = tmp_path / "tube.fcs"
    tube = dataclasses.replace(tube, events=tube.events[:2_000], keywords={"$SRC": "B6/BALB 1", "GVLAB ARM": "a | b"})
    write_fcs(path, tube)
    keywords, events = fcsparser.parse(path)
    assert np.array_equal(events.to_numpy(dtype=np.float32), tube.events)
    assert tuple(events.columns) == tube.channels
    assert "simulated by GVLab" in keywords["$COM"]
    assert keywords["$SRC"] == "B6/BALB 1"
    assert keywords["GVLAB ARM"] == "a | b"
    assert {keywords[f"$P{number}E"] for number in range(1, len(tube.channels) + 1)} == {"0,0"}
    assert [keywords.get(f"$P{n}S", "") for n in range(1, len(tube.channels) + 1)] == list(tube.markers)
    names, matrix = tube.spillover
    assert keywords["$SPILLOVER"].split(",")[1 : 1 + len(names)] == list(names)
    assert np.array(keywords["$SPILLOVER"].split(",")[1 + len(names) :], dtype=float) == pytest.approx(matrix.ravel())


def test_offsets_beyond_the_header_stand_in_the_text(tmp_path):
    """FlowIO writes 0 into the header of files over 100 MB; here of a small one, by hand."""
    path = tmp_path / "large.fcs"
    write_fcs(path, small())
    content = path.read_bytes()
    path.write_bytes(content[:26] + b"       0       0" + content[42:])
    assert np.array_equal(read_fcs(path).events, small().events)


@pytest.mark.parametrize("numbers", [(262144.0, 0.5, 4.5, 0.0), (1e4, 1.0, 4.0, 0.5), (262144.0, 1.5, 5.0, 1.0)])
def test_logicle_and_hyperlog_are_the_roots_of_their_equations(numbers):
    """The scale of a signal, put into the biexponential of the specification, gives the signal back."""
    top, width, decades, negative = numbers
    signal = np.array([0.0, 0.5, 10.0, 1e3, 0.9 * top])
    total = decades + negative
    w, x2 = width / total, negative / total
    x1, x0, b = x2 + w, x2 + 2 * w, total * np.log(10.0)
    y = transforms.Logicle(*numbers).apply(signal)
    d = scipy.optimize.brentq(lambda d: 2 * np.log(d / b) + w * (b + d), 1e-9, b, xtol=1e-15)
    c = np.exp(x0 * (b + d))
    f = c * np.exp(-d * x1) - np.exp(b * x1)
    a = top / (np.exp(b) - c * np.exp(-d) + f)
    assert a * (np.exp(b * y) - c * np.exp(-d * y) + f) == pytest.approx(signal, rel=1e-9, abs=1e-9)
    y = transforms.Hyperlog(*numbers).apply(signal)
    c = np.exp(b * x0) / w
    f = np.exp(b * x1) + c * x1
    assert top * (np.exp(b * y) + c * y - f) / (np.exp(b) + c - f) == pytest.approx(signal, rel=1e-9, abs=1e-9)
    for scale in (transforms.Logicle(*numbers), transforms.Hyperlog(*numbers)):
        assert scale.apply(-signal) == pytest.approx(2 * x1 - scale.apply(signal), abs=1e-12)


def test_no_number_stays_no_number_on_every_scale():
    for scale in (transforms.Logicle(1e4, 0.5, 4.5), transforms.Hyperlog(1e4, 0.5, 4.5), transforms.Linear(1e4)):
        assert np.isnan(scale.apply(np.array([np.nan, 1.0]))).tolist() == [True, False]


def test_logicle_equals_flowkit():
    signal = np.array([-5e4, -1e3, -1.0, 0.0, 0.5, 10.0, 1e3, 1e5, 262144.0, 1e6])
    for numbers in ((262144.0, 0.5, 4.5, 0.0), (1e4, 1.0, 4.0, 0.5)):
        theirs = flowkit.transforms.LogicleTransform(*numbers).apply(signal)
        inside = signal <= numbers[0]
        assert transforms.Logicle(*numbers).apply(signal)[inside] == pytest.approx(theirs[inside], abs=1e-9)
    with pytest.raises(InvalidValueError, match="A logicle scale needs"):
        transforms.Logicle(262144.0, 5.0, 4.5)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ('<g:PolygonGate g:id="p">{x}{v}{v}{v}</g:PolygonGate>', 'the polygon "p" has 1 axes and 3 corners'),
        ('<g:PolygonGate g:id="p">{x}{x}{v}{v}</g:PolygonGate>', 'the polygon "p" has 2 axes and 2 corners'),
        ('<g:RectangleGate g:id="r"/>', 'the gate "r" has no axis'),
        ('<g:BooleanGate g:id="b"><g:and/></g:BooleanGate>', 'the gate "b" combines no gates'),
        (
            '<g:EllipsoidGate g:id="e">{x}{x}<g:mean>{c}{c}</g:mean><g:covarianceMatrix><g:row>{e}{e}</g:row>'
            '<g:row>{e}{e}</g:row></g:covarianceMatrix><g:distanceSquare d:value="1"/></g:EllipsoidGate>',
            "the covariance must have an inverse",
        ),
    ],
)
def test_a_gate_that_is_no_region_is_refused_when_it_is_read(part, words):
    parts = {
        "x": '<g:dimension g:compensation-ref="uncompensated"><d:fcs-dimension d:name="PE-A"/></g:dimension>',
        "v": '<g:vertex><g:coordinate d:value="1"/><g:coordinate d:value="2"/></g:vertex>',
        "c": '<g:coordinate d:value="1"/>',
        "e": '<g:entry d:value="1"/>',
    }
    base = "http://www.isac-net.org/std/Gating-ML/v2.0/"
    text = f'<g:Gating-ML xmlns:g="{base}gating" xmlns:d="{base}datatypes">{part.format(**parts)}</g:Gating-ML>'
    with pytest.raises(InvalidValueError, match=words):
        gatingml.decode(text)


@pytest.mark.parametrize("far", [1e4, 1e160, np.finfo(np.float64).max])
def test_a_polygon_with_far_corners_is_an_open_region(far):
    """Above the line y = x to the left of 0, by corners as far as there are numbers."""
    axes = (Dimension("x"), Dimension("y"))
    gate = PolygonGate("open", axes, ((-far, -far), (0.0, 0.0), (0.0, far), (-far, far)))
    points = np.array([[-5.0, -4.0], [-5.0, -6.0], [-5.0, 300.0], [5.0, 300.0], [-0.5, -0.25], [-0.25, -0.5]])
    assert gate.contains(points).tolist() == [True, False, True, False, True, False]
