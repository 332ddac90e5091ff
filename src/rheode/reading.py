"""From a user's text to validated models: strict YAML, field types with units, faults in words.

Study and material files go through the same door. A fault is one line: the key path, what was given,
what is allowed. All faults of a file are found in one pass.
"""

import difflib
import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError, core_schema

from . import units


class StudyError(Exception):
    """A study (or a material it names) is wrong. `faults`: one line each, all of them."""

    def __init__(self, faults):
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("\n".join(self.faults))


# --- YAML -----------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2 (1e-6 is a number, `no` and 1:30 are text), without aliases,
    and with duplicate keys refused instead of silently overwritten."""

    yaml_implicit_resolvers: dict = {}

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read here, write the value out", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        mapping = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, (str, int, float)) and key is not None:
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            key = key_node.value
            if key in mapping:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping

    def map(self, node):
        return self.construct_mapping(node)

    def sequence(self, node):
        return self.construct_sequence(node, deep=True)

    def number(self, node):
        text = node.value.lower()
        if text.lstrip("+-") in (".inf", ".nan"):
            return float(text.replace(".", ""))
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)$", "~nN"),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("number", r"(?:[-+]?(?:\.\d+|\d+\.?\d*)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern, re.ASCII), [*_first, *([""] if _tag == "null" else [])])
_Loader.add_constructor("tag:yaml.org,2002:number", _Loader.number)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.map)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.sequence)


def parse_yaml(text: str, what: str):
    """The value written in `text`. `what` names it in the fault. Raises StudyError."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StudyError(f"{what}{place}: {_line(error.problem or error.context or 'not YAML')}") from None
    except RecursionError:
        raise StudyError(f"{what}: nested too deeply to be read") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise StudyError(f"{what}: not YAML ({_line(error)})") from None


def read_mapping(path: Path) -> dict:
    """The mapping in a YAML file. Raises StudyError with one line that a person can act on."""
    what = _line(path)
    try:
        if path.is_dir():
            raise StudyError(f"{what}: a folder; name the YAML file in it")
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise StudyError(f"{what}: no such file") from None
    except UnicodeDecodeError:
        raise StudyError(f"{what}: not a text file in UTF-8; a YAML file is expected") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise StudyError(f"{what}: can't be read ({_line(getattr(error, 'strerror', None) or error)})") from None
    data = parse_yaml(text, what)
    if data is None:
        raise StudyError(f"{what}: empty; see `rheode examples` for a study to start from")
    if not isinstance(data, dict):
        raise StudyError(f"{what}: got {told(data)}; a mapping of keys to values is expected")
    return data


def to_yaml(data: dict) -> str:
    """`data` as YAML in its own order, long texts unbroken."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000)


# --- field types ----------------------------------------------------------------------------------


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def refuse(allowed: str) -> PydanticCustomError:
    """To be raised by a validator; `allowed` completes "KEY: got VALUE; ..."."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed})


def refuse_at(*faults: tuple[str, str]) -> PydanticCustomError:
    """To be raised by a validator that sees several keys: (key below the validated one, what is wrong)."""
    return PydanticCustomError("refused_at", "{faults}", {"faults": list(faults)})


class Quantity:
    """Field metadata: a float inside, text with a unit (or a number, for a share) outside."""

    def __init__(self, kind: str, *, above=None, least=None, below=None, most=None):
        self.kind, self.above, self.least, self.below, self.most = kind, above, least, below, most

    @property
    def allowed(self) -> str:
        kind = units.KINDS[self.kind]
        example = kind.example if self.kind == "share" else f"'{kind.example}'"
        return f"{kind.name}{self.range} such as {example}" if self.kind != "share" else f"{kind.name}{self.range}"

    @property
    def range(self) -> str:
        def show(value):
            text = units.write(float(value), self.kind)
            return f"{text:g}" if self.kind == "share" else text if value else "0"

        parts = [f"above {show(self.above)}"] if self.above is not None else []
        parts += [f"from {show(self.least)}"] if self.least is not None else []
        parts += [f"below {show(self.below)}"] if self.below is not None else []
        parts += [f"up to {show(self.most)}"] if self.most is not None else []
        return "".join(f" {part}" for part in [" and ".join(parts)] if part).replace(" and up to", " to" if self.least is not None else " and up to")

    def read(self, given) -> float:
        try:
            value = units.parse(given, self.kind)
        except units.UnitError as error:
            raise refuse(str(error)) from None
        inside = (
            (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.below is None or value < self.below)
            and (self.most is None or value <= self.most)
        )
        if not inside:
            raise refuse(self.allowed)
        return value

    def __get_pydantic_core_schema__(self, source, handler):
        write = core_schema.plain_serializer_function_ser_schema(lambda value: units.write(value, self.kind), when_used="json")
        return core_schema.no_info_plain_validator_function(self.read, serialization=write)

    def __get_pydantic_json_schema__(self, schema, handler):
        if self.kind == "share":
            return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "%$"}]}
        return {"type": "string", "examples": [units.KINDS[self.kind].example]}


