"""Which claims are the same question: two that read one variable in the same arms are one test of a model, not two."""

from __future__ import annotations

from collections.abc import Iterable

from gvlab.library.finding_record import Comparison, FindingRecord

_Question = tuple[str, str, str, str]


def independent_claims(findings: Iterable[FindingRecord]) -> tuple[tuple[str, ...], ...]:
    """Return the claims in groups, each of which asks one question.

    Claims belong together when they share a question (a variable, or an endpoint, read on one day in the same two arms)
    or when a record says that it is `one_with` another, because what they read follows one variable of the model.
    Those that are answered by construction, and those of which the model cannot speak, ask nothing and are left out.

    Parameters
    ----------
    findings
        Records, in the order in which groups and their claims are returned.

    Returns
    -------
    Ids of the claims of each group; as many groups as there are independent claims.
    """
    groups: list[tuple[list[str], set[_Question]]] = []
    for finding in findings:
        if finding.by_construction or not finding.comparisons:
            continue
        asked = {question for comparison in finding.comparisons for question in _questions(comparison)}
        asked |= {("one with", claim, "", "") for claim in (finding.id, *finding.one_with)}
        same = [group for group in groups if group[1] & asked]
        groups = [group for group in groups if not group[1] & asked]
        claims = [claim for group in same for claim in group[0]]
        groups.append(([*claims, finding.id], asked.union(*(group[1] for group in same))))
    return tuple(tuple(claims) for claims, _ in groups)


def counted_in_words(findings: Iterable[FindingRecord]) -> str:
    """Return how many claims there are, and how many of them are independent: "12 claims, 9 independent"."""
    records = list(findings)
    independent = len(independent_claims(records))
    built = sum(bool(record.by_construction) for record in records)
    words = f"{len(records)} claims, {independent} independent"
    return f"{words} ({built} answered by construction)" if built else words


def _questions(comparison: Comparison) -> Iterable[_Question]:
    if not comparison.counts:
        return
    measure = comparison.measure
    what = measure.endpoint or str(measure.readout)
    for versus in comparison.versus or (comparison.versus_at or "",):
        # A bound on one arm asks again what its comparisons ask; it binds claims only to those with the same bound.
        yield what, measure.at, comparison.arm, versus or f"{comparison.expect.direction} {comparison.expect.at_least}"
