"""The command ``hopnet`` with all its groups; an error prints one sentence, with exit code 2."""

import sys
import warnings
from functools import cache
from typing import Annotated, Any

import typer

from hopnet.errors import HopnetError, ValidityWarning

# Longest message about the command line, in characters. A shorter one would cut the lists of names.
LONGEST_MESSAGE = 400

# The groups of ``hopnet --help``, in their order.
PANELS = {
    "Ensembles of samples": "run estimate status collect plot view",
    "One sample": "hanle step temperature walk kinetics field transport hall memory",
    "A material in SI units": "material",
    "Percolation": "percolation",
    "Delocalised electrons and magnets": "boltzmann berry pumping",
    "Tools": "doctor bench",
}
PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names.split()}

# What a wrong option raises. Some versions of typer bring their own copy of click, so the class is
# looked up among the ancestors of typer's error.
USAGE_ERRORS: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
INTERRUPTED = 130

__all__ = ["PANELS", "main"]

app = typer.Typer(
    name="hopnet",
    help="Charge and spin in hopping conductors, from exact solutions of random networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool):
    """Print the version and exit."""
    if wanted:
        from hopnet import __version__

        print(f"hopnet {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
):
    """Charge and spin in hopping conductors, from exact solutions of random networks."""


@cache  # once per process: a second time would register every command twice
def add_topics():
    """Register every command group; each imports its physics only when it runs."""
    from hopnet.cli import (
        bench,
        berry,
        boltzmann,
        doctor,
        dynamics,
        field,
        hall,
        kinetics,
        material,
        memory,
        percolation,
        pumping,
        run,
        transport,
    )

    for topic in (
        run,
        percolation,
        dynamics,
        field,
        hall,
        transport,
        memory,
        material,
        kinetics,
        berry,
        pumping,
        boltzmann,
        bench,
        doctor,
    ):
        topic.add_to(app)
    for one in (*app.registered_commands, *app.registered_groups):
        own = one.name or getattr(getattr(one, "typer_instance", None), "info", one).name
        name = own or getattr(one.callback, "__name__", "")
        one.rich_help_panel = PANEL_OF.get(str(name), "Tools")


def show_warning(message, category, filename, lineno, _file=None, line=None):
    """Print a validity warning as one line on standard error, other warnings as Python does."""
    if issubclass(category, ValidityWarning):
        print(f"warning: {message}", file=sys.stderr)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def show_usage_error(error: Any) -> None:
    """Print one sentence about a wrong or missing option, or the help page of a bare group."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "hopnet"
    message = " ".join(error.format_message().split()).rstrip(".")
    if len(message) > LONGEST_MESSAGE:  # it quotes what was typed
        message = f"{message[:LONGEST_MESSAGE]} ..."
    print(f"error: {message}; `{command} --help` lists what it takes.", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Entry point of the console script.

    Parameters
    ----------
    argv : list of str, optional
        The command line after the program's name (default: ``sys.argv[1:]``).

    Returns
    -------
    int
        Exit code: 0, or 2 for bad input, or 130 when interrupted.
    """
    add_topics()
    before = warnings.showwarning
    warnings.showwarning = show_warning
    try:
        code = app(args=argv, standalone_mode=False, prog_name="hopnet") or 0
    except HopnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except USAGE_ERRORS as error:
        show_usage_error(error)
        return 2
    except OSError as error:  # a folder that is a file, a full or forbidden disk
        print(
            f"error: {error.filename or 'a file'}: {error.strerror or error}; give a place that "
            "can be read or written.",
            file=sys.stderr,
        )
        return 2
    except MemoryError:
        print(
            "error: the memory of this machine does not suffice for this; take smaller numbers.",
            file=sys.stderr,
        )
        return 2
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    finally:
        warnings.showwarning = before
    if code == INTERRUPTED:
        print("interrupted; what was finished is kept", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
