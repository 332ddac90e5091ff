"""From a user's text to validated models: strict YAML, field types with units, faults in words.

Study and material files go through the same door. A fault is one line: the key path, what was given,
what is allowed. All faults of a file are found in one pass.
"""

import difflib
import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError, core_schema

from . import units


class StudyError(Exception):
    """A study (or a material it names) is wrong. `faults`: one line each, all of them."""

    def __init__(self, faults):
        self.faults = [one_line(fault) for fault in ([faults] if isinstance(faults, str) else faults)]
        super().__init__("\n".join(self.faults))


# --- YAML -----------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2 (1e-6 is a number, `no` and 1:30 are text) and nothing else.

    Duplicate keys are refused instead of silently overwritten; so are aliases, which can nest without end.
    """

    yaml_implicit_resolvers: dict = {}
    yaml_constructors: dict = {}

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise _refusal("aliases are not read here, write the value out", self.peek_event())
        return super().compose_node(parent, index)

    def mapping(self, node):
        if not isinstance(node, yaml.MappingNode):
            raise _refusal("a mapping is expected", node)
        mapping = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal("a key must be a word", key_node)
            key = key_node.value
            if key in mapping:
                raise _refusal(f"the key {key!r} is given twice", key_node)
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping

    def sequence(self, node):
        return self.construct_sequence(node, deep=True)

    def number(self, node):
        text = self.construct_scalar(node)
        if text.lstrip("+-").lower() in (".inf", ".nan"):
            return float(text.replace(".", ""))
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _refusal(problem, place):
    return yaml.constructor.ConstructorError(None, None, problem, place.start_mark)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that either version of YAML would take for a number, a date or a truth value."""


_TAG = "tag:yaml.org,2002:"
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("number", r"[-+]?(\.\d+|\d+\.?\d*)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", [*"-+.0123456789"]),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_pattern})\Z", re.ASCII), _first)
_Loader.add_constructor(_TAG + "null", lambda loader, node: None)
_Loader.add_constructor(_TAG + "bool", lambda loader, node: loader.construct_scalar(node).lower() == "true")
_Loader.add_constructor(_TAG + "number", _Loader.number)
_Loader.add_constructor(_TAG + "str", lambda loader, node: loader.construct_scalar(node))
_Loader.add_constructor(_TAG + "map", _Loader.mapping)
_Loader.add_constructor(_TAG + "seq", _Loader.sequence)
_Loader.add_constructor(None, yaml.SafeLoader.construct_undefined)


def parse_yaml(text: str, what: str):
    """The value written in `text`. `what` names it in the fault. Raises StudyError."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StudyError(f"{what}{place}: {error.problem or error.context or 'not YAML'}") from None
    except RecursionError:
        raise StudyError(f"{what}: nested too deeply to be read") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise StudyError(f"{what}: not YAML ({error})") from None


def read_mapping(path: Path, start: str = "`rheode examples` names studies to start from") -> dict:
    """The mapping in a YAML file. Raises StudyError with one line that a person can act on; `start`: what to say of an empty one."""
    what = str(path)
    try:
        if path.is_dir():
            raise StudyError(f"{what}: a folder; name the YAML file in it")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise StudyError(f"{what}: no such file") from None
    except UnicodeDecodeError:
        raise StudyError(f"{what}: not a text file in UTF-8; a YAML file is expected") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise StudyError(f"{what}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    data = parse_yaml(text, what)
    if data is None:
        raise StudyError(f"{what}: empty; {start}")
    if not isinstance(data, dict):
        raise StudyError(f"{what}: got {told(data)}; a mapping of keys to values is expected")
    return data


def to_yaml(data: dict) -> str:
    """`data` as YAML in its own order, long texts unbroken."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def override(data: dict, texts, example: str):
    """(a copy of `data` with "KEY=VALUE" texts applied, faults). `example`: such a text for these files."""
    data, faults = _copy(data), []
    for text in texts:
        key, equals, value = text.partition("=")
        steps = key.strip().split(".")
        if not equals or not all(steps):
            faults.append(f"--set: got {told(text)}; KEY=VALUE with a dotted key path, such as {example}")
            continue
        try:
            value = parse_yaml(value, f"--set {key.strip()}")
        except StudyError as error:
            faults += error.faults
            continue
        section = data
        for depth, step in enumerate(steps[:-1], 1):
            if section.get(step) is None:
                section[step] = {}
            if not isinstance(section[step], dict):
                faults.append(f"--set {key.strip()}: {'.'.join(steps[:depth])} is {told(section[step])}, not a mapping; it has no key {steps[depth]!r}")
                break
            section = section[step]
        else:
            section[steps[-1]] = value
    return data, faults


