"""The reference site: sphinx over what docs/prepare.py gathers; `make docs` does both."""

import re
import sys
from pathlib import Path

import numba

numba.config.DISABLE_JIT = True  # kernels are read as functions, nothing is compiled

from docutils import nodes  # noqa: E402
from docutils.utils.math.latex2mathml import tex2mathml  # noqa: E402

import hopnet  # noqa: E402

ROOT = Path(hopnet.__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from docstrings import split_names  # noqa: E402

project = "hopnet"
author = "The hopnet developers"
copyright = "the hopnet developers, BSD-3-Clause"
version = release = hopnet.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_copybutton",
]
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["lessons/notebooks/**", "lessons/work/**"]  # for download only
nb_execution_mode = "off"  # docs/prepare.py has run the lessons
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "none"  # the sections of the docstrings say more
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_use_admonition_for_notes = False
default_role = "literal"
add_module_names = False
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"hopnet {version}"
html_static_path = ["_static"]
html_css_files = ["hopnet.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
html_math_renderer = "mathml"
suppress_warnings = ["ref.python"]  # a type such as float64[n_sites] leads nowhere

LABEL = re.compile(
    r"\[(hopping|qbe|rashba|berry|pumping|hall|response|thermopower|admittance|field|nuclei) "
    r"([ABCS]?\d+[ab]?)\]"
)


PUBLIC = re.compile(r"^`(?:hopnet\.)?(\w+)`$")  # `f_curve` in a docstring leads to f_curve


def refer(match):
    """A reference to a public name, or the text as it was."""
    if match[1] not in hopnet.__all__:
        return match[0]
    name = f"{getattr(hopnet, match[1]).__module__}.{match[1]}"
    return f":py:obj:`{match[1]} <{name}>`"


def write_inline_math(self, node):
    """Formulas as MathML: drawn by the browser, nothing fetched."""
    formula = node.astext()
    if formula.startswith(("_", "^")):  # Bi$_2$Se$_3$: an index needs something to hang on
        formula = "{}" + formula
    self.body.append(tex2mathml(formula, as_block=False))
    raise nodes.SkipNode


def write_block_math(self, node):
    """The same on a line of its own."""
    self.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def plain_text(app, what, name, obj, options, lines):
    """Docstrings are written for the terminal: stars, bars and underscores mean themselves.

    Equation labels lead to their row in the table of equations. Literal blocks stay as they are.
    """
    lines[:] = split_names(lines)
    literal = None  # indentation of the line that began a literal block
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indent <= literal:
            literal = None
        if literal is None and not line.lstrip().startswith((">>>", "...")):
            if line.rstrip().endswith("::"):
                literal = indent
            line = re.sub(r"^(\s*)\.\. \[(\d)\]", r"\1[\2]", line)
            parts = re.split(r"(``.+?``|`[^`]+`)", line)  # what is quoted already stays
            parts[1::2] = (PUBLIC.sub(refer, part) for part in parts[1::2])
            parts[::2] = (re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", p) for p in parts[::2])
            lines[number] = LABEL.sub(
                lambda m: f"`{m[0]} <../equations.html#{m[1]}-{m[2].lower()}>`__",
                "".join(parts).replace("]_", "] "),
            )


def setup(app):
    """Called by sphinx."""
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(write_inline_math, None),
        block_renderers=(write_block_math, None),
    )
    app.connect("autodoc-process-docstring", plain_text, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
