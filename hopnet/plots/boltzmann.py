"""Figures of the Boltzmann companions: conversion, Hanle, bands and chains, cancellation."""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hopnet.boltzmann.approximation import approximate_response
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.kinetic import kinetic_response
from hopnet.boltzmann.potentials import (
    angular_potential,
    delta_potential,
    gaussian_potential,
    yukawa_potential,
)
from hopnet.boltzmann.rashba import UNIVERSAL, RashbaGas, solve_rashba
from hopnet.boltzmann.response import (
    coefficients,
    linear_response,
    relaxation_rates,
)
from hopnet.boltzmann.texture import spin_texture
from hopnet.boltzmann.thermal import mechanism_ratio
from hopnet.errors import ValidityWarning
from hopnet.plots.frame import BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure

__all__ = [
    "bands_figure",
    "cancellation_figure",
    "conversion_figure",
    "hanle_figure",
    "mechanism_figure",
    "profile_figure",
    "spin_density_figure",
    "texture_figure",
]

COLOURS = (BLUE, RED, GREEN, ORANGE, GREY)


def figure_of(width: float = 6.4, height: float = 4.4, columns: int = 1) -> tuple[Any, list[Any]]:
    """A figure with one axes per column."""
    figure = new_figure(width * columns, height)
    axes = [figure.add_subplot(1, columns, k + 1) for k in range(columns)]
    for ax in axes:
        finish(ax)
    return figure, axes