def _copy(data):
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in data.items()}


# --- field types ----------------------------------------------------------------------------------


class Model(BaseModel):
    """A section of a file: only known keys, never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse(allowed: str) -> PydanticCustomError:
    """To be raised by a validator; `allowed` completes "KEY: got VALUE; ..."."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed})


def refuse_at(*faults: tuple[str, str]) -> PydanticCustomError:
    """To be raised by a validator that sees several keys: (key below the validated one, what is wrong)."""
    return PydanticCustomError("refused_at", "{faults}", {"faults": list(faults)})


ALLOWED = "x-allowed"  # where a field's JSON schema says in words what is allowed


class FieldType:
    """Base of field metadata that reads and writes a value its own way.

    `allowed` says in words what is allowed, `schema` is the JSON schema of the written form.
    """

    allowed: str
    schema: dict

    def read(self, given):
        raise NotImplementedError

    def write(self, value):
        return value

    def __get_pydantic_core_schema__(self, source, handler):
        write = core_schema.plain_serializer_function_ser_schema(self.write, when_used="json")
        return core_schema.no_info_plain_validator_function(self.read, serialization=write)

    def __get_pydantic_json_schema__(self, schema, handler):
        return {**self.schema, ALLOWED: self.allowed}


class Quantity(FieldType):
    """A float in rheode's own unit; outside text with a unit (or a plain number, for a share)."""

    def __init__(self, kind: str, *, above=None, least=None, below=None, most=None):
        self.kind, self.above, self.least, self.below, self.most = kind, above, least, below, most
        self.allowed = units.KINDS[kind].name + self._range() + ("" if kind == "share" else f" such as '{units.KINDS[kind].example}'")
        if kind == "share":
            limits = {"exclusiveMinimum": above, "minimum": least, "exclusiveMaximum": below, "maximum": most}
            number = {"type": "number"} | {key: limit for key, limit in limits.items() if limit is not None}
            self.schema = {"anyOf": [number, {"type": "string", "pattern": r"%\s*$"}]}
        else:
            self.schema = {"type": "string", "examples": [units.KINDS[kind].example]}

    def _range(self):
        bounds = {"above": self.above, "from": self.least, "below": self.below, "to" if self.least is not None else "up to": self.most}
        shown = [f"{word} {units.show(bound, self.kind) if bound else 0}" for word, bound in bounds.items() if bound is not None]
        return " " + (" " if self.least is not None else " and ").join(shown) if shown else ""

    def read(self, given) -> float:
        try:
            value = units.parse(given, self.kind)
        except units.UnitError as error:
            raise refuse(str(error)) from None
        if (
            (self.above is not None and not value > self.above)
            or (self.least is not None and not value >= self.least)
            or (self.below is not None and not value < self.below)
            or (self.most is not None and not value <= self.most)
        ):
            raise refuse(self.allowed)
        return value

    def write(self, value):
        return units.write(value, self.kind)


class Count(FieldType):
    """A whole number."""

    def __init__(self, least: int, most: int):
        self.least, self.most = least, most
        self.allowed = f"a whole number from {least} to {most}"
        self.schema = {"type": "integer", "minimum": least, "maximum": most}

    def read(self, given) -> int:
        whole = isinstance(given, int) or (isinstance(given, float) and given.is_integer())
        if isinstance(given, bool) or not whole or not self.least <= given <= self.most:
            raise refuse(self.allowed)
        return int(given)


# --- faults ---------------------------------------------------------------------------------------

