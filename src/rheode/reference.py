"""What a study file may contain, told from its models: the JSON schema for editors, docs/study.md for people."""

from typing import get_args

from . import materials as library
from .electrode import design as designing
from .materials import Ends, Known, Material
from .reading import ALLOWED, FieldType, Model, fields_by_key, inner
from .study import EXAMPLES, Study


def json_schema() -> dict:
    """The JSON schema of a study file; descriptions say which unit or range a value needs."""
    schema = Study.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    # As written, a study may leave its name to its file, and a material may extend another.
    schema["required"].remove("name")
    material = schema["$defs"]["Material"]
    material["properties"]["extends"] = {"type": "string", "description": "A material to take everything else from: a name or the path of a .yaml file"}
    del material["required"]
    rest = schema["$defs"]["Cycling"]["properties"]["rest"]
    rest["anyOf"] = [{"$ref": rest.pop("$ref")}, {"type": "string", "examples": ["1 h"]}]
    _say_allowed(schema)
    return schema


def _say_allowed(node):
    """Move what is allowed, which the field types noted, into the descriptions."""
    if isinstance(node, dict):
        options = [option for option in [node, *node.get("anyOf", [])] if ALLOWED in option]
        if options:
            node["description"] = ": ".join(filter(None, [node.get("description"), " or ".join(option.pop(ALLOWED) for option in options)]))
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _say_allowed(child)


def study_page() -> str:
    """docs/study.md: a complete example, then a table for each section."""
    example = (EXAMPLES / "se-60mse.yaml").read_text(encoding="utf-8").strip()
    parts = [
        "# The study file",
        "A study is a YAML file. Every dimensional value is text with its unit (`100 MPa`, `10 um`, `70 degC`, `0.1 C`); "
        "a bare number there is a fault. Unknown keys are faults too. `rheode validate STUDY` lists all faults of a file at once "
        "and what is doubtful about a study that has none; `rheode validate STUDY --complete` prints it with every default written out. "
        "`rheode schema` prints the JSON schema, with which editors complete the keys. "
        "This page is written by `rheode schema --markdown`.",
        "The bundled example `se-60mse`:",
        f"```yaml\n{example}\n```",
        "On the command line `--set KEY=VALUE` overrides an entry (dotted key path, YAML value, repeatable):",
        "```\nrheode run se-60mse --set cycling.cycles=2 --set 'walls={kind: rigid}' -o runs/rigid\n```",
    ]
    parts += _section("The study", Study, ())
    parts += [
        "## Materials",
        "`rheode materials` lists the library, `rheode materials NAME` shows every value with its source. "
        "A study's own materials stand under `materials`, or in a file of the same form that a phase names by its path (from the study file). "
        "`extends` takes everything that is not given from another material; `null` takes a value away.",
        "```yaml\nmaterials:\n  softer-selenium:\n    extends: selenium\n    young_modulus: 12 GPa            # the same at every x\n"
        "    reference_stress:\n      unlithiated: {value: 5 GPa, source: my indents, conditions: 70 degC}\n      lithiated: 4 GPa\n```",
        "A value is the bare value or `{value, uncertainty, source, temperature, conditions}`; where it may follow lithiation, one value for all x or "
        "`{unlithiated, lithiated}` for x = 0 and x = 1 (an end that is left out is not known). Every value may be missing; "
        "what a command needs and does not find is a fault that names it. `creep_rate`, `stress_exponent` and `reference_stress` come together; without them a material is elastic.",
    ]
    parts += [_table(Material, extra=[("extends", "a text", "", "A material to take everything else from: a name or the path of a .yaml file")])]
    parts += ["### `branches.NAME` of a viscoelastic material", library.Branch.__doc__.strip(), _table(library.Branch)]
    return "\n\n".join(parts) + "\n"


