"""Assay: what is read, in what unit, with which error and limits; true values in, readings as a long table out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gvlab.arrays import Array, Float, FloatArray
from gvlab.assay import clinical, counting, elisa, flow, imaging, observable, qpcr, relative, seahorse
from gvlab.assay.samples import COLUMNS, AssayParameters, InstrumentReadings, Readings, SampleRows, Samples
from gvlab.bibliography import Source
from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.library import Library

if TYPE_CHECKING:
    from gvlab.model.parameters import ParameterTable


_MEASURE: dict[str, Callable[[SampleRows, np.random.Generator, bool], InstrumentReadings]] = {
    "imaging": imaging.measure,
    "elisa": elisa.measure,
    "qpcr": qpcr.measure,
    "relative": relative.measure,
    "flow": flow.measure,
    "mito_stress": seahorse.measure,
    "glycolysis_stress": seahorse.measure,
    "count": counting.measure_count,
    "percent": counting.measure_percent,
    "clinical": clinical.measure,
}
_MOMENTS: dict[str, Callable[[SampleRows], dict[str, tuple[FloatArray, FloatArray]]]] = {
    "imaging": imaging.moments,
    "elisa": elisa.moments,
    "qpcr": qpcr.moments,
    "relative": relative.moments,
    "flow": flow.moments,
    "mito_stress": seahorse.moments,
    "glycolysis_stress": seahorse.moments,
    "count": counting.moments_count,
    "percent": counting.moments_percent,
    "clinical": clinical.moments,
}


@dataclass(frozen=True)
class Assay:
    """A way of measuring, with its numbers for one system.

    Attributes
    ----------
    parameters
        The record and its numbers.
    cited
        Keys of references.bib behind the record and its numbers.
    library
        Where it was read; the default one where None.
    """

    parameters: AssayParameters
    cited: tuple[str, ...] = ()
    library: Library | None = field(default=None, repr=False, compare=False)

    @classmethod
    def named(
        cls,
        name: str,
        contexts: Iterable[str] = (),
        table: ParameterTable | None = None,
        library: Library | None = None,
    ) -> Assay:
        """Return an assay of a library.

        Parameters
        ----------
        name
            Of the record.
        contexts
            Tags of the system, "species:mouse", for overlays of its numbers.
        table
            Parameters in place of the library's.
        library
            Where the record and its numbers are; the default one where None.

        Raises
        ------
        UnknownNameError
            If there is no such assay, or the record names a parameter that has no row.
        """
        from gvlab.model.parameters import ParameterTable

        library = Library.default() if library is None else library
        record = library.read("assays", name)
        resolved = ParameterTable.resolved(contexts, library) if table is None else table.resolve(contexts)
        keys = set(record.source_keys)

        def value(parameter: str) -> float:
            if parameter not in resolved:
                raise UnknownNameError("parameter", parameter, resolved.ids, f"the tables, for assays/{name}.yaml")
            keys.update(resolved.row(parameter).source_keys)
            return resolved.value(parameter)

        numbers = {role: value(parameter) for role, parameter in record.numbers.items()}
        own = {
            analyte.name: {role: value(parameter) for role, parameter in analyte.numbers.items()}
            for analyte in record.analytes
        }
        return cls(AssayParameters(record, numbers, own), tuple(sorted(keys)), library)

    @property
    def name(self) -> str:
        """What the library calls it."""
        return self.parameters.record.name

    @property
    def outputs(self) -> tuple[str, ...]:
        """Outputs of the simulation that it needs, sorted."""
        record = self.parameters.record
        roles = {*record.numbers, *(role for analyte in record.analytes for role in analyte.numbers)}
        needed = {name for formula in record.formulas for name in observable.names(formula)}
        return tuple(sorted(needed - roles))

    @property
    def analytes(self) -> tuple[str, ...]:
        """What it reads."""
        return tuple(analyte.name for analyte in self.parameters.record.analytes)

    def unit(self, analyte: str) -> str:
        """Return the unit of an analyte."""
        for each in self.parameters.record.analytes:
            if each.name == analyte:
                return each.unit
        raise UnknownNameError("analyte", analyte, self.analytes, f"assays/{self.name}.yaml")

    def sources(self) -> tuple[Source, ...]:
        """Return the sources of the record and its numbers, for `cite`."""
        library = Library.default() if self.library is None else self.library
        return library.sources(self.cited)

    def read(self, samples: Samples, rng: np.random.Generator, raw: bool = True) -> Readings:
        """Measure.

        Parameters
        ----------
        samples
            Subjects at times with the true values of `outputs`. NaN is not sampled, and has no row in the readings;
            neither has a sample that holds less than the assay needs.
        rng
            Source of every error; the same generator state gives the same readings.
        raw
            Whether raw files are made as well. Readings of flow cytometry then come from gated events; of every
            other assay they are the same with and without.

        Returns
        -------
        Readings, one row a subject, time and analyte, ordered by time, subject, analyte.

        Raises
        ------
        UnknownNameError
            If an output is missing.
        InvalidValueError
            If a destructive assay is asked to read a subject twice.
        """
        sampled = self.sample(samples)
        outcome = _MEASURE[self.parameters.record.method](sampled, rng, raw)
        file_of = outcome.file_of
        tables = []
        for order, analyte in enumerate(self.parameters.record.analytes):
            reading = outcome.readings[analyte.name]
            named = [outcome.files[number].name for number in file_of] if file_of is not None else ""
            tables.append(
                pd.DataFrame(
                    {
                        "subject": list(sampled.subject),
                        "arm": list(sampled.arm),
                        "time": sampled.time,
                        "assay": self.name,
                        "analyte": analyte.name,
                        "value": reading.value,
                        "unit": analyte.unit,
                        "below_lloq": reading.below,
                        "above_uloq": reading.above,
                        "raw_file": named,
                        "_row": np.arange(len(sampled)),
                        "_order": order,
                    }
                )
            )
        table = pd.concat(tables, ignore_index=True).sort_values(["_row", "_order"], kind="stable")
        return Readings(table.reset_index(drop=True)[list(COLUMNS)], outcome.files)

    def moments(self, samples: Samples) -> dict[str, tuple[Float[Array, "sample"], Float[Array, "sample"]]]:
        """Return mean and variance of a reading of each sample, by analyte, from the error model; NaN is left out."""
        return _MOMENTS[self.parameters.record.method](self.sample(samples))

    def sample(self, samples: Samples) -> SampleRows:
        """Put samples in one row each, ordered by time and subject; errors as `read`."""
        for name in self.outputs:
            if name not in samples.values:
                raise UnknownNameError("output", name, samples.values, f'the samples for the assay "{self.name}"')
        shape = (len(samples.subjects), len(samples.times))
        there = np.ones(shape, dtype=bool)
        for name in self.outputs:
            there &= ~np.isnan(samples.values[name])
        needs = self.parameters.record.needs
        if needs is not None:
            held = observable.evaluate(needs.formula, {**self.parameters.numbers, **samples.values})
            there &= held >= self.parameters.number(needs.at_least)
        if self.parameters.record.destructive and np.any(there.sum(axis=1) > 1):
            subject = samples.subjects[int(np.flatnonzero(there.sum(axis=1) > 1)[0])]
            raise InvalidValueError(
                f'"{self.parameters.record.title}" kills the animal, and "{subject}" is to be read more than once. '
                "Give each subject one time with `samples.one_time_each(rng)`."
            )
        column, row = np.nonzero(there.T)
        batch = column.astype(np.intp) if self.parameters.record.batch == "day" else np.arange(len(row), dtype=np.intp)
        _, batch = np.unique(batch, return_inverse=True)
        return SampleRows(
            self.parameters,
            tuple(str(samples.subjects[each]) for each in row.tolist()),
            tuple(str(samples.arms[each]) for each in row.tolist()),
            np.asarray(samples.times, dtype=np.float64)[column],
            batch.astype(np.intp).ravel(),
            {name: np.asarray(value, dtype=np.float64)[row, column] for name, value in samples.values.items()},
        )
