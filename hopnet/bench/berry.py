"""Berry: the same numbers as WannierBerri and PythTB, and how long each takes.

Both peers are GPL and stay the user's own to install (``pip install wannierberri "pythtb<2"``,
the extra ``bench-berry``); without them their rows say so.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from hopnet.bench import paired, row

__all__ = ["measure"]

HALDANE = {"offset": 0.2, "hop": -1.0, "second": 0.15, "phase": np.pi / 2}
KANE_MELE = {"offset": 1.0, "hop": 1.0, "spin_orbit": 0.3, "rashba": 0.25}
BONDS = ((0, 0), (-1, 0), (0, -1))


def measure(
    n: int = 96,
    repeats: int = 3,
    start_up: bool = True,
    sweep_points: int = 1_000_000,
    threads: int = 2,
) -> list[dict[str, Any]]:
    """Haldane and Kane-Mele against the peers, and a sweep against a bare diagonalisation.

    Parameters
    ----------
    n : int
        Grid points along each axis, Gamma included, the same for both.
    repeats : int
    start_up : bool
        Also time fresh processes, imports included.
    sweep_points : int
        Wave vectors of the 4 x 4 sweep (rounded to an even cube).
    threads : int
        Number of threads of the sweep.

    Returns
    -------
    list of dict
    """
    rows = []
    for case in (haldane_case, kane_mele_case):
        rows += against_wannierberri(case, n, repeats, start_up)
    rows += against_pythtb(n, repeats)
    rows += against_eigh(sweep_points, repeats, threads)
    return rows


def levels_of(case):
    """Thirteen Fermi energies of a case."""
    span = 3.0 if case is haldane_case else 4.0
    return np.linspace(-span, span, 13) + 0.0137


def haldane_case(n, levels):
    """sigma_xy of the Haldane model in S, by hopnet; a function without arguments."""
    from hopnet.berry import PeriodicGrid, anomalous_hall, haldane

    model, grid = haldane(**HALDANE), PeriodicGrid(n, 0.0)
    return lambda: anomalous_hall(model, grid, mu=levels, field="y", current="x")[0]


def kane_mele_case(n, levels):
    """Half the conventional sigma^z_yx of the Kane-Mele model in S, by hopnet."""
    from hopnet.berry import PeriodicGrid, kane_mele, spin_hall
    from hopnet.berry.spin_current import E2_OVER_HBAR

    model, grid = kane_mele(**KANE_MELE), PeriodicGrid(n, 0.0)
    return lambda: 0.5 * E2_OVER_HBAR * spin_hall(model, grid, mu=levels).conventional


def pythtb_haldane():
    """The Haldane model as a PythTB model."""
    from pythtb import tb_model

    model = tb_model(2, 2, *honeycomb())
    model.set_onsite([-HALDANE["offset"], HALDANE["offset"]])
    turn = HALDANE["second"] * np.exp(1j * HALDANE["phase"])
    for cell in BONDS:
        model.set_hop(HALDANE["hop"], 0, 1, list(cell))
    for cell, sign in (((1, 0), 1), ((1, -1), -1), ((0, 1), -1)):
        model.set_hop(turn if sign > 0 else np.conj(turn), 0, 0, list(cell))
        model.set_hop(np.conj(turn) if sign > 0 else turn, 1, 1, list(cell))
    return model


def pythtb_kane_mele():
    """The Kane-Mele model as a PythTB model."""
    from pythtb import tb_model

    lattice, positions = honeycomb()
    model = tb_model(2, 2, lattice, positions, nspin=2)
    model.set_onsite([KANE_MELE["offset"], -KANE_MELE["offset"]])
    for cell in BONDS:
        bond = (np.array([1 / 3, 1 / 3]) + cell) @ np.array(lattice)
        x, y = KANE_MELE["rashba"] * bond / np.linalg.norm(bond)
        # PythTB's four numbers: unit matrix and Pauli matrices
        model.set_hop([KANE_MELE["hop"], 1j * y, -1j * x, 0.0], 0, 1, list(cell))
    for site, sense in ((0, 1.0), (1, -1.0)):
        for cell, sign in (((0, 1), -1.0), ((1, 0), 1.0), ((1, -1), -1.0)):
            strength = 1j * sense * sign * KANE_MELE["spin_orbit"]
            model.set_hop([0.0, 0.0, 0.0, strength], site, site, list(cell))
    return model


def honeycomb():
    """Lattice vectors and positions for PythTB."""
    return [[1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]], [[1 / 3, 1 / 3], [2 / 3, 2 / 3]]


@contextlib.contextmanager
def away():
    """Work in a temporary directory: peers leave files where they run."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield


