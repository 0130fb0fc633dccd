"""What commands answer with --json: a type for each answer, and as_json, which turns an answer into JSON values.

docs/guide/json.md is made from these types: the meaning of a field is the comment behind it. What an answer is made of
is imported for type checkers only, so that a command loads nothing for its answer but the answer.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

OMITTED_WHEN_EMPTY = {"omitted_when_empty": True}  # metadata of a field that is left out when it is empty


def as_json(answer: object) -> JsonValue:
    """Return an answer as JSON values: objects for dataclasses and named tuples, ISO 8601 for datetimes.

    Raises TypeError for a value that has no form in JSON.
    """
    match answer:
        case None | bool() | int() | float() | str():
            return answer
        case datetime():
            return answer.isoformat()
        case Enum():
            return as_json(answer.value)
        case Mapping():
            return {str(key): as_json(value) for key, value in answer.items()}
        case tuple() if hasattr(answer, "_asdict"):
            return as_json(answer._asdict())
        case list() | tuple():
            return [as_json(value) for value in answer]
    if is_dataclass(answer):
        declared = {field.name: (field.metadata, getattr(answer, field.name)) for field in fields(answer)}
        return {
            name: as_json(value)
            for name, (metadata, value) in declared.items()
            if value or metadata != OMITTED_WHEN_EMPTY
        }
    raise TypeError(f"{type(answer).__name__} has no form in JSON")
