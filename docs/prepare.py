"""Collects the pages of the reference site: `python docs/prepare.py build/docs-source`.

It copies the pages of this folder and the texts of the project (README, EQUATIONS, ERRATA, ...),
with their links turned into links of the site. It writes the help of every command and one page per
room. It runs each lesson of notebooks/ that has changed, and puts the pictures into a gallery.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from lookup import write_names, write_run_file_keys
from nbclient import NotebookClient

import hopnet

ROOT = Path(__file__).resolve().parents[1]
# OWNER/NAME of the public repository; with it, lessons link to Binder and Colab.
REPOSITORY = "HOPNET_REPOSITORY"
DRAWING = re.compile(r"plt\.|axes|figure|\.set\(|legend")
TEXTS = {
    "README.md": "readme.md",
    "hopnet/EQUATIONS.md": "equations.md",
    "ERRATA.md": "errata.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "runs/results/ensembles.md": "results.md",
}


def rooms():
    """Every page of the reference: name, title and modules, read from the folders.

    Each folder of the package is a room and has one page. The modules that stand in no room are
    the ground and share one.
    """
    folders = sorted(found.name for found in pkgutil.iter_modules(hopnet.__path__) if found.ispkg)
    ground = sorted(
        found.name for found in pkgutil.iter_modules(hopnet.__path__) if not found.ispkg
    )
    pages = {name: (name.capitalize(), modules_of(f"hopnet.{name}")) for name in folders}
    pages["kernels"] = ("Kernels", modules_of("hopnet.kernels"))
    del pages["cli"]  # the commands have a page of their own
    return {"ground": ("Ground", [f"hopnet.{name}" for name in ground])} | pages


def copy_texts(target):
    """Copy the texts of the project; turn their links into links of the site; copy pictures."""
    for source, page in TEXTS.items():
        path = ROOT / source
        if not path.exists():
            continue

        def link(match, path=path):
            text, goal = match[1], match[2]
            found = (path.parent / goal.split("#")[0]).resolve()
            if "://" in goal or goal.startswith("#") or not found.exists():
                return match[0]
            inside = str(found.relative_to(ROOT))
            if inside in TEXTS:
                return f"[{text}]({TEXTS[inside]})"
            if found.suffix in {".png", ".svg"}:
                shutil.copy(found, target / found.name)
                return f"[{text}]({found.name})"
            return text if text.startswith("`") else f"`{text}`"

        text = re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", link, path.read_text())
        if page == "equations.md":
            text = "---\nhide-toc: true\n---\n\n" + link_equations(text)
        (target / page).write_text(text)


def link_equations(text):
    """The table of equations with an anchor for each label, and links to functions and kernels."""
    pages = {module: page for page, (_, names) in rooms().items() for module in names}

    def place(package, cell):
        def link(match):
            module = f"{package}.{match[1]}"
            home = pages.get(module)
            return f"[`{match[1]}:{match[2]}`](api/{home}.rst)" if home else match[0]

        return re.sub(r"`([\w.]+):([\w.]+)`", link, cell)

    rows = []
    for line in text.splitlines():
        if match := re.match(r"\| *\[(\w+) (\w+)\] *\|", line):
            _, says, function, kernel, rest = line[1:].split("|", 4)
            anchor = f"[{match[1]} {match[2]}]{{#{match[1]}-{match[2].lower()}}}"
            function, kernel = place("hopnet", function), place("hopnet.kernels", kernel)
            line = f"| {anchor} |{says}|{function}|{kernel}|{rest}"
        rows.append(line)
    return "\n".join(rows)


def modules_of(name):
    """The names of a package and of all modules in it."""
    package = importlib.import_module(name)
    below = sorted(found.name for found in pkgutil.walk_packages(package.__path__, f"{name}."))
    return [name, *below]


def write_reference(target):
    """One page per room, one section per module, from the docstrings."""
    folder = target / "api"
    folder.mkdir(exist_ok=True)
    for page, (title, names) in rooms().items():
        lines = [title, "=" * len(title), ""]
        for name in names:
            lines += [name, "-" * len(name), "", f".. automodule:: {name}"]
            if hasattr(importlib.import_module(name), "__path__"):
                lines += ["   :no-members:"]  # its names are those of the modules below it
            lines += [""]
        (folder / f"{page}.rst").write_text("\n".join(lines))


def write_commands(target):
    """The help of every command, as the terminal prints it."""
    environment = os.environ | {"COLUMNS": "82", "TERM": "dumb", "NO_COLOR": "1"}

    def shown(*words):
        command = [sys.executable, "-m", "hopnet.cli.main", *words, "--help"]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def below(text):
        panels = re.findall(r"╭─ ([^─]+) ─(.*?)╰", text, re.DOTALL)
        own = "".join(block for title, block in panels if title not in {"Options", "Arguments"})
        return re.findall(r"^│ (\w[\w-]*) ", own, re.MULTILINE)

    top = shown()
    parts = ["# The command line", "```text", top.strip(), "```"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        helps = dict(zip(below(top), pool.map(shown, below(top))))
        for name, text in helps.items():
            parts += [f"## hopnet {name}", "```text", text.strip(), "```"]
            subs = below(text)
            for sub, help_ in zip(subs, pool.map(lambda sub, name=name: shown(name, sub), subs)):
                parts += [f"### hopnet {name} {sub}", "```text", help_.strip(), "```"]
    (target / "commands.md").write_text("\n\n".join(parts) + "\n")


def run_lesson(path, folder):
    """Run one lesson unless this version was run before; return its title and its pictures."""
    small = os.environ.get("HOPNET_SMALL", "")
    own = (small, str(os.environ.get(REPOSITORY)), Path(__file__).read_text(), path.read_text())
    stamp = hashlib.sha256("".join(own).encode()).hexdigest()
    kept = folder / f"{path.stem}.ipynb"
    if kept.exists():
        notebook = nbformat.read(kept, as_version=4)
        if notebook.metadata.get("stamp") == stamp:
            return collect(notebook, path.stem, folder)
    print("running", path.name, flush=True)
    notebook = jupytext.read(path)
    place = folder / "work"
    place.mkdir(exist_ok=True)
    NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(place)}},
        extra_arguments=["--IPKernelApp.log_level=40"],
    ).execute()
    fold_drawing(notebook)
    add_downloads(notebook, path, folder)
    notebook.metadata["stamp"] = stamp
    nbformat.write(notebook, kept)
    return collect(notebook, path.stem, folder)


def fold_drawing(notebook):
    """Fold the cells that mostly draw: a reader opens them with one click."""
    for cell in notebook.cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        drawing = sum(bool(DRAWING.search(line)) for line in lines)
        if cell.cell_type == "code" and len(lines) > 8 and drawing >= 3:
            cell.metadata["tags"] = [*cell.metadata.get("tags", ()), "hide-input"]


def add_downloads(notebook, path, folder):
    """Links below the title: the script, the notebook and, for a known address, where to run it."""
    shutil.copy(path, folder / path.name)
    plain = folder / "notebooks"
    plain.mkdir(exist_ok=True)
    jupytext.write(jupytext.read(path), plain / f"{path.stem}.ipynb")
    links = [
        f"{{download}}`script <{path.name}>`",
        f"{{download}}`notebook <notebooks/{path.stem}.ipynb>`",
    ]
    if place := os.environ.get(REPOSITORY):
        links += [
            f"[Binder](https://mybinder.org/v2/gh/{place}/HEAD?labpath=notebooks/{path.name})",
            f"[Colab](https://colab.research.google.com/github/{place}/blob/main/"
            f"docs/lessons/{path.stem}.ipynb)",
        ]
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\nDownload: {', '.join(links)}\n{rest}"


def caption_of(text):
    """The first sentence of the last paragraph of a text that is not a heading or a list."""
    paragraphs = [p for p in text.split("\n\n") if p.strip() and p[0] not in "#-|$`"]
    if not paragraphs:
        return ""
    sentence = re.split(r"(?<=[.:])\s", " ".join(paragraphs[-1].split()), maxsplit=1)[0]
    return sentence.rstrip(":")


def collect(notebook, stem, folder):
    """(stem, title, first paragraph, [(picture, caption)]): the pictures as files."""
    title, _, story = notebook.cells[0].source.partition("\n")
    story = re.sub(r"^\s*Download: .*\n", "", story)
    pictures, heading, caption = [], "", ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = found[-1] if found else heading
            caption = caption_of(cell.source) or caption
        for output in cell.get("outputs", ()):
            if image := output.get("data", {}).get("image/png"):
                name = f"{stem}_{len(pictures) + 1}.png"
                (folder / name).write_bytes(base64.b64decode(image))
                pictures.append((name, f"**{heading}.** {caption}"))
    return stem, title.lstrip("# "), story.strip().split("\n\n")[0], pictures


def write_lessons(target):
    """Every lesson run, a page that lists them, and the gallery of their pictures."""
    folder = target / "lessons"
    folder.mkdir(exist_ok=True)
    paths = sorted((ROOT / "notebooks").glob("*.py"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lessons = list(pool.map(lambda path: run_lesson(path, folder), paths))
    cards, gallery = [], ["# Gallery", "", "All pictures, each with a link to its lesson.", ""]
    gallery += ["::::{grid} 1 1 2 2", ":gutter: 3", ""]
    for stem, title, story, pictures in lessons:
        cards += [f":::{{grid-item-card}} {title}", f":link: lessons/{stem}", ":link-type: doc"]
        cards += [f":img-bottom: lessons/{pictures[0][0]}"] * bool(pictures) + [
            "",
            story,
            ":::",
            "",
        ]
        for picture, caption in pictures:
            gallery += [":::{grid-item-card}", f":link: lessons/{stem}", ":link-type: doc"]
            gallery += [
                f":img-top: lessons/{picture}",
                ":class-card: picture",
                "",
                f"{caption} *{title}*",
                ":::",
            ]
            gallery += [""]
    (target / "gallery.md").write_text("\n".join([*gallery, "::::", ""]))
    tree = ["```{toctree}", ":hidden:", "", *(f"lessons/{stem}" for stem, *_ in lessons), "```"]
    words = "Scripts in `notebooks/` with pictures; the last cell of each checks what it states."
    (target / "lessons.md").write_text(
        "\n".join(
            [
                "# Lessons",
                "",
                words,
                "",
                "::::{grid} 1 1 2 2",
                ":gutter: 3",
                "",
                *cards,
                "::::",
                "",
                *tree,
                "",
            ]
        )
    )


def main(target):
    """Fill the folder ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    for page in (ROOT / "docs").glob("*.md"):
        shutil.copy(page, target)
    shutil.copytree(ROOT / "docs" / "_static", target / "_static", dirs_exist_ok=True)
    copy_texts(target)
    write_reference(target)
    write_run_file_keys(target)
    write_names(target)
    write_commands(target)
    write_lessons(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
