"""TOML files: read strictly, checked against models with one sentence per error, and written.

Run files, material files and pumping files are all read here.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hopnet.checks import path_of, shown
from hopnet.errors import ParameterError

__all__ = [
    "LARGEST_FILE",
    "Finite",
    "NotNegative",
    "Positive",
    "Section",
    "nearest",
    "parse_toml",
    "read_text",
    "sentence",
    "to_toml",
    "validate",
]

# Largest file that is read, in bytes. The longest sensible run file, with thousands of listed
# points, has some 100 kB; the parser needs seconds and gigabytes for hostile files of many MB.
LARGEST_FILE = 1_000_000

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A table of a file: no unknown keys, no silent conversions, no changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read_text(path: str | Path, *, what: str = "run file") -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path : path-like
    what : str
        What the file is, for the message.

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        If there is no such file, it is a directory, too large, unreadable or not UTF-8.
    """
    path = path_of("path", path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise ParameterError(
                f"a {what} must have at most {LARGEST_FILE} bytes, {str(path)!r} has more; "
                "write ranges in place of long lists."
            )
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise ParameterError(f"there is no {what} {str(path)!r}; check the path.") from None
    except IsADirectoryError:
        raise ParameterError(
            f"a {what} is needed, got {str(path)!r}, a directory; give a .toml file."
        ) from None
    except (OSError, UnicodeDecodeError, ValueError) as failure:
        if isinstance(failure, ParameterError):
            raise
        raise ParameterError(
            f"{str(path)!r} is not a readable {what} ({failure}); give a TOML file in UTF-8."
        ) from None


def parse_toml(text: str, *, source: str) -> dict[str, Any]:
    """The nested dict that a TOML text holds.

    Parameters
    ----------
    text : str
    source : str
        How errors name the file.

    Raises
    ------
    ParameterError
        If the text is not TOML, is nested too deeply or holds a number of too many digits.
    """
    if text.count(".") > LARGEST_FILE // 100 and max(map(len, text.splitlines())) > 5000:
        raise ParameterError(f"{source} holds a line of more than 5000 characters; shorten it.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        # The parser may quote a whole key, of any length.
        raise ParameterError(
            f"{source} is not valid TOML: {failure!s:.300}; correct it there."
        ) from None
    except RecursionError:
        raise ParameterError(f"{source} is nested too deeply; use few levels of lists.") from None
    except (ValueError, OverflowError) as failure:
        raise ParameterError(f"{source} holds a value that no key takes: {failure}.") from None


def nearest(key: str, known: Iterable[str]) -> str:
    """``did you mean 'density'?``, or the list of the known keys."""
    known = sorted(known)
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models among the alternatives of a type, however nested."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def follow(model: type[BaseModel], location: Sequence[str]) -> tuple[type[BaseModel], list[str]]:
    """The innermost model on a path of keys, and the path without the names that pydantic adds.

    Pydantic puts the tag of a union (the kind of a texture, say) and the names of validators
    between the keys; a user sees only keys.
    """
    keys: list[str] = []
    inner: list[type[BaseModel]] = [model]
    for part in location:
        found = next((m for m in inner if part in m.model_fields), None)
        tagged = [m for m in inner if part in tags_of(m) or part == m.__name__]
        if found is not None:
            keys.append(part)
            model, inner = found, models_in(found.model_fields[part].annotation) or inner
        elif tagged:
            model, inner = tagged[0], tagged
        elif not part.startswith(("function-", "func", "tuple", "list", "union", "nullable")):
            keys.append(part)
    if len(inner) == 1:
        model = inner[0]
    return model, keys


def tags_of(model: type[BaseModel]) -> set[str]:
    """The literal texts that the fields of a model allow, such as the kind of a texture."""
    return {
        value
        for field in model.model_fields.values()
        for value in get_args(field.annotation)
        if isinstance(value, str)
    }


# What a value must be, by pydantic's name of the fault.
NEEDED = {
    "int_type": "must be a whole number, without quotes and decimal point",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false",
    "string_type": "must be a text, in quotes",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list in square brackets, [1.0, 100.0] for example",
    "list_type": "must be a list in square brackets",
    "too_short": "must hold at least one value",
    "model_type": "must be a table of its own",
    "dict_type": "must be a table of its own",
}


# A bound of a number: where pydantic keeps it, and how the message names it. Pydantic itself would
# write all digits of 1e100.
BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def sentence(failure: ValidationError, model: type[BaseModel], prefix: Sequence[str] = ()) -> str:
    """The first fault of a pydantic error as one sentence with the path of the key.

    Parameters
    ----------
    failure : pydantic.ValidationError
    model : subclass of BaseModel
        The model that the table was checked against.
    prefix : sequence of str
        Keys that lead to this table.
    """
    errors = failure.errors()
    # A misspelt key makes the right one missing too: report the misspelling.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    location = [str(part) for part in first["loc"]]
    unknown = first["type"] == "extra_forbidden"
    # The last part of an unknown key's path is what the user wrote, never a mark of pydantic.
    inner, keys = follow(model, location[:-1] if unknown else location)
    keys = [*prefix, *keys, *(location[-1:] if unknown else [])]
    path = ".".join(keys)
    if unknown:
        *parents, key = keys
        where = f"in [{'.'.join(parents)}]" if parents else "at the top"
        return f"unknown key {shown(key)} {where}; {nearest(key, inner.model_fields)}"
    if first["type"] == "missing":
        return f"{path} is missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        # A range is checked by a model of its own, whose message names the key already.
        named = path in message or message.startswith("scan")
        return message if named else f"{path}: {message}"
    if first["type"].startswith("union_tag"):
        value = first["input"]
        tag = str(first.get("ctx", {}).get("discriminator", "'kind'")).strip("'")
        got = value.get(tag) if isinstance(value, dict) else value
        known = first.get("ctx", {}).get("expected_tags", "")
        allowed = f" one of {known}" if known else ""
        return f"{path}.{tag} must be{allowed}, got {shown(got)}"
    words = NEEDED.get(first["type"], message.replace("Input should be", "must be"))
    if first["type"] in BOUNDS:
        key, before = BOUNDS[first["type"]]
        words = f"must be {before} {first['ctx'][key]:g}"
    got = first["input"]
    what = f"a table, [{path}]" if isinstance(got, dict) else shown(got)
    return f"{path} {words}, got {what}; correct it there"


def validate(model: type[Model], table: dict[str, Any], *, source: str) -> Model:
    """A model from the nested dict that a file holds, or a ParameterError with one sentence.

    Parameters
    ----------
    model : subclass of BaseModel
    table : dict
    source : str
        How errors name the file.
    """
    try:
        return model.model_validate(table)
    except ValidationError as failure:
        words = sentence(failure, model)
        raise ParameterError(f"{source}: {words}{'' if words.endswith('?') else '.'}") from None
    except (OverflowError, RecursionError) as failure:
        raise ParameterError(f"{source} holds a number out of range ({failure}).") from None


def to_toml(table: dict[str, Any]) -> str:
    """A nested dict of plain values as the text of a TOML file."""
    return tomli_w.dumps(table)