def design_page() -> str:
    """docs/design.md: what a design file may hold, what follows from it, and by which equation."""
    examples = "\n\n".join(f"`{name}`:\n\n```yaml\n{(designing.DESIGNS / f'{name}.yaml').read_text(encoding='utf-8').strip()}\n```" for name in designing.bundled())
    follows = ["| quantity | unit | how |", "|---|---|---|", *(f"| {name} | {unit or '-'} | {source or 'given, or that of the components by their share of the capacity'} |" for name, (unit, _, source) in designing.QUANTITIES.items())]
    parts = [
        "# The design file",
        "`rheode design DESIGN` computes an electrode from what goes in and how densely it is pressed. DESIGN is a YAML file or a bundled one "
        f"({', '.join(f'`{name}`' for name in designing.bundled())}; `--print` prints it, to start one of your own from). `--set KEY=VALUE` overrides an entry, `--csv FILE` writes what follows "
        "(quantity, value, uncertainty, unit, source), `--sweep FILE` the sweep over composition as CSV, `--pressing FILE` everything along the pressing curve as CSV, `--figure FILE` the charts as PDF and PNG. "
        "Several designs are put side by side. This page is written by `rheode design --markdown`.",
        "```\nrheode design se-60mse --sweep mixtures.csv --figure mixtures.pdf        # porosity and energy density against framework content\n"
        "rheode design se-60mse se-50se-10sp --pressing two.csv --figure two.pdf  # porosity and density of two cathodes against pressure (Fig. 2d of Xiong et al. 2024)\n```",
        "In Python:",
        '```python\nimport rheode\n\ndesign = rheode.Design.load("se-60mse", overrides=["loading=5 mg/cm^2"])\ndesign.value("energy density")  # Wh/L\ndesign.quantities()  # every quantity with its uncertainty\ndesign.swept()  # a row a composition\ndesign.pressed()  # a row a pressure\n```',
        "## Kinds of electrode",
        "\n".join(f"- `{kind}`: {words}." for kind, words in designing.KINDS.items()),
        "Equations are those of Xiong et al. 2024, Supplementary Information, Section 1 (doi 10.1038/s41467-024-48174-8). Eq. 10 divides by V_0, which Eq. 2 defines as the volume without pores; "
        "the published energy densities obey the measured volume instead ([audit.md](audit.md)), and so does `energy density` here. `energy density without pores` is Eq. 10 to the letter.",
        "Of a liquid-filled electrode the loading and the measured capacity are per mass of the solid, as they are weighed; density and specific energy count the liquid in the pores.",
        "## What goes in",
        "Components by weight or by volume, all in the same way; a loading, or a mass and an area (or diameter); and one of a thickness, a porosity and a pressing curve (a thickness and a porosity together give the loading). Fractions may be written as percentages. "
        "Density, capacity, voltage and change of volume of a component are taken from its material unless they are given. What is missing there is a fault that names it, and nothing is guessed; only a missing change of volume leaves no more than the balance of volumes unknown.",
        _table(designing.Design),
    ]
    for title, model in (("components.NAME", designing.Component), ("liquid", designing.Liquid), ("pressing", designing.Pressing), ("uncertainty", designing.Uncertainty), ("sweep", designing.Sweep)):
        parts += [f"## `{title}`", model.__doc__.strip(), _table(model)]
    parts += [
        "## What follows",
        "\n".join(follows),
        "Uncertainties are propagated to first order, the measured numbers independent of each other: a thickness known to 10 % makes the density uncertain by 10 % and a porosity p by (1 - p) 10 %. "
        "A bound that a source prints counts as one standard uncertainty: the bundled designs take the \"as high as 10 %\" of the Supplementary Information (below Eq. 3, of densities and porosities, from the thickness) for the thickness. "
        "That is conservative; were every thickness within the bound equally likely, the standard uncertainty would be 10 %/sqrt(3), 5.8 %.",
        "## What a sweep assumes",
        "A sweep changes the composition and keeps what belongs to one electrode: the utilisation (given, or from the measured capacity), a given voltage and, unless a pressing table has it by composition, the porosity. "
        "What is kept stands on the terminal and below the chart. Utilisation usually falls where a framework or an electrolyte gets scarce, so away from the electrode that was measured the curve is what a mixture *would* give if it were used as well, not a prediction. "
        "Utilisations that were measured at other compositions go into the sweep: `utilisation: {20 %: 60 %, 80 %: 90 %}`. A voltage that is not given follows the components by their share of the capacity.",
        "## Room to swell",
        "The balance counts volumes only: every component that holds lithium swells in proportion to the lithiation, from the state it was pressed in, and the others keep their volume. "
        "With a porosity p and a solid that swells by s per volume as pressed, a box of constant volume is full when (1 - p)(1 + s x) = 1. Beyond, a stack at constant pressure gains at least the excess in thickness (`thickness gained`, if the solid first flows into every pore), "
        "and s x if no pore is filled (`thickness gained with pores`). `porosity needed` is the one with which the box is just full at `lithiation`. How far particles do flow into pores is what `rheode run` computes.",
        "## Bundled designs",
        examples,
    ]
    return "\n\n".join(parts) + "\n"