def wannierberri_case(case, n, levels):
    """The same number from WannierBerri (S), as a function without arguments."""
    import wannierberri as wb

    silent = io.StringIO()
    spinful = case is kane_mele_case
    model = pythtb_kane_mele() if spinful else pythtb_haldane()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        system = wb.System_R.from_pythtb(model, **({"spin": True} if spinful else {}))
        if spinful:
            system.set_spin_pairs([(0, 1), (2, 3)])
        grid = wb.Grid(system, NK=(n, n, 1), NKFFT=(n // 4, n // 4, 1))
    static = wb.calculators.static
    if spinful:
        calculator = static.SHC(Efermi=levels, kwargs_formula={"spin_current_type": "simple"})
    else:
        calculator = static.AHC(Efermi=levels, kwargs_formula={"external_terms": True})

    def call():
        with away(), contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            result = wb.run(
                system,
                grid,
                {"it": calculator},
                parallel=False,
                use_irred_kpt=False,
                symmetrize=False,
                fout_name="",
                print_progress_step_time=1e9,
            )
        data = result.results["it"].data
        # S/m of a cell 1 Angstrom high; vectors are dual: component z is xy
        return 1e-10 * (data[:, 1, 0, 2] if spinful else data[:, 2])

    return call


def against_wannierberri(case, n, repeats, start_up):
    """Rows of one model: numbers side by side, time warm, time of fresh processes."""
    name = "Haldane, anomalous Hall" if case is haldane_case else "Kane-Mele, spin Hall"
    levels = levels_of(case)
    ours = case(n, levels)
    reference = "WannierBerri"
    try:
        theirs = wannierberri_case(case, n, levels)
        got, want = ours(), theirs()
    except ImportError as missing:
        seconds = paired({"ours": ours}, repeats=repeats)["ours"]
        return [row(name, seconds, points=n * n, note=f"{reference} not run: {missing}")]
    except Exception as failure:  # a peer may fail in any way; the row says how
        seconds = paired({"ours": ours}, repeats=repeats)["ours"]
        note = f"{reference} failed: {type(failure).__name__}: {failure}"
        return [row(name, seconds, points=n * n, note=note[:200])]
    difference = float(np.abs(got - want).max() / np.abs(want).max())
    seconds = paired({"ours": ours, "theirs": theirs}, repeats=repeats)
    rows = [
        row(
            name, seconds["ours"], reference, seconds["theirs"], points=n * n, difference=difference
        )
    ]
    if start_up:
        fresh = {
            side: process(f"from hopnet.bench import berry as b; b.{maker}")
            for side, maker in (
                ("ours", f"{case.__name__}({n}, b.levels_of(b.{case.__name__}))()"),
                (
                    "theirs",
                    f"wannierberri_case(b.{case.__name__}, {n}, b.levels_of(b.{case.__name__}))()",
                ),
            )
        }
        seconds = paired(fresh, repeats=repeats)
        rows.append(
            row(
                f"{name}, fresh process",
                seconds["ours"],
                reference,
                seconds["theirs"],
                points=n * n,
                difference=difference,
            )
        )
    return rows


def process(statement):
    """A callable that runs a statement in a new interpreter."""
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {statement}"]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def against_pythtb(n, repeats):
    """Chern number of the Haldane model: curvature here, plaquette fluxes there."""
    from hopnet.berry import PeriodicGrid, anomalous_hall, haldane
    from hopnet.berry.spin_current import E2_OVER_H

    model = haldane(**HALDANE)

    def ours():
        return anomalous_hall(model, PeriodicGrid(n, 0.0), mu=0.0)[0][0] / E2_OVER_H

    name = "Haldane, Chern number"
    try:
        from pythtb import wf_array

        peer = pythtb_haldane()

        def theirs():
            waves = wf_array(peer, [n + 1, n + 1])
            waves.solve_on_grid([0.0, 0.0])
            return waves.berry_flux([0]) / (2.0 * np.pi)

        difference = abs(abs(ours()) - abs(theirs()))
    except ImportError as missing:
        seconds = paired({"ours": ours}, repeats=repeats)["ours"]
        return [row(name, seconds, points=n * n, note=f"PythTB not run: {missing}")]
    except Exception as failure:  # as above
        seconds = paired({"ours": ours}, repeats=repeats)["ours"]
        return [row(name, seconds, points=n * n, note=f"PythTB failed: {failure}"[:200])]
    seconds = paired({"ours": ours, "theirs": theirs}, repeats=repeats)
    return [
        row(
            name,
            seconds["ours"],
            "PythTB",
            seconds["theirs"],
            points=n * n,
            difference=float(difference),
        )
    ]


def against_eigh(points, repeats, threads):
    """Every form at 401 Fermi energies against numpy.linalg.eigh alone on the same matrices."""
    from hopnet.berry import PeriodicGrid, bi2se3_bulk, spin_hall
    from hopnet.berry.quadrature import grid_batches
    from hopnet.threads import limit_threads

    n = 2 * round(0.5 * points ** (1 / 3))
    model, grid = bi2se3_bulk(lattice=(4.14, 9.55)), PeriodicGrid(n)
    h = np.concatenate([model.hamiltonian(k) for k, _ in grid_batches(grid, model)])
    levels = np.linspace(-0.6, 0.6, 401)
    with limit_threads(threads) as used:
        seconds = paired(
            {
                "ours": lambda: spin_hall(model, grid, mu=levels, spin="y", field="x", current="z"),
                "eigh": lambda: np.linalg.eigh(h),
            },
            repeats=repeats,
        )
    return [
        row(
            "Bi2Se3 4x4, all forms, 401 E_F",
            seconds["ours"],
            "numpy.linalg.eigh",
            seconds["eigh"],
            points=n**3,
            threads=used,
        )
    ]
