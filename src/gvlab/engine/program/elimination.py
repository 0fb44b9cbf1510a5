"""Symbolic elimination: which entries of a sparse matrix become nonzero, and the operations that factor it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Elimination:
    """An LU factorization without exchanges, worked out beforehand.

    Attributes
    ----------
    order
        Pivots, in order.
    entries
        Where the factors are nonzero, as (row, column), with fill-in.
    dense
        Whether it is written as loops over a full matrix: its operations one by one would be too many to compile.
    """

    order: tuple[int, ...]
    entries: tuple[tuple[int, int], ...]
    dense: bool = False


MOST_OPERATIONS = 8000
"""Operations that are printed one by one; a compiler takes four seconds for 9,000 and a minute for 60,000."""


def eliminate(size: int, pattern: Iterable[tuple[int, int]]) -> Elimination:
    """Return pivots on the diagonal that fill in little (Markowitz), and the fill-in.

    Pivots are never exchanged: the matrix is 1/(gamma h) minus the Jacobian, and a step for which the diagonal is not
    good enough fails its error estimate and is made smaller, which makes the diagonal larger.
    """
    rows: list[set[int]] = [{i} for i in range(size)]
    columns: list[set[int]] = [{i} for i in range(size)]
    for i, j in pattern:
        rows[i].add(j)
        columns[j].add(i)
    left = set(range(size))
    order: list[int] = []
    operations = 0
    while left:
        pivot = min(left, key=lambda p: ((len(rows[p] & left) - 1) * (len(columns[p] & left) - 1), p))
        left.discard(pivot)
        order.append(pivot)
        right = rows[pivot] & left
        for i in sorted(columns[pivot] & left):
            operations += 1 + len(right)
            if operations > MOST_OPERATIONS:
                full = tuple((row, column) for row in range(size) for column in range(size))
                return Elimination(tuple(range(size)), full, dense=True)
            for j in right - rows[i]:
                rows[i].add(j)
                columns[j].add(i)
    entries = tuple((i, j) for i in range(size) for j in sorted(rows[i]))
    return Elimination(tuple(order), entries)