WORKS = {
    "Xiong et al. 2024": "Creep-type all-solid-state cathode achieving long life, Nature Communications 15 (2024), doi 10.1038/s41467-024-48174-8, and its Supplementary Information",
    "Sung et al.": "Mixed ionic and electronic conducting ultra-thin lithium silicide interlayer for solid-state lithium batteries, with its Supplementary Information",
    "Pan et al. 2024": "A solid-state lithium-ion battery with micron-sized silicon anode operating free from external pressure, Nature Communications 15 (2024), doi 10.1038/s41467-024-46472-9",
    "Deng et al. 2016": "Elastic properties of alkali superionic conductor electrolytes from first principles calculations, Journal of the Electrochemical Society 163 (2016) A67, doi 10.1149/2.0061602jes",
    "Masias et al. 2019": "Elastic, plastic, and creep mechanical properties of lithium metal, Journal of Materials Science 54 (2019) 2585, doi 10.1007/s10853-018-2971-3",
    "Sethuraman et al. 2010": "In situ measurements of stress evolution in silicon thin films during electrochemical lithiation and delithiation, Journal of Power Sources 195 (2010) 5062, doi 10.1016/j.jpowsour.2010.02.013",
    "Kondrakov et al. 2017": "Anisotropic lattice strain and mechanical degradation of high- and low-nickel NCM cathode materials for Li-ion batteries, Journal of Physical Chemistry C 121 (2017) 3286",
    "Faraday's law": "the capacity of a formula from the lithium in it",
    "CRC Handbook": "CRC Handbook of Chemistry and Physics, CRC Press, section Physical Constants of Inorganic Compounds",
    "estimate": "a value that no source gives and a run needs, with what it rests on beside it",
}  # every source of the library begins with one of these


