"""Places the nodes of a small directed graph in columns, so that most edges run from left to right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gvlab.errors import UnknownNameError


@dataclass(frozen=True)
class Place:
    """Column from the left and row from the top; rows may be halves."""

    column: int
    row: float


def layered(edges: Iterable[tuple[str, str]], fixed: Mapping[str, tuple[float, float]]) -> dict[str, Place]:
    """Return column (longest path from a start) and row (near its neighbors) of each node.

    Edges that close a circle are feedback and do not count. The layout depends on the order of edges alone, so the same
    table gives the same picture.

    Parameters
    ----------
    edges
        Source and target of each.
    fixed
        Column and row of nodes that are placed by hand.
    """
    pairs = [(s, t) for s, t in edges if s != t]
    nodes = list(dict.fromkeys(name for pair in pairs for name in pair))
    for name in fixed:
        if name not in nodes:
            raise UnknownNameError("node", name, nodes)
    forward = _without_feedback(nodes, pairs)
    column = _longest_paths(nodes, forward)
    column.update({name: int(place[0]) for name, place in fixed.items()})
    row = _rows(nodes, forward, column, {name: float(place[1]) for name, place in fixed.items()})
    return {name: Place(column[name], row[name]) for name in nodes}


def _without_feedback(nodes: list[str], pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the edges that a depth-first walk from the starts finds to lead back."""
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    entered = {target for _, target in pairs}
    for source, target in pairs:
        targets[source].append(target)
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()

    def walk(node: str) -> None:
        state[node] = 1
        for target in targets[node]:
            if state.get(target) == 1:
                back.add((node, target))
            elif target not in state:
                walk(target)
        state[node] = 2

    for node in [*[n for n in nodes if n not in entered], *nodes]:
        if node not in state:
            walk(node)
    return [pair for pair in pairs if pair not in back]


def _longest_paths(nodes: list[str], forward: list[tuple[str, str]]) -> dict[str, int]:
    column = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in forward:
            column[target] = max(column[target], column[source] + 1)
    # A start that acts only far to the right stands just before what it acts on.
    entered = {target for _, target in forward}
    for node in nodes:
        ahead = [column[target] for source, target in forward if source == node]
        if node not in entered and ahead:
            column[node] = max(column[node], min(ahead) - 1)
    return column


def _rows(
    nodes: list[str], forward: list[tuple[str, str]], column: Mapping[str, int], fixed: Mapping[str, float]
) -> dict[str, float]:
    row: dict[str, float] = dict(fixed)
    entered = {target for _, target in forward}
    longest = _backbone(nodes, forward, column)
    for node in longest:
        row.setdefault(node, 0.0)
    for node in sorted(nodes, key=lambda n: (column[n], nodes.index(n))):
        if node in row:
            continue
        near = [row[s] for s, t in forward if t == node and s in row] + [
            row[t] for s, t in forward if s == node and t in row
        ]
        wish = sum(near) / len(near) if near else 0.0
        taken = {row[other] for other in row if column[other] == column[node]}
        # Nearest free row: what only acts goes above the line, what is only acted on below it.
        first = -1.0 if node not in entered else 1.0
        offsets = [0.0, *(sign * k for k in range(1, len(nodes) + 1) for sign in (first, -first))]
        row[node] = next(round(wish) + o for o in offsets if round(wish) + o not in taken)
    return row


def _backbone(nodes: list[str], forward: list[tuple[str, str]], column: Mapping[str, int]) -> list[str]:
    """Return one longest chain; it is drawn as a straight line."""
    best: dict[str, list[str]] = {}
    for node in sorted(nodes, key=lambda n: -column[n]):
        chains = [best[t] for s, t in forward if s == node and column[t] > column[node] and t in best]
        best[node] = [node, *max(chains, key=len, default=[])]
    return max(best.values(), key=len, default=[])
