"""Refuses a hostile SBML text before any parser sees it.

libSBML recurses over nested MathML and expands function definitions; libRoadRunner expands entities. Each of these
crashes or hangs on texts of a few kilobytes, so the text itself is looked at first, in time proportional to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.parsers import expat

from gvlab.errors import ModelError

MAX_BYTES = 50_000_000
MAX_DEPTH = 250
MAX_EXPANDED = 1_000_000

_FORBIDDEN = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def precheck(text: str) -> None:
    """Check that a text is an SBML document of reasonable size, depth and expansion.

    Raises
    ------
    ModelError
        If the text is too long, declares entities, nests too deeply, is no well-formed SBML, or if its function
        definitions, written out, would be longer than a million terms.
    """
    if len(text) > MAX_BYTES:
        raise ModelError(f"The SBML text has {len(text):,} characters; at most {MAX_BYTES:,} are read.")
    found = _FORBIDDEN.search(text)
    if found:
        raise ModelError(
            f"The SBML text has a {found.group(1).upper()} declaration. SBML needs none, and entities can be used to "
            "exhaust memory. Remove the declaration."
        )
    root = _check_structure(text)
    if _local(root) != "sbml":
        raise ModelError(f'The text is not SBML: its root element is "{_local(root)}", not "sbml".')
    if "functionDefinition" in text:
        _check_expansion(ET.fromstring(text.encode()))


def _check_structure(text: str) -> str:
    """Check that a text is well-formed and not too deep; give the name of its root element."""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator="}")
    depth, root = 0, ""

    def start(name: str, _attributes: object) -> None:
        nonlocal depth, root
        root = root or name
        depth += 1
        if depth > MAX_DEPTH:
            raise ModelError(
                f"The SBML text nests elements more than {MAX_DEPTH} deep. Write long sums and products with one "
                "operator and many arguments, or split the formula into assignment rules."
            )

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise ModelError(f"The SBML text is not well-formed XML: {error}.") from error
    return root


def _check_expansion(root: ET.Element) -> None:
    """Bound the size of the function definitions when each call is replaced by its body."""
    calls: dict[str, list[str]] = {}
    size: dict[str, int] = {}
    for element in root.iter():
        if _local(element.tag) == "functionDefinition":
            name = element.get("id", "")
            calls[name] = list(_called(element))
            size[name] = sum(1 for _ in element.iter())
    expanded: dict[str, int] = {}
    for name in calls:
        _expand(name, calls, size, expanded)


def _expand(first: str, calls: dict[str, list[str]], size: dict[str, int], expanded: dict[str, int]) -> None:
    # An explicit stack: a chain of a thousand functions must not exhaust Python's own.
    stack, open_names = [first], set[str]()
    while stack:
        name = stack[-1]
        if name in expanded:
            stack.pop()
            open_names.discard(name)
            continue
        missing = [other for other in calls[name] if other in calls and other not in expanded]
        if missing:
            open_names.add(name)
            for other in missing:
                if other in open_names:
                    raise ModelError(f'The function "{other}" of the SBML document calls itself.')
            stack.append(missing[0])
            continue
        total = size[name] + sum(expanded.get(other, 0) for other in calls[name])
        if total > MAX_EXPANDED:
            raise ModelError(
                f'The function "{name}" of the SBML document has more than {MAX_EXPANDED:,} terms when the functions '
                "it calls are written out. Replace the chain of functions by assignment rules."
            )
        expanded[name] = total


def _called(element: ET.Element) -> Iterator[str]:
    for apply in element.iter():
        if _local(apply.tag) == "apply" and len(apply) and _local(apply[0].tag) == "ci":
            yield (apply[0].text or "").strip()


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]