def materials_page() -> str:
    """docs/materials.md: what the library knows, then every value with its source."""
    groups = library.grouped()
    shown = {"young_modulus": "E", "shear_modulus": "G", "melting_temperature": "melting", "density": "density", "capacity": "capacity", "voltage": "voltage", "volume_change": "dV"}
    parts = [
        "# The materials of the library",
        "Every value with its unit, source and conditions, as `rheode materials NAME` shows it. What is not printed in a named source is missing, or is called an estimate and says what it rests on; "
        "a command that needs a missing value says which one of which material. "
        "Where a material has two ends, `a; b` stands for unlithiated; lithiated, and `-` for an end that is not known. "
        "A lithiated end member is found by its formula (`rheode materials li2se`), and so is a material (`Se`). "
        "This page is written by `rheode materials --markdown`.",
        "## Overview",
    ]
    for group, members in groups.items():
        lines = [f"| {group} | formula | {' | '.join(shown.values())} |", "|---" * (len(shown) + 2) + "|"]
        for each in members:
            ends = ", lithiated ".join(library.listed(formulas)[0] for formulas in (each.formula, each.lithiated_formula) if formulas)
            lines.append(f"| [`{each.name}`](#{each.name}) | {ends} | {' | '.join(_briefly(each, parameter) for parameter in shown)} |")
        parts.append("\n".join(lines))
    parts += ["## Sources", "\n".join(f"- **{work}**: {title}." for work, title in WORKS.items())]
    parts.append("Works that a row or a sentence of these cites are named with the value.")
    for each in (each for members in groups.values() for each in members):
        parts += [f"## {each.name}", f"{each.title}. Law `{each.law}`, {each.interpolation} between the end members, made {each.made}."]
        rows = [f"| {name.replace('_', ' ')} | {library.amount(known)} | {known.get('source', '')} | {'; '.join(library.origin(known)[1:])} |" for name, known in each.statements()]
        if rows:
            parts.append("\n".join(["| what | value | source | conditions |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _briefly(material, parameter):
    found = material.definition().get(parameter)
    if not isinstance(found, dict):
        return ""
    if not found.keys() <= {*library.ENDS}:
        return library.amount(found)
    ends = [library.amount(found[end]) if end in found else "-" for end in library.ENDS]
    return "; ".join(ends) if material.lithiated_formula else next(end for end in ends if end != "-")


NAMED = {"phases": "NAME", "interfaces": "PHASE-PHASE"}  # sections of a study whose keys are names


def _section(title, model, path):
    parts = [f"## {title}", model.__doc__.strip().split("\n\n")[0] if path else "Sections have their own tables below.", _table(model)]
    for key, field in fields_by_key(model).items():
        target = inner(field.annotation)
        if key == "materials":
            continue
        here = (*path, key)
        name = ".".join(here)
        if isinstance(target, dict):
            for tag, option in target.items():
                parts += _section(f"`{name}` of kind `{tag}`", option, here)
        elif isinstance(target, type) and issubclass(target, Model):
            parts += _section(f"`{name}`", target, here)
        elif key in NAMED:
            parts += _section(f"`{key}.{NAMED[key]}`", get_args(target)[1], (*here, NAMED[key]))
    return parts


def _table(model, extra=()):
    rows = [(key, _type(field), _default(field, key), field.description) for key, field in fields_by_key(model).items()]
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | {kind} | {default} | {meaning} |".replace("  ", " ") for key, kind, default, meaning in [*extra, *rows]]
    return "\n".join(lines)


def _type(field):
    """What may stand there, in words."""
    for metadata in _metadata(field):
        if isinstance(metadata, FieldType):
            return metadata.allowed
    target = inner(field.annotation)
    if isinstance(target, dict):
        return f"a section of kind {', '.join(f'`{tag}`' for tag in target)}"
    if isinstance(target, type) and issubclass(target, (Known, Ends)):
        value = next(iter(target.model_fields.values()))
        follows = "; may follow x" if issubclass(target, Ends) else ""
        return (_type(next(iter(inner(value.annotation).model_fields.values()))) if follows else _type(value)) + follows
    if isinstance(target, type) and issubclass(target, Model) or getattr(target, "__origin__", None) is dict:
        return "a section"
    if choices := get_args(target):
        return ", ".join(f"`{choice}`" for choice in choices)
    return {str: "a text", bool: "`true` or `false`"}[target]


def _metadata(field):
    """Annotations of the field, also those inside an optional type."""
    return [*field.metadata, *(inside for option in get_args(field.annotation) for inside in getattr(option, "__metadata__", ()))]


def _default(field, key):
    if field.is_required():
        return "the file's name" if key == "name" else "required"
    value = field.default
    for metadata in field.metadata:
        if isinstance(metadata, FieldType):
            return f"`{metadata.write(value)}`"
    if isinstance(value, Model):
        return "as below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"  # as YAML writes it
    return f"`{value}`" if value not in (None, "", {}) else ""