def conversion_figure(electrons: Any, disorder: Any, *, n_points: int = 60) -> Figure:
    """Spin current and magnetisation against the strength of the spin-orbit vertices.

    Both lambdas are scaled together; exact 3x3 solution, its parts from the weak-conversion
    formulas, and the full-harmonic solution.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder

    Returns
    -------
    matplotlib.figure.Figure
    """
    scale = np.geomspace(0.05, 2.0, n_points)
    top = max(abs(disorder.lambda_xy), abs(disorder.lambda_z))
    lambdas = top * scale
    many = Disorder(disorder.lambda_xy * scale, disorder.lambda_z * scale, disorder.strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        projected = coefficients(electrons, many)
        exact, rough = linear_response(projected), approximate_response(projected)
        full = [
            kinetic_response(
                electrons,
                Disorder(disorder.lambda_xy * s, disorder.lambda_z * s, disorder.strength),
            )
            for s in scale[::3]
        ]
    unit = electrons.density * electrons.drude_time / electrons.mass
    figure, (left, right) = figure_of(5.2, 4.2, 2)
    left.plot(lambdas, exact.spin_current / unit, color=COLOURS[0], label="exact 3x3")
    left.plot(lambdas, rough.spin_current / unit, "--", color=COLOURS[1], label="weak conversion")
    left.plot(
        lambdas[::3],
        [a.spin_current[2, 1] / unit for a in full],
        "o",
        ms=3.5,
        color=COLOURS[2],
        label="all harmonics, with star",
    )
    left.set_ylabel(r"spin current $J^z_y/\sigma_D E$")
    right.plot(lambdas, exact.magnetisation / unit, color=COLOURS[0], label="exact 3x3")
    right.plot(lambdas, rough.direct / unit, "--", color=COLOURS[3], label="direct (DMC)")
    right.plot(lambdas, rough.edelstein / unit, ":", color=COLOURS[4], label="Edelstein (EE)")
    right.plot(
        lambdas[::3],
        [a.magnetisation[1] / unit for a in full],
        "o",
        ms=3.5,
        color=COLOURS[2],
        label="all harmonics, with star",
    )
    right.set_ylabel(r"magnetisation $v_F m_y/\sigma_D E$")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xlabel(r"largest vertex $\max(|\lambda_{xy}|,|\lambda_z|)$")
        ax.axhline(0, color="0.6", linewidth=0.8)
        if lambdas[-1] > 0.3:
            ax.axvspan(0.3, lambdas[-1], color="0.93", zorder=0)
        ax.legend(frameon=False, fontsize=8)
    figure.suptitle(
        rf"$\alpha p_F\tau_D$ = {electrons.rashba * electrons.fermi_momentum:.3g} x "
        rf"{electrons.drude_time:.3g},  $v_0N_0$ = {disorder.strength:.3g}"
        "   (shaded: vertices beyond 0.3)",
        fontsize=9,
    )
    return figure


def hanle_figure(
    electrons: Any, disorder: Any, *, harmonics: Any = None, widest: Any = None, n_points: int = 201
) -> Figure:
    """Magnetisation against a magnetic field along x, y and z.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder
    harmonics : int, optional
        Highest harmonic; by default as many as `kinetic_response` needs.
    widest : float, optional
        Largest Larmor frequency; by default six Hanle widths.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rates = relaxation_rates(electrons, disorder).total
    width = math.sqrt(abs(rates[1] * rates[2]))
    widest = 6 * width if widest is None else widest
    larmor = np.linspace(-widest, widest, n_points)
    unit = electrons.density * electrons.drude_time / electrons.mass
    figure, axes = figure_of(3.9, 3.8, 3)
    for axis, ax in enumerate(axes):
        field = np.zeros((n_points, 3))
        field[:, axis] = larmor
        answer = kinetic_response(electrons, disorder, harmonics, larmor=field)
        for spin in range(3):
            ax.plot(
                larmor * electrons.drude_time,
                answer.magnetisation[:, spin] / unit,
                color=COLOURS[spin],
                label=rf"$m_{'xyz'[spin]}$",
            )
        ax.set_xlabel(rf"Larmor frequency $\omega_L\tau_D$, field along {'xyz'[axis]}")
    low = min(ax.get_ylim()[0] for ax in axes)
    high = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(low, high)
    axes[0].set_ylabel(r"magnetisation $v_F m/\sigma_D E$")
    axes[0].legend(frameon=False)
    return figure


def mechanism_figure(electrons: Any, disorder: Any, *, n_points: int = 40) -> Figure:
    """``sigma_DMC / sigma_EE`` against alpha and against temperature.

    Parameters
    ----------
    electrons : Electrons
        ``rashba`` sets the middle of the range of alpha.
    disorder : Disorder

    Returns
    -------
    matplotlib.figure.Figure
    """
    alphas = electrons.rashba * np.geomspace(0.03, 30.0, n_points)
    energy = electrons.fermi_energy
    figure, (left, right) = figure_of(5.2, 4.2, 2)
    for colour, kT in zip(COLOURS, (0.0, 0.1, 0.3)):
        ratio = [
            mechanism_ratio(dataclasses.replace(electrons, rashba=a), disorder, kT * energy)
            for a in alphas
        ]
        left.loglog(
            alphas / electrons.fermi_velocity,
            np.abs(ratio),
            color=colour,
            label=rf"$kT/\varepsilon_F$ = {kT:g}",
        )
    left.set_xlabel(r"Rashba velocity $\alpha/v_F$")
    left.set_ylabel(r"$|\sigma_{DMC}/\sigma_{EE}|$")
    left.legend(frameon=False)
    kTs = np.linspace(0, 0.5, n_points)
    for colour, factor in zip(COLOURS, (0.3, 1.0, 3.0)):
        changed = dataclasses.replace(electrons, rashba=electrons.rashba * factor)
        scale = np.array([mechanism_ratio(changed, disorder, kT * energy) for kT in kTs])
        right.plot(
            kTs,
            scale / scale[0],
            color=colour,
            label=rf"$\alpha/v_F$ = {changed.rashba / changed.fermi_velocity:.3g}",
        )
    right.set_xlabel(r"temperature $kT/\varepsilon_F$")
    right.set_ylabel(r"$\sigma_{DMC}/\sigma_{EE}$ over its value at $T=0$")
    right.legend(frameon=False)
    return figure


def profile_figure(strip: Any) -> Figure:
    """Spin and spin current across a strip, from a `SpinProfile`; spin less its middle value."""
    figure, (left, right) = figure_of(5.2, 4.0, 2)
    middle = strip.magnetisation[len(strip.position) // 2]
    middle = np.where(np.abs(middle) < 1e-12 * np.max(np.abs(middle)), 0.0, middle)
    for spin in range(3):
        left.plot(
            strip.position,
            strip.magnetisation[:, spin] - middle[spin],
            color=COLOURS[spin],
            label=rf"$m_{'xyz'[spin]}$, middle {middle[spin]:.3g}",
        )
        right.plot(
            strip.position,
            strip.spin_current[:, spin],
            color=COLOURS[spin],
            label=rf"$J^{'xyz'[spin]}_y$",
        )
    left.set_ylabel(r"$v_F m$ less its middle value  ($\hbar=e=E=1$)")
    right.set_ylabel(r"spin current across  ($\hbar=e=E=1$)")
    for ax in (left, right):
        ax.set_xlabel(r"position $y$  ($\hbar$/unit of momentum)")
        ax.legend(frameon=False)
    return figure


def bands_figure(gas: Any) -> Figure:
    """The two helicity bands with the chain of equal-energy partners through p_F."""
    plus, minus = gas.fermi_momenta
    step, m, alpha = gas.momentum_splitting, gas.mass, gas.absolute_splitting
    highest = minus + 2.6 * step
    p = np.linspace(0, highest, 400)

    def band(p, sign):
        return p**2 / (2 * m) + sign * alpha * p / 2

    figure, (ax,) = figure_of(6.8, 4.8)
    ax.plot(p, band(p, +1), color=COLOURS[1], label="helicity +")
    ax.plot(p, band(p, -1), color=COLOURS[0], label="helicity -")
    ax.axhline(gas.fermi_energy, color="0.4", linestyle="--", linewidth=1)
    ax.text(
        0.02,
        gas.fermi_energy,
        r" $E_F$",
        va="bottom",
        color="0.3",
        transform=ax.get_yaxis_transform(),
    )
    chain = math.fmod(plus, step) + step * np.arange(-60, 60)
    chain = chain[np.abs(chain) < highest]
    for s, following in itertools.pairwise(chain):
        low, high = sorted((abs(s), abs(following)))
        if s * following > 0:
            energy = band(high, -1)  # (+, low) and (-, high)
            ax.plot([low, high], [energy, energy], color="0.55", linewidth=1, zorder=1)
        else:
            energy = band(high, -1)
            ax.plot([low, high], [energy, energy], color=COLOURS[2], linewidth=1.6, zorder=1)
    for sign, colour in ((1, COLOURS[1]), (-1, COLOURS[0])):
        upper = np.abs(chain)[chain > 0], np.abs(chain)[chain < 0]
        for points, face in zip(upper, (colour, "white")):
            ax.plot(points, band(points, sign), "o", ms=5, color=colour, mfc=face)
    for momentum, name in ((plus, "p_F^+"), (minus, "p_F^-")):
        ax.annotate(
            f"${name}$", (momentum, gas.fermi_energy), textcoords="offset points", xytext=(4, -14)
        )
    ax.set_xlabel(r"momentum $p$")
    ax.set_ylabel(r"energy $\varepsilon_\pm(p)$")
    ax.set_xlim(0, minus + 1.4 * step)
    ax.set_ylim(min(band(p, -1)) - 0.05 * gas.fermi_energy, band(minus + step, -1) * 1.15)
    ax.legend(frameon=False, loc="upper left")
    ax.set_title(
        "equal-energy partners: filled $s>0$, open $s<0$, green: the bottom link", fontsize=9
    )
    return figure


def cancellation_figure(
    alpha: float = 0.4, *, times: Any = None, fermi_energy: float = 0.5
) -> Figure:
    """Spin current by source against Delta tau: +1/8pi and -1/8pi, and the sum on its own scale."""
    times = np.geomspace(0.3, 300.0, 16) if times is None else np.asarray(times)
    gas = RashbaGas(alpha, fermi_energy)
    answers = sweep(gas, delta_potential, times)
    splitting = alpha * math.sqrt(2 * fermi_energy)
    figure, (left, right) = figure_of(5.2, 4.2, 2)
    for index, name in enumerate(("acceleration", "interband coherence")):
        left.semilogx(
            splitting * times,
            [a.spin_current[index] / UNIVERSAL for a in answers],
            "o-",
            ms=4,
            color=COLOURS[index],
            label=name,
        )
    left.semilogx(
        splitting * times,
        [a.q_yz / UNIVERSAL for a in answers],
        "s-",
        ms=4,
        color="0.2",
        label="sum",
    )
    left.set_ylabel(r"$q_{yz}$  in  $eE/8\pi$")
    left.set_ylim(-1.4, 1.9)
    left.legend(frameon=False, loc="upper right", fontsize=8)
    size = np.maximum([abs(a.q_yz) / UNIVERSAL for a in answers], 1e-18)
    right.loglog(splitting * times, size, "s-", ms=4, color="0.2")
    right.set_ylim(1e-18, 1e-9)
    right.axhline(1e-12, color=COLOURS[1], linestyle="--", linewidth=1)
    right.set_ylabel(r"$|q_{yz}|$  in  $eE/8\pi$ (rounding)")
    for ax in (left, right):
        ax.set_xlabel(r"$\Delta\tau_0/\hbar$")
    return figure


def sweep(gas, potential, times):
    """Responses for several lifetimes, also where E_F tau < 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return [solve_rashba(gas, potential(time), tolerance=1e-8) for time in times]


def spin_density_figure(
    alpha: float = 0.4, *, times: Any = None, fermi_energy: float = 0.5
) -> Figure:
    """``S_y / S_0`` against Delta tau; S_0 has the transport time of a local potential."""
    times = np.geomspace(0.5, 300.0, 16) if times is None else np.asarray(times)
    gas = RashbaGas(alpha, fermi_energy)
    momentum = math.sqrt(2 * fermi_energy)
    kinds = {
        "delta": delta_potential,
        "Gaussian, R = 0.5": lambda time: gaussian_potential(time, 0.5),
        "Gaussian, R = 1.5": lambda time: gaussian_potential(time, 1.5),
        "Yukawa, k = 0.5": lambda time: yukawa_potential(time, 0.5),
        "1 + 0.5 cos (angle only)": lambda time: angular_potential(time, (1.0, 0.5)),
    }
    figure, (ax,) = figure_of(6.4, 4.4)
    for colour, (name, potential) in zip(COLOURS, kinds.items()):
        w = potential(1.0).moments(np.array([momentum]), np.array([momentum]), 2)[:, 0]
        factor = 1 / w[0] if name.startswith("1 +") else 1 / (w[0] - w[1])
        answers = sweep(gas, potential, times)
        ratio = [a.s_y / gas.edelstein(time * factor) for a, time in zip(answers, times)]
        ax.semilogx(alpha * momentum * times / w[0], ratio, "o-", ms=3.5, color=colour, label=name)
    ax.axhline(1.0, color="0.6", linewidth=0.8)
    ax.set_xlabel(r"$\Delta\tau/\hbar$  (lifetime at $p_F$)")
    ax.set_ylabel(r"$S_y / [N_0(\alpha/2)\tau E]$")
    ax.set_title(
        rf"$\alpha/v_F$ = {alpha / momentum:g};  $\tau$: transport time "
        "(lifetime for the angle-only weight)",
        fontsize=9,
    )
    ax.legend(frameon=False, fontsize=8)
    return figure


def texture_figure(gas: Any, potential: Any, *, n_points: int = 600) -> Figure:
    """Spin by momentum: the smooth interband part and the lines at the chain of p_F."""
    p = np.linspace(1e-3, gas.fermi_momenta[1] + 1.5 * gas.momentum_splitting, n_points)
    texture = spin_texture(gas, potential, p)
    figure, (left, right) = figure_of(5.2, 4.2, 2)
    names = (
        ("spin_z", r"$\langle S_z\rangle$"),
        ("spin_along_momentum", r"$\langle S\cdot p\rangle/p$"),
        ("spin_along_field", r"$\langle S\cdot\Omega\rangle/\Omega$"),
    )
    shown = texture.line_momentum < p[-1]
    for k, (colour, (name, label)) in enumerate(zip(COLOURS, names)):
        left.plot(p, getattr(texture, name), color=colour, label=label)
        at = texture.line_momentum[shown] + 0.006 * (k - 1) * p[-1]
        right.vlines(at, 0, getattr(texture, f"line_{name}")[shown], color=colour, linewidth=2.5)
    left.set_ylabel(r"per $d^2p$, driven by the coherence  ($\hbar=e=E=1$)")
    right.set_ylabel(r"weights of $\delta(p)$, driven by the acceleration")
    right.set_yscale("symlog", linthresh=1e-2)
    right.axhline(0, color="0.6", linewidth=0.8)
    for ax in (left, right):
        ax.set_xlabel(r"momentum $p$")
    left.legend(frameon=False)
    return figure
