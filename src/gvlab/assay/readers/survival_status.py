"""Whether a subject had the event or was censored, as codes or words say it; never guessed where they do not.

A column called "event" or "death" has 1 for an event, "censored" or "CNSR" the reverse; one called "status" or "cens"
says nothing (data sets in use have it either way), so the reader is asked.
"""

from __future__ import annotations

import re

from gvlab.assay.readers.tables import TextTable
from gvlab.errors import InvalidValueError, UnknownNameError

EVENT = ("event_observed", "event", "events", "death", "dead", "died", "E", "deceased", "relapse")
CENSORED = ("censored", "CNSR", "is censored", "alive")
UNCLEAR = (
    "status",
    "cens",
    "censor",
    "censoring",
    "code",
    "outcome",
    "vital status",
    "what happened",
    "fate",
    "end point",
    "endpoint",
)
_CODE_AND_WORD = re.compile(r"\b([012])\s*[=:]\s*([A-Za-z]+)")
_YES = frozenset({"dead", "died", "death", "deceased", "event", "yes", "true", "d", "y"})
_NO = frozenset({"alive", "censored", "living", "no", "false", "a", "n", "lost"})


def status_column(table: TextTable, event: int | str | None) -> tuple[int, int | str | None, str]:
    """Return the column of events, the code or word of an event (None: usual words), and a sentence on it."""
    for names, code in ((EVENT, 1), (CENSORED, 0), (UNCLEAR, None)):
        column = table.maybe(names)
        if column is None:
            continue
        title = table.cells[0][column]
        codes = {row[column].strip().lower() for row in table.cells[1:]} - {""}
        if isinstance(event, str):
            return column, event.strip().lower(), _of_word(table, column, event)
        if event is not None:
            return column, event, f'In "{title}" a code of {event} was taken for an event, as asked.'
        legend = _legend(title)
        if legend is not None and codes:
            return column, legend, f'In "{title}" {legend} was taken for an event, as its name says.'
        if codes and codes <= (_YES | _NO):
            reverse = code == 0 and codes <= {"yes", "no", "true", "false", "y", "n"}
            return column, -1 if reverse else None, f'"{title}" was read as words.'
        plain = {plain_code(text) for text in codes}
        if plain <= {"1", "2"} and "2" in plain and code is None:
            return column, 2, f'"{title}" has 1 and 2: 2 was taken for an event, as in R.'
        if code is not None:
            other = "1 was taken for an event" if code else "1 was taken for a censored subject, 0 for an event"
            return column, code, f'In "{title}" {other}.'
        raise InvalidValueError(
            f'{table.name}: the column "{title}" has {_listed(plain)}, and its name does not tell which is an event (a '
            + _way_out(codes, table, column)
        )
    raise InvalidValueError(f'{table.name} has no column of events. Name it "event" (1: died) or "censored".')


def _legend(title: str) -> int | None:
    """Return the code of an event that the name of a column tells: 1 of "status (1 = dead, 0 = alive)"; else None."""
    told = {int(code): word.strip().lower() for code, word in _CODE_AND_WORD.findall(title)}
    events = [code for code, word in told.items() if word in _YES]
    others = [code for code, word in told.items() if word in _NO]
    if len(events) == 1 and not set(events) & set(others):
        return events[0]
    if not events and len(others) == 1:
        rest = [code for code in told if code not in others] or [code for code in (1, 0) if code not in others]
        return rest[0] if len(rest) == 1 or not told.keys() - set(others) else None
    return None


def _way_out(codes: set[str], table: TextTable, column: int) -> str:
    if codes and not codes & {"0", "1", "2", "0.0", "1.0", "2.0"}:
        example = next(row[column].strip() for row in table.cells[1:] if row[column].strip())
        return f'death). Say which word is one, such as event="{example}".'
    return (
        "death): such columns are in use both ways. Say event=1 if 1 is a death, event=0 if 0 is, or name the "
        'column "event" or "censored".'
    )


def _of_word(table: TextTable, column: int, event: str) -> str:
    """Return the sentence that a word stands for an event, and which others for censoring; raise if none has it."""
    words = list(dict.fromkeys(row[column].strip() for row in table.cells[1:] if row[column].strip()))
    if event.strip().lower() not in {word.lower() for word in words}:
        raise UnknownNameError("word of an event", event, words, f'the column "{table.cells[0][column]}"')
    others = [f'"{word}"' for word in words if word.lower() != event.strip().lower()]
    rest = f", and {', '.join(others)} for censored" if others else ""
    return f'In "{table.cells[0][column]}" the word "{event.strip()}" was taken for an event{rest}.'


def is_observed(code: str, coded: int | str | None, where: str) -> bool:
    """Return whether a code is an event; -1 stands for words that answer "censored?"."""
    if not code:
        raise InvalidValueError(f"The event in {where} is missing. Write whether the subject died or was censored.")
    if isinstance(coded, str):
        return code == coded
    if coded is None or coded == -1:
        if code in _YES or code in _NO:
            return (code in _YES) != (coded == -1)
    else:
        plain = plain_code(code)
        allowed = {"1", "2"} if coded == 2 else {"0", "1"}
        if plain in allowed:
            return plain == str(coded)
        if code in _YES | _NO:
            return code in _YES
    raise InvalidValueError(f'"{code}" in {where} is no code of an event. Use 1 and 0, or "dead" and "censored".')


def plain_code(code: str) -> str:
    """Return a code without the decimals of a spreadsheet: "1.0" is 1."""
    return re.sub(r"\.0+$", "", code.strip())


def ask_if_reversed(table: TextTable, coded: list[tuple[float, str]]) -> None:
    """Ask where 1 stands for those still there at the end, and 0 for those who left before: that looks reversed."""
    last = max(time for time, _ in coded)
    at_end = [code for time, code in coded if time == last]
    before = [code for time, code in coded if time < last]
    if len(at_end) > 1 and before and all(code == "1" for code in at_end) and before.count("0") > len(before) / 2:
        raise InvalidValueError(
            f"{table.name}: everybody who reached the last day ({last:g}) has the code 1, and most who left before "
            "have 0. Is 1 an event (a death), or a censored subject? Say event=1 if 1 is a death, event=0 if 0 is."
        )


def _listed(words: set[str]) -> str:
    shown = sorted(words)[:5]
    return " and ".join(shown) if len(shown) < 3 else ", ".join(shown)