class Count:
    """Field metadata: a whole number."""

    def __init__(self, least: int, most: int):
        self.least, self.most = least, most
        self.allowed = f"a whole number from {least} to {most}"

    def read(self, given) -> int:
        whole = isinstance(given, int) or (isinstance(given, float) and given.is_integer())
        if isinstance(given, bool) or not whole or not self.least <= given <= self.most:
            raise refuse(self.allowed)
        return int(given)

    def __get_pydantic_core_schema__(self, source, handler):
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema, handler):
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


# --- faults ---------------------------------------------------------------------------------------


def _line(value) -> str:
    return " ".join(str(value).split())


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
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-1]}"


def nearest(word, known) -> str:
    """" (did you mean 'x'?)", or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def key_path(steps) -> str:
    return ".".join(step if re.fullmatch(r"[\w-]+", step) else repr(step) for step in map(str, steps))


def inner(annotation):
    """What an annotation is about: a Model, {tag: Model} for a tagged union, or the annotation itself."""
    if get_origin(annotation) is Annotated:
        return inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        options = [option for option in map(inner, get_args(annotation)) if option is not type(None)]
        if len(options) == 1:
            return options[0]
        if all(isinstance(option, type) and issubclass(option, Model) for option in options):
            return {get_args(option.model_fields["kind"].annotation)[0]: option for option in options}
    return annotation


def fields_by_key(model) -> dict:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _locate(model, loc):
    """(key path as the user wrote it, the model it ends in or None, the field at its end or None).

    pydantic puts the tag of a tagged union into the location; a user never wrote that step.
    """
    path, here, field, owner = [], model, None, None
    for step in loc:
        if isinstance(here, dict):
            here = here.get(step)
            continue
        owner, field = here if isinstance(here, type) and issubclass(here, Model) else None, None
        if owner is not None:
            field = fields_by_key(owner).get(step) or owner.model_fields.get(step)
            here = inner(field.annotation) if field else None
        else:
            args = get_args(here)
            here = inner(args[-1]) if args else None
        path.append(step)
    return path, owner, field


def faults_of(error: ValidationError, model, prefix=()) -> list[str]:
    """pydantic's errors as rheode's faults: "key.path: got VALUE; what is allowed"."""
    faults = []
    for item in error.errors(include_url=False):
        path, owner, field = _locate(model, item["loc"])
        where = key_path([*prefix, *path])
        given, context, kind = item["input"], item.get("ctx", {}), item["type"]
        if kind == "refused_at":
            for below, text in context["faults"]:
                faults.append(f"{'.'.join(filter(None, [where, below]))}: {text}")
            continue
        if kind == "missing":
            meaning = f"; {_first_words(field.description)}" if field is not None and field.description else ""
            faults.append(f"{where}: missing{meaning}")
            continue
        if kind == "extra_forbidden" and owner is not None:
            known = list(fields_by_key(owner))
            tag = owner.model_fields.get("kind")
            of = f" of kind {get_args(tag.annotation)[0]!r}" if tag is not None else ""
            section = f"'{key_path([*prefix, *path[:-1]])}'{of}" if path[:-1] or prefix else "a study"
            faults.append(f"{where}: unknown key{nearest(path[-1], known)}; the keys of {section} are {', '.join(known)}")
            continue
        if kind == "union_tag_not_found":
            faults.append(f"{where}.kind: missing; one of {_choices(context_tags(field))}")
            continue
        if kind == "union_tag_invalid":
            tags = context_tags(field)
            faults.append(f"{where}.kind: got {told(context['tag'])}{nearest(context['tag'], tags)}; one of {_choices(tags)}")
            continue
        if kind == "literal_error":
            choices = get_args(inner(field.annotation)) if field is not None else ()
            allowed = f"one of {_choices(choices)}" if len(choices) > 1 else f"only {_choices(choices)}"
            faults.append(f"{where}: got {told(given)}{nearest(given, map(str, choices))}; {allowed}")
            continue
        allowed = context.get("allowed") or _PLAIN.get(kind) or _line(item["msg"])
        if kind in ("model_type", "model_attributes_type", "dict_type") and owner is not None:
            target = inner(field.annotation) if field is not None else None
            if isinstance(target, type) and issubclass(target, Model):
                allowed += f" with the keys {', '.join(fields_by_key(target))}"
        faults.append(f"{where}: got {told(given)}; {allowed}")
    return list(dict.fromkeys(faults))


_PLAIN = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
}


def context_tags(field):
    return list(inner(field.annotation))


def _choices(options) -> str:
    return ", ".join(map(str, options))


def _first_words(description: str) -> str:
    text = description.split(";")[0].split(". ")[0].rstrip(".")
    return text[0].lower() + text[1:] if text[1:2].islower() else text