_ALLOWED = {
    "string_type": "a text (in quotes, if it looks like a number)",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


def faults_of(error: ValidationError, model, data: dict, prefix=()) -> list[str]:
    """pydantic's errors about `data` as rheode's faults, one line each, keys below `prefix`."""
    faults = [fault for item in error.errors(include_url=False) for fault in _faults_of(item, model, data, prefix)]
    return list(dict.fromkeys(faults))


def _faults_of(item, model, data, prefix):
    path, owner, field, target = _locate(model, item["loc"], data)
    where = key_path([*prefix, *path])
    kind, context, given = item["type"], item.get("ctx", {}), told(item["input"])
    if kind == "refused_at":
        return [f"{'.'.join(filter(None, [where, below]))}: {text}" for below, text in context["faults"]]
    if kind == "missing":
        return [f"{where}: missing; {_decapitalise(field.description)}"]
    if kind == "extra_forbidden":
        known = list(fields_by_key(owner))
        section = f"{key_path([*prefix, *path[:-1]])!r}" if prefix or path[:-1] else "the file"
        if "kind" in owner.model_fields:
            section += f" of kind {get_args(owner.model_fields['kind'].annotation)[0]!r}"
        return [f"{where}: unknown key{nearest(path[-1], known)}; the keys of {section} are {', '.join(known)}"]
    if kind == "union_tag_not_found":
        return [f"{where}.kind: missing; one of {', '.join(target)}"]
    if kind == "union_tag_invalid":
        return [f"{where}.kind: got {told(context['tag'])}{nearest(context['tag'], target)}; one of {', '.join(target)}"]
    if kind == "literal_error":
        choices = get_args(target)
        return [f"{where}: got {given}{nearest(item['input'], choices)}; {'one of' if len(choices) > 1 else 'only'} {', '.join(choices)}"]
    if "allowed" in context:
        allowed = context["allowed"]
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        allowed = "a mapping"
        if isinstance(target, dict):
            allowed += f" with `kind`, one of {', '.join(target)}"
        elif _is_model(target):
            allowed += f" with the keys {', '.join(fields_by_key(target))}"
    else:
        allowed = _ALLOWED.get(kind) or one_line(item["msg"])
    return [f"{where}: got {given}; {allowed}"]


def _locate(model, loc, data):
    """Where an error is: (key path as the user wrote it, model that owns the last key, its field, what the field
    is about).

    pydantic's location has steps that nobody wrote: the tag of a tagged union, and what a validator filled in
    where a short form was given (one value for both ends of a range). These are left out.
    """
    path, owner, field, here, given = [], None, None, model, data
    for number, step in enumerate(loc, 1):
        if isinstance(here, dict):
            here = here[step]
            continue
        owner = here if _is_model(here) else None
        field = None if owner is None else fields_by_key(owner).get(step) or owner.model_fields.get(step)
        here = inner(field.annotation) if field is not None else inner((get_args(here) or (None,))[-1])
        if isinstance(given, dict) and (step in given or number == len(loc)):
            path.append(step)
            given = given.get(step)
    return path, owner, field, here


def inner(annotation):
    """What an annotation is about: a Model, {tag: Model} for a tagged union, or the annotation without None."""
    if get_origin(annotation) is Annotated:
        return inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        options = [inner(option) for option in get_args(annotation) if option is not type(None)]
        if len(options) == 1:
            return options[0]
        return {get_args(option.model_fields["kind"].annotation)[0]: option for option in options}
    return annotation


def _is_model(annotation) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Model)


def fields_by_key(model) -> dict:
    """The fields of a model by the keys of the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def key_path(steps) -> str:
    return ".".join(step if re.fullmatch(r"[\w-]+", step) else told(step) for step in map(str, steps))


def told(value) -> str:
    """A value as it stands in a fault: short, on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 200:
        return "an enormous number"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-1]}"


def nearest(word, known) -> str:
    """" (did you mean 'x'?)", or nothing."""
    close = difflib.get_close_matches(str(word)[:60], list(known), n=1, cutoff=0.6) if isinstance(word, str) else []
    return f" (did you mean {close[0]!r}?)" if close else ""


def one_line(text) -> str:
    """`text` without line breaks and other characters that a terminal would act on."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(str(text).split()))


def _decapitalise(description: str) -> str:
    return description[0].lower() + description[1:] if description[1:2].islower() else description
