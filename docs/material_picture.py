"""The picture of docs/material.md: rho(T) of a Coulomb gap beside a published law.

python docs/material_picture.py
"""

from pathlib import Path

import numpy as np

import hopnet as hn
from hopnet.plots.frame import BLACK, BLUE, finish, new_figure, save_figure

HERE = Path(__file__).parent
# Joung and Khondaker, Phys. Rev. B 86, 235423 (2012): sheets of 80 % sp2, R ~ exp[(T_ES/T)^(1/2)].
T_ES = 4225.0


def main():
    """Compute the curve, fit T_ES, draw both."""
    file = HERE.parent / "runs" / "material_graphene_oxide.toml"
    material = hn.read_material(file, seed=1, n_sites=20_000, samples=6)
    T = np.geomspace(7, 70, 9)
    table = hn.laboratory_table(material, T, seed=1, n_sites=20_000, samples=6, progress=True)
    x, y = T**-0.5, np.log(table["resistance_Ohm"].to_numpy())
    cold = T < 41
    weight = 1.0 / table["relative_standard_error"].to_numpy()[cold]
    (slope, start), covariance = np.polyfit(x[cold], y[cold], 1, w=weight, cov="unscaled")
    fitted, error = slope**2, 2 * slope * np.sqrt(covariance[0, 0])
    of_xi = np.polyfit(x[cold], table["xi_c"].to_numpy()[cold], 1)[0] ** 2
    print(f"from xi_c: {of_xi:.0f} K")
    print(f"T_ES = {fitted:.0f} +- {error:.0f} K, {fitted / T_ES:.2f} times {T_ES:.0f} K")
    figure = new_figure(6.4, 4.4)
    axes = figure.add_subplot()
    bars = table["relative_standard_error"]
    axes.errorbar(x, y, bars, fmt="o", color=BLUE, label="hopnet, 6 samples of 20 000 sites")
    axes.plot(x, start + slope * x, color=BLUE, label=rf"$T_\mathrm{{ES}}$ = {fitted:.0f} K")
    middle = np.log(material.resistance)
    label = rf"measured law, $T_\mathrm{{ES}}$ = {T_ES:.0f} K"
    axes.plot(x, middle + T_ES**0.5 * (x - 20**-0.5), "--", color=BLACK, label=label)
    axes.set(xlabel=r"$T^{-1/2}$ (K$^{-1/2}$)", ylabel=r"$\ln(\rho/\Omega)$")
    axes.legend(frameon=False)
    finish(axes)
    save_figure(figure, HERE / "_static" / "graphene_oxide.png")


if __name__ == "__main__":
    main()
