"""The identity of a result directory: manifest.json and run.toml, both with a digest.

``manifest.json`` holds the identity of the run (what all its files share) and the versions and
processors that worked on it. ``run.toml`` is the run file; its last line is a comment with the
identity and a digest of the text above, so that a changed or exchanged file is noticed.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopnet.ensemble.tables import UnreadableFileError
from hopnet.errors import DataError, ParameterError
from hopnet.files import atomic_write, digest
from hopnet.machine import processor_name, versions

__all__ = [
    "Manifest",
    "check_identity",
    "read_manifest",
    "read_run_text",
    "seal",
    "write_manifest",
    "write_run_text",
]

# The last line of run.toml: the identity of the run and the digest of the text above the line.
SEAL = re.compile(r"^# hopnet: run [0-9a-f]{64}, text [0-9a-f]{64}\n?", re.MULTILINE)
# Largest manifest or run.toml that is read, in bytes: a run file has at most 1e6.
LARGEST_TEXT = 2_000_000


@dataclass(frozen=True)
class Manifest:
    """The manifest of a result directory.

    Attributes
    ----------
    identity : dict
        What all files of the directory share; see `hopnet.ensemble.config.RunConfig.identity`.
    history : list of dict
        Versions, processor and system that worked on it, with the time since when.
    """

    identity: dict[str, Any]
    history: list[dict[str, Any]]

    @property
    def identity_digest(self) -> str:
        """SHA-256 of the identity; every file of the directory carries it."""
        return digest(self.identity)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises
    ------
    FileNotFoundError
        If it is missing.
    ValueError
        If it is too large or no text.
    UnreadableFileError
        If the system cannot read it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_TEXT + 1)
    except FileNotFoundError:
        raise
    except OSError as failure:
        raise UnreadableFileError(
            f"cannot read {path} ({failure.strerror or failure}); nothing was changed: correct "
            "permissions or disk, then repeat the command."
        ) from None
    if len(data) > LARGEST_TEXT:
        raise ValueError("it is too large")
    return data.decode()


def read_manifest(directory: str | Path) -> Manifest:
    """The manifest of a result directory.

    Raises
    ------
    DataError
        If there is no run, or the manifest is damaged.
    UnreadableFileError
        If the system cannot read it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        kind = "a file" if directory.exists() else "not there"
        raise DataError(
            f"{str(directory)!r} is {kind}, a result directory is needed; give one that "
            "`hopnet run` has written."
        )
    try:
        content = json.loads(read_text(directory / "manifest.json"))
        rest = {key: value for key, value in content.items() if key != "digest"}
        manifest = Manifest(content["identity"], content["history"])
        if not isinstance(manifest.identity, dict) or not manifest.identity:
            raise ValueError("its identity is no table")
        known = isinstance(manifest.history, list) and all(
            isinstance(entry, dict)
            and isinstance(entry.get("versions"), dict)
            and isinstance(entry.get("processor"), str)
            for entry in manifest.history
        )
        if not known:
            raise ValueError("its history is not what a run writes")
        if digest(rest) != content["digest"] or content["config_hash"] != manifest.identity_digest:
            raise ValueError("its digest does not fit")
    except FileNotFoundError:
        raise DataError(
            f"{str(directory)!r} holds no run (no manifest.json); give a directory that "
            "`hopnet run` has written."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as failure:
        why = f"no {failure}" if isinstance(failure, KeyError) else str(failure)[:200]
        raise DataError(
            f"{str(directory)!r} has a damaged manifest.json ({why}); run `hopnet run` again with "
            "its run file: finished samples are kept."
        ) from None
    return manifest


def check_identity(directory: str | Path, found: dict, wanted: dict) -> None:
    """Raise an error that names the difference unless two identities are equal."""
    if digest(found) == digest(wanted):
        return
    differences = []
    for key in sorted(found.keys() | wanted.keys()):
        old, new = found.get(key, "not fixed"), wanted.get(key, "not fixed")
        if old != new:
            if isinstance(old, list) and isinstance(new, list) and key == "spin.tau_s":
                old, new = grid_words(old, new)
            differences.append(f"{key} ({old} there, {new} here)")
    raise ParameterError(
        f"{str(directory)!r} holds another run, with other {'; '.join(differences)}; "
        "give --out another directory (samples and scan points may be added to a run, "
        "its physics may not change)."
    )


def grid_words(old: list, new: list) -> tuple[str, str]:
    """Two different lists of times as two short texts that differ."""
    words = [f"{len(grid)} times {min(grid):g} .. {max(grid):g}" for grid in (old, new)]
    if words[0] == words[1]:
        place = next(i for i, (a, b) in enumerate(zip(old, new)) if a != b)
        words = [f"{grid[place]!r} in place {place}" for grid in (old, new)]
    return words[0], words[1]


def write_manifest(directory: str | Path, identity: dict) -> None:
    """Write manifest.json, or add to its history when versions or processor have changed.

    A damaged manifest is replaced: the files of the samples carry the identity of their run, so
    it is known which of them belong to ``identity``.
    """
    now = {"versions": versions(), "processor": processor_name(), "system": platform.platform()}
    try:
        history = read_manifest(directory).history
    except DataError:
        history = []
    known = [{k: v for k, v in entry.items() if k != "since"} for entry in history]
    if now in known:
        return
    history = [*history, {"since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | now]
    content = {"identity": identity, "config_hash": digest(identity), "history": history}
    content["digest"] = digest(content)
    with atomic_write(Path(directory) / "manifest.json") as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def seal(text: str, identity_digest: str) -> str:
    """A run file with the line that holds the identity and the digest of the text."""
    bare = SEAL.sub("", text)
    if not bare.endswith("\n"):
        bare += "\n"
    own = hashlib.sha256(bare.encode()).hexdigest()
    return f"{bare}# hopnet: run {identity_digest}, text {own}\n"


def write_run_text(directory: str | Path, text: str, identity_digest: str) -> None:
    """Write run.toml with its last line, unless it is there with the same content."""
    path = Path(directory) / "run.toml"
    data = seal(text, identity_digest).encode()
    with atomic_write(path) as file:
        file.write(data)


def read_run_text(directory: str | Path, identity_digest: str) -> str:
    """The text of run.toml, believed only if its last line fits.

    Raises
    ------
    DataError
        If it is missing, changed, or belongs to another run.
    """
    advice = "run `hopnet run` again with the run file: finished samples are kept"
    try:
        # Line ends as they are: translating them would change the digest.
        text = read_text(Path(directory) / "run.toml")
    except FileNotFoundError:
        raise DataError(f"{str(directory)!r} has lost its run.toml; {advice}.") from None
    except ValueError as failure:
        raise DataError(
            f"{str(directory)!r} has a damaged run.toml ({failure}); {advice}."
        ) from None
    if not SEAL.search(text) or seal(text, identity_digest) != text:
        raise DataError(
            f"{str(directory)!r} has a run.toml that was changed or belongs to another run; "
            f"{advice}."
        )
    return text
