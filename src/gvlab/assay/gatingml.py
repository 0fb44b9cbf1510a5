"""Gating-ML 2.0: writes a strategy, and reads those of other programs as far as shapes and scales are known here.

Read: rectangle, polygon, ellipsoid, quadrant and Boolean gates; compensation by the file's or a given matrix; linear,
logarithmic, inverse hyperbolic sine, logicle and hyperlog scales; ratios. A file with anything else is refused, not
half applied.
"""

from __future__ import annotations

import math
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from gvlab.assay.gating import (
    BooleanGate,
    Dimension,
    EllipsoidGate,
    Gate,
    Matrix,
    PolygonGate,
    Ratio,
    RectangleGate,
    Strategy,
)
from gvlab.assay.samples import MARK
from gvlab.assay.transforms import Asinh, Hyperlog, Linear, Log, Logicle, Transform
from gvlab.errors import GVLabWarning, InvalidValueError

_BASE = "http://www.isac-net.org/std/Gating-ML/v2.0/"
_G, _T, _D = (f"{{{_BASE}{part}}}" for part in ("gating", "transformations", "datatypes"))
_SCALES: dict[str, type[Linear] | type[Log] | type[Asinh] | type[Logicle] | type[Hyperlog]] = {
    "flin": Linear,
    "flog": Log,
    "fasinh": Asinh,
    "logicle": Logicle,
    "hyperlog": Hyperlog,
}
_LARGEST = 20_000_000
FLOWJO = (
    "Workspaces of FlowJo hold gates in a format of their own, which is not read. Two ways lead on. Save the "
    "percentages: in FlowJo drag the populations into the Table Editor, save the table as CSV, and give every tube its "
    "mouse and group and every population a name with its unit, such as CD3+ (%); it is then read as readings. Or let "
    'R write the gates: CytoML::gatingset_to_cytobank(CytoML::flowjo_to_gatingset(CytoML::open_flowjo_xml("FILE.wsp"), '
    'name = 1), "gates.xml"), and give gates.xml beside the FCS file.'
)
"""What a reader of a FlowJo workspace is told."""


def encode(strategy: Strategy) -> str:
    """Write a strategy as Gating-ML 2.0.

    Raises
    ------
    InvalidValueError
        If it has a gate or a scale that cannot be written.
    """
    for prefix, space in (("gating", _G), ("transforms", _T), ("data-type", _D)):
        ET.register_namespace(prefix, space[1:-1])
    root = ET.Element(f"{_G}Gating-ML")
    for name, transform in strategy.transforms.items():
        tag = next((tag for tag, kind in _SCALES.items() if isinstance(transform, kind)), None)
        if tag is None:
            raise InvalidValueError(f'The scale "{name}" cannot be written as Gating-ML.')
        inner = ET.SubElement(ET.SubElement(root, f"{_T}transformation", {f"{_T}id": name}), f"{_T}{tag}")
        for key, value in vars(transform).items():
            inner.set(f"{_T}{key}", repr(float(value)))
    for name, ratio in strategy.ratios.items():
        inner = ET.SubElement(ET.SubElement(root, f"{_T}transformation", {f"{_T}id": name}), f"{_T}fratio")
        for key in ("A", "B", "C"):
            inner.set(f"{_T}{key}", repr(float(getattr(ratio, key))))
        for channel in (ratio.numerator, ratio.denominator):
            ET.SubElement(inner, f"{_D}fcs-dimension", {f"{_D}name": channel})
    for name, matrix in strategy.matrices.items():
        spectrum = ET.SubElement(root, f"{_T}spectrumMatrix", {f"{_T}id": name})
        for tag, channels in (("fluorochromes", matrix.dyes), ("detectors", matrix.detectors)):
            part = ET.SubElement(spectrum, f"{_T}{tag}")
            for channel in channels:
                ET.SubElement(part, f"{_D}fcs-dimension", {f"{_D}name": channel})
        for row in matrix.values:
            line = ET.SubElement(spectrum, f"{_T}spectrum")
            for value in row:
                ET.SubElement(line, f"{_T}coefficient", {f"{_T}value": repr(float(value))})
    for gate in strategy.gates:
        _write_gate(root, gate)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- gating strategy of a file {MARK} -->\n{text}\n'


