"""Pages to look things up, made from the code: keys of run files, public names by task."""

from __future__ import annotations

import re

import hopnet

__all__ = ["TASKS", "write_names", "write_run_file_keys"]


# Bounds beyond this only keep numbers within the range of floats; the page leaves them out.
LARGE = 1e9


def in_words(kind):
    """Type and bounds of a key of a run file, in words."""
    names = {"integer": "whole number", "number": "number", "string": "text", "boolean": "flag"}
    if "enum" in kind:
        return " or ".join(f"`{value!r}`" for value in kind["enum"])
    if "const" in kind:
        return f"`{kind['const']!r}`"
    if "anyOf" in kind:
        parts = [in_words(part) for part in kind["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if kind.get("type") == "array":
        return f"list of {in_words(kind.get('items', {}))}s"
    text = names.get(kind.get("type"), "table")
    low, high = kind.get("minimum"), kind.get("maximum")
    low = None if low is not None and low < -LARGE else low
    high = None if high is not None and high > LARGE else high
    if kind.get("exclusiveMinimum") == 0:
        text += " above 0"
    elif low is not None:
        text += f" from {low:g}" if low or high is None else " from 0"
    if high is not None:
        text += f" to {high:g}"
    return text


def write_run_file_keys(target):
    """Every key of a run file: type, default and meaning, from the models that check them."""
    from hopnet.ensemble.config import RunConfig

    schema = RunConfig.model_json_schema()
    lines = ["# The run file: every key", ""]
    lines += ["A run file is TOML. A key that is not listed here is refused. The pages "]
    lines += ["[How to](how_to.md) and `runs/` have whole files.", ""]
    lines += ["```toml", 'question = "How does f depend on the spin relaxation time?"', ""]
    lines += ["[sites]", "n_sites = 20_000", "density = 0.01", "seed = 1", ""]
    lines += ["[spin]", 'tau_s = { start = 1.0, stop = 1e6, n = 13, spacing = "log" }', "```", ""]
    for name, section in schema["properties"].items():
        reference = section.get("$ref") or next(
            (part["$ref"] for part in section.get("anyOf", ()) if "$ref" in part), None
        )
        needed = " It must be there." if name in schema["required"] else ""
        if reference is None:
            lines += [f"## {name}", "", f"{section.get('description', '')}{needed}", ""]
            continue
        model = schema["$defs"][reference.rsplit("/", 1)[1]]
        lines += [f"## [{name}]", "", f"{section.get('description', '')}{needed}", ""]
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
        for key, value in model["properties"].items():
            default = value.get("default")
            must = "needed" if key in model.get("required", ()) else ""
            given = must or ("—" if default is None else f"`{default}`".replace("True", "true"))
            given = given.replace("False", "false")
            meaning = value.get("description", "").replace("|", "\\|")
            kind = in_words(value).replace("|", "\\|")
            lines += [f"| `{key}` | {kind} | {given} | {meaning} |"]
        lines += [""]
    (target / "run_file.md").write_text("\n".join(lines))


# The public names by what one wants to do. A test holds that each stands here once.
TASKS = {
    "Sites": "random_sites lattice_sites sites_from_positions read_sites with_energies Sites "
    "critical_length",
    "Networks": "build_network network_from_links read_matrix_market write_matrix_market Network "
    "find_triads Triads",
    "Current and resistance": "solve_current Current solve_terminals Terminals link_response "
    "activation_energy seebeck_coefficient peltier_heat admittance admittance_model solve_ring "
    "solve_torus Torus",
    "Hall effect": "hall_angle HallAngle hall_resistance hall_conductance hall_response",
    "Strong fields": "solve_bias Bias voltage_curve solve_drift Drift field_curve",
    "Spin": "f_curve FCurve f f_table solve_spin Spin spin_generation hanle_curve solve_kinetics",
    "Nuclear fields and spin memory": "overhauser_fields nuclear_average NuclearAverage nuclear_f "
    "NuclearF spin_relaxation SpinRelaxation spin_noise SpinNoise orientation_curve kubo_toyabe "
    "memory_of_a_site block_spins magnetoresistance MagnetoResistance",
    "Percolation": "percolation_threshold Threshold find_clusters Clusters sweep_clusters "
    "find_backbone Backbone",
    "Ensembles": "run_ensemble read_results sample_seed",
    "Materials": "Material read_material conductivities laboratory_numbers laboratory_table "
    "Laboratory",
    "Markov chains": "stationary_occupation first_passage",
    "Errors and warnings": "HopnetError ParameterError DataError ConvergenceError "
    "NotPercolatingError ValidityWarning",
}


def write_names(target):
    """The public names by task, one line each."""
    lines = ["# What `hopnet` offers", ""]
    lines += ["`import hopnet as hn`; then `hn.NAME`. Each name leads to its full description.", ""]
    for task, names in TASKS.items():
        lines += [f"## {task}", "", "| name | what it does |", "|---|---|"]
        for name in names.split():
            found = getattr(hopnet, name)
            first = (found.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
            first = re.sub(r"\s+", " ", first).replace("|", "\\|")
            lines += [f"| {{py:obj}}`{name} <{found.__module__}.{name}>` | {first} |"]
        lines += [""]
    (target / "names.md").write_text("\n".join(lines))
