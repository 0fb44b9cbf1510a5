"""Cohort: one row a subject, one column a parameter or covariate that differs between subjects."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gvlab import notebook
from gvlab.arrays import Array, Float, FloatArray, Int
from gvlab.bibliography import Source
from gvlab.errors import InvalidValueError, LibraryError, UnknownNameError
from gvlab.files import atomic_file
from gvlab.library import Library, parse_table
from gvlab.library.table_rows import ParameterRow
from gvlab.model.parameters import ParameterTable
from gvlab.notebook import shortened
from gvlab.provenance import sha256

if TYPE_CHECKING:
    import pandas as pd

BODY_MASS = "body_mass"
"""The covariate that turns an amount per body mass into an amount, in kilogram."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Subjects by what differs between them; what they share is in the table.

    Attributes
    ----------
    columns
        By parameter, shape (subject,), in the unit of the table; cannot be written to.
    table
        Every parameter with what it rests on; its values hold where there is no column.
    numbers
        Shape (subject,): which subject of the population each row is. A subject keeps its number when rows are
        selected, and number i of a seed is the same subject whatever the size of the cohort.
    seed
        What the cohort was drawn with; None where nothing was drawn.
    population
        Name of the population.
    """

    columns: Mapping[str, Float[Array, "subject"]]
    table: ParameterTable
    numbers: Int[Array, "subject"]
    seed: int | None = None
    population: str = ""

    def __post_init__(self) -> None:
        """Make the arrays read-only, and refuse columns that do not fit."""
        numbers = np.array(self.numbers, dtype=np.int64)
        numbers.flags.writeable = False
        columns: dict[str, FloatArray] = {}
        for name, values in self.columns.items():
            array = np.array(values, dtype=np.float64)
            if array.shape != numbers.shape:
                raise InvalidValueError(f'Column "{name}" has shape {array.shape} for {len(numbers)} subjects.')
            if not np.all(np.isfinite(array)):
                row = int(np.flatnonzero(~np.isfinite(array))[0])
                raise InvalidValueError(f'Column "{name}" is {array[row]} in row {row}; every value must be finite.')
            array.flags.writeable = False
            columns[name] = array
        for name in columns:
            if name not in self.table:
                raise UnknownNameError("parameter", name, self.table.ids)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "numbers", numbers)

    @classmethod
    def typical(cls, table: ParameterTable, n: int = 1) -> Cohort:
        """Return subjects that are all alike and have the values of the table."""
        return cls({}, table, np.arange(n))

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        of = f" of {self.population}" if self.population else ""
        differ = shortened(", ".join(self.columns)) or "nothing"
        return f"Cohort({len(self):,} subjects{of}{seed}; {len(self.columns)} columns: {differ})"

    def _repr_html_(self) -> str:
        rows = [
            (name, float(np.median(values)), *np.quantile(values, [0.05, 0.95]).tolist(), self.unit(name))
            for name, values in self.columns.items()
        ]
        drawn = "" if self.seed is None else f" Seed {self.seed}."
        about = f"{self.population or 'No population'}.{drawn} {len(self.table)} parameters; what differs:"
        header = ("parameter", "median", "5 %", "95 %", "unit")
        return notebook.card(f"Cohort of {len(self):,}", about, notebook.table(header, rows))

    def column(self, name: str) -> Float[Array, "subject"]:
        """Return a parameter of every subject, shape (subject,).

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        """
        if name in self.columns:
            return self.columns[name]
        return np.full(len(self), self.table.value(name))

    def unit(self, name: str) -> str:
        """Return the unit of a column."""
        return self.table.unit(name)

    def parameters(self) -> dict[str, float | Float[Array, "subject"]]:
        """Return every parameter: a number where all subjects share it, else an array of shape (subject,)."""
        return {**self.table.values(), **self.columns}

    def select(self, rows: Sequence[int] | slice | npt.NDArray[Any]) -> Cohort:
        """Return some of the subjects, by row (positions, a slice, or a mask); they keep their numbers."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        columns = {name: values[index] for name, values in self.columns.items()}
        return Cohort(columns, self.table, self.numbers[index], self.seed, self.population)

    def replace(self, values: Mapping[str, float | Float[Array, "subject"]], note: str = "changed by hand") -> Cohort:
        """Return the same subjects with other values: a number for all of them, or one each.

        Raises
        ------
        UnknownNameError
            If there is no such parameter.
        InvalidValueError
            If a value lies outside the bounds of its parameter, or an array has not one value a subject.
        """
        shared = {name: float(value) for name, value in values.items() if np.ndim(value) == 0}
        table = self.table.replace(shared, note)
        columns = {name: column for name, column in self.columns.items() if name not in shared}
        columns.update({name: np.asarray(value) for name, value in values.items() if name not in shared})
        changed = Cohort(columns, table, self.numbers, self.seed, self.population)
        for name in values.keys() - shared.keys():  # what is shared is checked by the table
            self._refuse_out_of_bounds(name, changed.column(name))
        return changed

    def _refuse_out_of_bounds(self, name: str, values: FloatArray) -> None:
        low, high = self.table.bounds(name)
        outside = np.flatnonzero((values < low) | (values > high))
        if len(outside):
            row, unit = int(outside[0]), self.unit(name)
            raise InvalidValueError(
                f'"{name}" is {values[row]:g} {unit} in row {row}; its bounds are {low:g} to {high:g} {unit}.'
            )

    def sources(self) -> tuple[Source, ...]:
        """Return the bibliography entries of its numbers."""
        return self.table.sources()

    def frame(self) -> pd.DataFrame:
        """Return a table, one row a subject: its number, then what differs between subjects."""
        import pandas as pd

        return pd.DataFrame({"subject": self.numbers, **self.columns})

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 of every value, of subjects and table."""
        parts = [self.table.sha256.encode(), self.numbers.tobytes()]
        for name in sorted(self.columns):
            parts += [name.encode(), self.columns[name].tobytes()]
        return sha256(b"\0".join(parts))

    def to_parquet(self, path: Path | str) -> None:
        """Write as Parquet with units; the table, the seed and the population are in the metadata.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field("subject", pa.int64())]
        fields += [pa.field(name, pa.float64(), metadata={"unit": self.unit(name)}) for name in self.columns]
        about = {
            "seed": self.seed,
            "population": self.population,
            "contexts": self.table.contexts,
            "table": self.table.to_tsv(),
        }
        schema = pa.schema(fields, metadata={"gvlab.cohort": json.dumps(about)})
        table = pa.table([pa.array(values) for values in (self.numbers, *self.columns.values())], schema=schema)
        with atomic_file(path) as temporary:
            pq.write_table(table, temporary)

    @classmethod
    def read(cls, path: Path | str, library: Library | None = None) -> Cohort:
        """Return what `to_parquet` wrote; `library` holds the bibliography its sources are in.

        Raises
        ------
        LibraryError
            If it is not a cohort.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
            about = json.loads(table.schema.metadata[b"gvlab.cohort"])
        except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
            raise LibraryError(f'"{path}" is not a cohort written by gvlab: {error}.') from error
        rows = parse_table(about["table"], ParameterRow, str(path))
        contexts = None if about["contexts"] is None else tuple(about["contexts"])
        columns = {name: table.column(name).to_numpy() for name in table.column_names if name != "subject"}
        return cls(
            columns,
            ParameterTable(rows, contexts, library=library),
            table.column("subject").to_numpy(),
            about["seed"],
            about["population"],
        )
