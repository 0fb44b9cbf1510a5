"""Requests: what a workflow is asked for, frozen and checked, the same for command, notebook, page and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.provenance import sha256


class Request(BaseModel):
    """What every request has: it cannot be changed, refuses keys it does not know, and is the same text everywhere.

    A subclass lists its fields with defaults, and a docstring each; the docstrings are the descriptions of its JSON
    schema. What a field alone cannot tell (whether an arm exists) is checked by the workflow before it computes.

    Raises
    ------
    UnknownNameError
        If a key is unknown.
    InvalidValueError
        If a value breaks its rule, or a key is missing: the message names the key, the value and the rule.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, validate_default=True
    )

    if not TYPE_CHECKING:  # type checkers read the arguments off the fields

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _refusal(error, type(self)) from None

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the request of a dictionary; errors as the class."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise _refusal(error, cls) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Return the request of a JSON text; errors as the class."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise _refusal(error, cls) from None

    def replace(self, **changes: Any) -> Self:
        """Return a request with some fields changed; they are checked again."""
        return type(self)(**{**dict(self), **changes})

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON: two requests have the same if and only if they ask the same."""
        return sha256(f"{type(self).__name__} {self.model_dump_json()}")


def _refusal(error: ValidationError, request: type[Request]) -> UnknownNameError | InvalidValueError:
    """Return our error for one of pydantic: value, rule, way out."""
    what = f"key of {request.__name__}"
    problems = error.errors()
    unknown = [str(problem["loc"][-1]) for problem in problems if problem["type"] == "extra_forbidden"]
    if unknown:
        return UnknownNameError(what, unknown[0], request.model_fields)
    lines = []
    for problem in problems:
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, InvalidValueError):
            lines.append(str(cause))
            continue
        key, value = ".".join(str(part) for part in problem["loc"]), problem["input"]
        rule = f"{problem['msg'][:1].lower()}{problem['msg'][1:].rstrip('.')}"
        if problem["type"] == "missing":
            lines.append(f'The {what} "{key}" is missing.')
        elif problem["type"] == "value_error":
            lines.append(f"{cause}".rstrip(".") + ".")
        elif problem["type"] == "json_invalid":
            lines.append(f"The request is not JSON: {rule}.")
        elif problem["loc"]:
            lines.append(f'The {what} "{key}" is {_shown(value)}: {rule}.')
        else:
            lines.append(f"A {request.__name__} is made of keys and values, not of {_shown(value)}.")
    return InvalidValueError(" ".join(dict.fromkeys(lines)))


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