def read_gatingml(path: Path | str) -> Strategy:
    """Read a Gating-ML 2.0 file.

    Raises
    ------
    InvalidValueError
        If it is not Gating-ML 2.0, or has a gate or scale that is not known here.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidValueError(f'"{path.name}" is larger than any gating strategy (over 20 MB).')
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError(f'"{path}" cannot be read as text: {error}.') from error
    return decode(text, path.name)


def decode(text: str, name: str = "the text") -> Strategy:
    """Read Gating-ML text; errors as `read_gatingml`."""
    # Entities can blow up a parser or read other files; a gating strategy has none.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidValueError(
            f'"{name}" declares a document type or entities, which Gating-ML does not need. Remove them.'
        )
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise InvalidValueError(f'"{name}" is not XML: {error}. Export the gates as Gating-ML 2.0.') from error
    if root.tag != f"{_G}Gating-ML":
        raise InvalidValueError(
            f'"{name}" is not Gating-ML 2.0: its first element is "{root.tag.split("}")[-1]}". '
            + (FLOWJO if root.tag.split("}")[-1] == "Workspace" else "Save the gates as Gating-ML 2.0.")
        )
    gates: list[Gate] = []
    matrices = {}
    transforms: dict[str, Transform] = {}
    ratios: dict[str, Ratio] = {}
    for element in root:
        if not isinstance(element.tag, str) or element.tag == f"{_D}custom_info":
            continue
        kind = element.tag.split("}")[-1]
        try:
            if kind == "transformation":
                found = _scale(element)
                if isinstance(found, Ratio):
                    ratios[element.attrib[f"{_T}id"]] = found
                else:
                    transforms[element.attrib[f"{_T}id"]] = found
            elif kind == "spectrumMatrix":
                matrices[element.attrib[f"{_T}id"]] = _matrix(element)
            else:
                gates += _read_gate(element, kind)
        except (KeyError, ValueError, AttributeError, StopIteration) as error:
            if isinstance(error, InvalidValueError):
                raise InvalidValueError(f'"{name}": {error}') from error
            raise InvalidValueError(f'"{name}": a {kind} lacks a part or has a damaged number ({error}).') from error
    return Strategy(tuple(gates), matrices, transforms, ratios)


def _write_gate(root: ET.Element, gate: Gate) -> None:
    attributes = {f"{_G}id": gate.name} | ({f"{_G}parent_id": gate.parent} if gate.parent else {})
    if isinstance(gate, RectangleGate):
        element = ET.SubElement(root, f"{_G}RectangleGate", attributes)
        for axis, low, high in zip(gate.axes, gate.low, gate.high, strict=True):
            bounds = {} if math.isinf(low) else {f"{_G}min": repr(low)}
            bounds |= {} if math.isinf(high) else {f"{_G}max": repr(high)}
            _write_axis(element, axis, bounds)
    elif isinstance(gate, PolygonGate):
        element = ET.SubElement(root, f"{_G}PolygonGate", attributes)
        for axis in gate.axes:
            _write_axis(element, axis)
        for corner in gate.corners:
            vertex = ET.SubElement(element, f"{_G}vertex")
            for value in corner:
                ET.SubElement(vertex, f"{_G}coordinate", {f"{_D}value": repr(float(value))})
    elif isinstance(gate, EllipsoidGate):
        element = ET.SubElement(root, f"{_G}EllipsoidGate", attributes)
        for axis in gate.axes:
            _write_axis(element, axis)
        mean = ET.SubElement(element, f"{_G}mean")
        for value in gate.mean:
            ET.SubElement(mean, f"{_G}coordinate", {f"{_D}value": repr(float(value))})
        covariance = ET.SubElement(element, f"{_G}covarianceMatrix")
        for row in gate.covariance:
            line = ET.SubElement(covariance, f"{_G}row")
            for value in row:
                ET.SubElement(line, f"{_G}entry", {f"{_D}value": repr(float(value))})
        ET.SubElement(element, f"{_G}distanceSquare", {f"{_D}value": repr(float(gate.distance_square))})
    elif isinstance(gate, BooleanGate):
        element = ET.SubElement(root, f"{_G}BooleanGate", attributes)
        inner = ET.SubElement(element, f"{_G}{gate.operation}")
        for name in gate.of:
            extra = {f"{_G}use-as-complement": "true"} if name.startswith("-") else {}
            ET.SubElement(inner, f"{_G}gateReference", {f"{_G}ref": name.removeprefix("-"), **extra})
    else:
        raise InvalidValueError(f'The gate "{gate.name}" cannot be written as Gating-ML.')


def _write_axis(gate: ET.Element, axis: Dimension, bounds: dict[str, str] | None = None) -> None:
    attributes = {f"{_G}compensation-ref": axis.compensation or "uncompensated"}
    if axis.transform:
        attributes[f"{_G}transformation-ref"] = axis.transform
    element = ET.SubElement(gate, f"{_G}dimension", {**attributes, **(bounds or {})})
    if axis.ratio:
        ET.SubElement(element, f"{_D}new-dimension", {f"{_D}transformation-ref": axis.ratio})
    else:
        ET.SubElement(element, f"{_D}fcs-dimension", {f"{_D}name": axis.channel})


def _read_gate(element: ET.Element, kind: str) -> list[Gate]:
    name, parent = element.attrib[f"{_G}id"], element.attrib.get(f"{_G}parent_id", "")
    dimensions = element.findall(f"{_G}dimension")
    axes = tuple(_axis(each) for each in dimensions)
    if kind in ("RectangleGate", "EllipsoidGate") and not axes:
        raise InvalidValueError(f'the gate "{name}" has no axis.')
    if kind == "RectangleGate":
        low = tuple(float(each.attrib.get(f"{_G}min", "-inf")) for each in dimensions)
        high = tuple(float(each.attrib.get(f"{_G}max", "inf")) for each in dimensions)
        return [RectangleGate(name, axes, low, high, parent)]
    if kind == "PolygonGate":
        corners = tuple(_numbers(each, "coordinate") for each in element.findall(f"{_G}vertex"))
        if len(axes) != 2 or len(corners) < 3 or any(len(corner) != 2 for corner in corners):
            raise InvalidValueError(
                f'the polygon "{name}" has {len(axes)} axes and {len(corners)} corners; it needs two axes, and three '
                "corners or more with a coordinate on each."
            )
        return [PolygonGate(name, axes, tuple((x, y) for x, y in corners), parent)]
    if kind == "EllipsoidGate":
        mean = _numbers(_only(element, "mean"), "coordinate")
        covariance = tuple(_numbers(row, "entry") for row in _only(element, "covarianceMatrix").findall(f"{_G}row"))
        distance = float(_only(element, "distanceSquare").attrib[f"{_D}value"])
        _check_ellipsoid(name, len(axes), mean, covariance)
        return [EllipsoidGate(name, axes, mean, covariance, distance, parent)]
    if kind == "BooleanGate":
        inner = next(each for each in element if each.tag in (f"{_G}and", f"{_G}or", f"{_G}not"))
        of = tuple(
            ("-" if each.attrib.get(f"{_G}use-as-complement", "").lower() == "true" else "") + each.attrib[f"{_G}ref"]
            for each in inner.findall(f"{_G}gateReference")
        )
        if not of:
            raise InvalidValueError(f'the gate "{name}" combines no gates.')
        return [BooleanGate(name, inner.tag.split("}")[-1], of, parent)]
    if kind == "QuadrantGate":
        return _quadrants(element, parent)
    raise InvalidValueError(f'"{name}" is a {kind}, which is not known here. FlowKit can apply it.')


def _check_ellipsoid(name: str, axes: int, mean: tuple[float, ...], covariance: tuple[tuple[float, ...], ...]) -> None:
    """Raise if mean and covariance do not fit the axes, or the covariance has no inverse.

    Warns where it is not positive definite: that of the reference set of Gating-ML 2.0 is not either, and its region
    is what the formula of the specification says.
    """
    fits = len(mean) == axes == len(covariance) and all(len(row) == axes for row in covariance)
    if not fits or not np.isfinite(covariance).all() or np.linalg.matrix_rank(np.asarray(covariance)) < axes:
        raise InvalidValueError(
            f'the ellipsoid "{name}" has {axes} axes, a mean of {len(mean)} and a covariance of {len(covariance)} '
            "rows; each axis needs one, and the covariance must have an inverse."
        )
    if np.linalg.eigvals(np.asarray(covariance)).real.min() <= 0:
        warnings.warn(
            f'The covariance of the ellipsoid "{name}" is not positive definite, so its region is no ellipsoid. It is '
            "read as it is written, as the reference set of Gating-ML 2.0 asks; see that the matrix is the one meant.",
            GVLabWarning,
            stacklevel=2,
        )


def _quadrants(element: ET.Element, parent: str) -> list[Gate]:
    """Read a quadrant gate as rectangles: each quadrant lies between the dividing values next to its position."""
    dividers = {
        each.attrib[f"{_G}id"]: (
            _axis(each),
            sorted(float(value.text or "nan") for value in each.findall(f"{_G}value")),
        )
        for each in element.findall(f"{_G}divider")
    }
    found: list[Gate] = []
    for quadrant in element.findall(f"{_G}Quadrant"):
        axes, low, high = [], [], []
        for position in quadrant.findall(f"{_G}position"):
            axis, values = dividers[position.attrib[f"{_G}divider_ref"]]
            location = float(position.attrib[f"{_G}location"])
            edges = [-math.inf, *values, math.inf]
            place = next(number for number in range(len(edges) - 1) if edges[number] <= location < edges[number + 1])
            axes.append(axis)
            low.append(edges[place])
            high.append(edges[place + 1])
        found.append(RectangleGate(quadrant.attrib[f"{_G}id"], tuple(axes), tuple(low), tuple(high), parent))
    return found


def _axis(element: ET.Element) -> Dimension:
    channel, ratio = element.find(f"{_D}fcs-dimension"), element.find(f"{_D}new-dimension")
    if channel is None and ratio is None:
        raise InvalidValueError("an axis of a gate names neither a channel nor a ratio.")
    return Dimension(
        channel.attrib[f"{_D}name"] if channel is not None else "",
        element.attrib.get(f"{_G}compensation-ref", "uncompensated"),
        element.attrib.get(f"{_G}transformation-ref", ""),
        ratio.attrib[f"{_D}transformation-ref"] if ratio is not None else "",
    )


def _scale(element: ET.Element) -> Transform | Ratio:
    inner = next(iter(element))
    tag = inner.tag.split("}")[-1]
    if tag == "fratio":
        over, under = (each.attrib[f"{_D}name"] for each in inner.findall(f"{_D}fcs-dimension"))
        return Ratio(over, under, *(float(inner.attrib[f"{_T}{key}"]) for key in ("A", "B", "C")))
    if tag not in _SCALES:
        raise InvalidValueError(
            f'the scale "{tag}" is not known here ({", ".join(_SCALES)} are). FlowKit can apply it.'
        )
    numbers = {key.split("}")[-1]: float(value) for key, value in inner.attrib.items()}
    try:
        return _SCALES[tag](**numbers)
    except TypeError as error:
        raise InvalidValueError(
            f'the scale "{tag}" has the numbers {", ".join(numbers)}, which do not fit it.'
        ) from error


def _matrix(element: ET.Element) -> Matrix:
    parts = (element.find(f"{_T}{tag}") for tag in ("fluorochromes", "detectors"))
    dyes, detectors = (tuple(each.attrib[f"{_D}name"] for each in (part if part is not None else ())) for part in parts)
    rows = [
        [float(each.attrib[f"{_T}value"]) for each in spectrum.findall(f"{_T}coefficient")]
        for spectrum in element.findall(f"{_T}spectrum")
    ]
    matrix = np.array(rows, dtype=np.float64)
    if matrix.shape != (len(dyes), len(detectors)) or len(dyes) != len(detectors):
        raise InvalidValueError(
            f"a compensation matrix has the shape {matrix.shape}; only square ones, a dye a detector, are known here."
        )
    return Matrix(dyes, detectors, matrix)


def _only(element: ET.Element, tag: str) -> ET.Element:
    found = element.find(f"{_G}{tag}")
    if found is None:
        raise InvalidValueError(f'the gate "{element.attrib.get(f"{_G}id")}" has no {tag}.')
    return found


def _numbers(element: ET.Element, tag: str) -> tuple[float, ...]:
    return tuple(float(each.attrib[f"{_D}value"]) for each in element.findall(f"{_G}{tag}"))
