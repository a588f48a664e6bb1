# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Ensembles and error bars
#
# No two samples are alike: the sites lie at random, and the current follows other paths in each. A
# number to publish is a mean over samples with an error bar that can be trusted. This lesson runs
# ensembles from Python, resumes one, and then asks three questions: which mean to take, how large a
# sample must be, and how often the error bars contain the true value. Lengths are in $a_b$, times
# in $\tau_0$; densities are $n_s a_b^2$.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.ensemble.statistics import mean_interval, samples_for_error
from hopnet.percolation.scaling import extrapolate

SMALL = os.environ.get("HOPNET_SMALL") == "1"
results = tempfile.TemporaryDirectory()  # usually a directory that stays: out="results/x"
folder = Path(results.name)

# %% [markdown]
# ## A run, and a run resumed
#
# A run file, or a dict with the same content, says what one sample is and how many samples are
# taken. `run_ensemble` computes the samples that the directory does not hold yet, one file each,
# and gathers them into one table. Here it first computes four samples per point. Asked for more, it
# keeps those four, because each sample has its own seed, made from the physics of its point and its
# number. A killed run is resumed by the same call. `hopnet run FILE.toml --workers 8` computes the
# same numbers, to the last bit, in eight processes.

# %%
question = {
    "question": "How do samples differ?",
    "sites": {"n_sites": 2_000 if SMALL else 20_000, "density": 0.01, "seed": 20170317},
    "spin": {"tau_s": {"start": 1e-1, "stop": 1e11, "n": 17}},
    "ensemble": {"samples": 4},
    "scan": {"sites.density": [0.05, 0.005]},
}
first = hn.run_ensemble(question, folder / "curves")
question["ensemble"]["samples"] = 8 if SMALL else 16
table = hn.run_ensemble(question, folder / "curves")
kept = table[table["sample"] < 4].reset_index(drop=True)
print(f"{len(first)} rows after the first run, {len(table)} after the second;")
print(f"the first four samples are the same to the last bit: {kept.equals(first)}")
statistics = hn.read_results(folder / "curves", what="statistics")
columns = [
    "sites.density",
    "tau_s",
    "n_done",
    "f",
    "f_standard_error",
    "f_low",
    "f_high",
    "f_deviation",
]
print(statistics[columns].iloc[::8].to_string(index=False))

# %% [markdown]
# ## How samples differ
#
# The left picture shows every sample (thin lines), the mean (thick line) and the standard deviation
# between samples (band). Dilute samples differ far more from each other. A sample that lies above
# the mean at one $\tau_s$ does so at every $\tau_s$. Therefore the errors of neighbouring points
# of a mean curve are correlated, and the curve looks smoother than its errors are small. The right
# picture shows the mean of $f$ at the shortest $\tau_s$ and its standard error against the number
# of samples. The error falls as $1/\sqrt{n}$: half the error costs four times the work.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
for density, colour in ((0.05, "tab:blue"), (0.005, "tab:red")):
    rows = statistics[statistics["sites.density"] == density]
    samples = table[table["sites.density"] == density]
    for _, one in samples.groupby("sample"):
        left.plot(one["tau_s"], one["f"], color=colour, linewidth=0.5, alpha=0.6)
    low, high = (rows["f"] + sign * rows["f_deviation"] for sign in (-1, 1))
    left.fill_between(rows["tau_s"], low, high, color=colour, alpha=0.2, linewidth=0)
    left.plot(rows["tau_s"], rows["f"], color=colour, linewidth=2, label=f"$n_s a_b^2$ = {density}")
    shortest = samples[samples["tau_s"] == samples["tau_s"].min()]["f"].to_numpy()
    n = np.arange(2, len(shortest) + 1)
    mean, error = np.array([mean_interval(shortest[:k])[:2] for k in n]).T
    right.fill_between(n, mean - error, mean + error, color=colour, alpha=0.25, linewidth=0)
    right.plot(n, mean, color=colour, marker=".")
left.set(xscale="log", xlabel=r"spin relaxation time $\tau_s/\tau_0$", ylabel=r"$f(n_s, \tau_s)$")
left.axhline(0.0, color="grey", linewidth=0.6)
left.legend(frameon=False)
right.set(xlabel="samples", ylabel=r"mean of $f$ at $\tau_s = 0.1\,\tau_0$, and standard error")
plt.show()

# %% [markdown]
# ## Which mean, and how large a sample?
#
# $f$ is a ratio: spin current over electric current. The mean of $f$ over samples weighs every
# sample equally. The ratio of the means, $\langle f G\rangle / \langle G\rangle$, weighs each
# sample by the current that it carries. For large samples both are the same number; the tables
# contain both. But the conductances of small, dilute samples differ by decades (left picture: one
# dot per sample), so the few samples that conduct best decide the ratio, and most samples hardly
# count: the error bar is wider, and the value is that of those few samples. Therefore the mean of
# $f$ is the number to quote.
#
# No averaging removes an effect of size (right picture). The contact strips carry no current. The
# letter divides by the current times the whole length, so the strips lower its $f$ by about
# $3/\sqrt{N}$ of its value. `extrapolate` finds the limit $1/\sqrt{N} \to 0$; its error includes
# the choice of the points that take part. By default hopnet divides by the current where it flows.
# Then $f$ of small samples is that of large ones, and nothing has to be extrapolated.

# %%
sizes = [500, 1_500, 4_000, 10_000] if SMALL else [500, 1_500, 5_000, 15_000, 50_000]
counts = [200, 80, 30, 12] if SMALL else [800, 400, 200, 80, 30]
dilute = 0.003
by_sizes = {
    "sites": {"n_sites": 500, "density": 0.02, "seed": 31415},
    "spin": {"tau_s": [0.0]},
    "scan": {
        "mode": "list",
        "sites.density": [*(0.02 for _ in sizes), dilute],
        "sites.n_sites": [*sizes, 1_000],
        "ensemble.samples": [*counts, 150 if SMALL else 600],
    },
}
hn.run_ensemble(by_sizes, folder / "sizes")
by_sizes["spin"]["normalisation"] = "letter"  # the same samples
hn.run_ensemble(by_sizes, folder / "letter")
samples = hn.read_results(folder / "sizes")
means = hn.read_results(folder / "sizes", what="statistics")
letter = hn.read_results(folder / "letter", what="statistics")
by_size, one_dilute = means[means["sites.density"] == 0.02], means.iloc[-1]
letter = letter[letter["sites.density"] == 0.02]
x = 1 / np.sqrt(by_size["sites.n_sites"].to_numpy())
limit = extrapolate(x, letter["f"], letter["f_standard_error"], exponent=1.0)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
cloud = samples[(samples["sites.density"] == dilute) & (samples["status"] == "done")]
weight = cloud["conductance"] / cloud["conductance"].sum()
effective = 1 / np.sum(weight**2)
left.scatter(cloud["conductance"], cloud["f"], s=10 + 2_000 * weight, alpha=0.4, linewidth=0)
for name, colour, label in (("f", "black", "mean of $f$"), ("f_ratio", "tab:orange", "ratio")):
    value, error = one_dilute[name], one_dilute[f"{name}_standard_error"]
    left.axhspan(
        value - error,
        value + error,
        color=colour,
        alpha=0.35,
        linewidth=0,
        label=rf"{label}: {value:.2f} $\pm$ {error:.2f}",
    )
left.set(
    xscale="log",
    xlabel=r"conductance $G\rho_0$ of the sample",
    ylabel="$f$ of the sample",
    title=f"{len(cloud)} samples of 1000 sites at $n_s a_b^2$ = {dilute}: "
    f"{effective:.0f} by weight of current",
)
left.legend(frameon=False)
for rows, colour, label in ((by_size, "black", "default"), (letter, "tab:red", "the letter's")):
    right.errorbar(
        x,
        rows["f"],
        yerr=rows["f_standard_error"],
        fmt="o",
        color=colour,
        capsize=3,
        label=f"mean of $f$, {label}",
    )
line = np.array([0.0, x.max()])
right.plot(line, limit.value * (1 - 3 * line), "--", color="grey", label=r"$1 - 3/\sqrt{N}$")
right.errorbar(
    0.0,
    limit.value,
    yerr=limit.error,
    fmt="D",
    color="tab:green",
    capsize=3,
    label=rf"letter, $N \to \infty$: {limit.value:.3f} $\pm$ {limit.error:.3f}",
)
right.set(xlabel=r"$1/\sqrt{N}$", ylabel=r"$f(n_s a_b^2 = 0.02,\ \tau_s = 0)$")
right.legend(frameon=False)
plt.show()
print(f"the letter's f for N -> inf: {limit}")
print(f"the default f of {sizes[-1]} sites: {by_size['f'].iloc[-1]:.3f}")

# %% [markdown]
# ## How often do the error bars contain the true value?
#
# Of a hundred 95 % intervals about ninety-five should contain the true value. To test this the true
# value must be known. So take the many small samples from above as the whole population, draw a few
# of them many times, and count. There are three ways to make an interval from $n$ samples:
#
# * mean $\pm\ t \times$ standard error, with Student's $t$ for $n - 1$: as in `statistics.csv`;
# * mean $\pm\ 1.96 \times$ standard error: as if the spread were known; it is too narrow for few
#   samples;
# * peeking: add samples until the standard error *looks* small enough, then stop. This stops early
#   when the spread happens to look small, so its intervals are too short.
#
# `target_error` in a run file does not peek: the spread of the first samples alone decides once how
# many follow, and the interval keeps using this spread (Stein's two stages).

# %%
population = samples.query(f"`sites.n_sites` == {sizes[0]}")["f"].dropna().to_numpy()
truth = population.mean()
generator = np.random.default_rng(8128)
repetitions = 1_500 if SMALL else 6_000
target = 0.2 * population.std() / truth  # relative error that 25 samples give


def two_stages(n_first):
    """Whether the interval contains the truth if the first samples decide how many are taken."""
    drawn = generator.choice(population, 400)
    n = samples_for_error(drawn[:n_first], target, 400)
    _, _, low, high = mean_interval(drawn[:n], pilot=n_first)
    return low <= truth <= high


def peeking(n_first):
    """Whether it does if samples are added until their standard error looks small enough."""
    drawn = generator.choice(population, 400)
    n = np.arange(1, 401)
    mean = np.cumsum(drawn) / n
    error = np.sqrt(np.maximum(np.cumsum(drawn**2) / n - mean**2, 0.0) / np.maximum(n - 1, 1))
    enough = (n >= n_first) & (error <= target * mean)
    _, _, low, high = mean_interval(drawn[: n[enough][0]])
    return low <= truth <= high


numbers = [3, 4, 6, 8, 12, 16]
student, normal = [], []
for n in numbers:
    mean, error, low, high = mean_interval(generator.choice(population, (n, repetitions)))
    student.append(np.mean((low <= truth) & (truth <= high)))
    normal.append(np.mean(np.abs(mean - truth) <= 1.96 * error))
stein, peek = (
    [np.mean([way(n) for _ in range(repetitions)]) for n in numbers[:4]]
    for way in (two_stages, peeking)
)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
mean, _, low, high = mean_interval(generator.choice(population, (6, 100)))
for k in range(100):
    colour = "tab:blue" if low[k] <= truth <= high[k] else "tab:red"
    left.plot([k, k], [low[k], high[k]], color=colour, linewidth=1.2)
    left.plot(k, mean[k], ".", color=colour, markersize=3)
left.axhline(truth, color="black", linewidth=0.8)
missed = int(np.sum((truth < low) | (truth > high)))
left.set(
    xlabel="experiment",
    ylabel=r"mean of $f$ and 95 % interval, six samples each",
    title=f"{missed} of 100 miss the true mean (line)",
)
right.axhspan(93.5, 96.5, color="tab:green", alpha=0.15, linewidth=0)
for values, style, label in (
    (student, "o-", "Student's $t$"),
    (normal, "s--", r"$1.96 \times$ standard error"),
    (stein, "D-", "two stages (target_error)"),
    (peek, "v--", "peeking"),
):
    right.plot(numbers[: len(values)], 100 * np.array(values), style, markersize=5, label=label)
right.set(
    xlabel="samples (two stages, peeking: samples before the first decision)",
    ylabel="intervals that hold the true mean (%)",
    ylim=(75, 100),
)
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Checks
#
# A resumed run keeps its samples bit for bit. The mean of $f$ and the ratio of means agree within a
# few of their errors; the errors of the ratio are wider. The letter's $f$ extrapolates to a limit
# near 1.99, where the default $f$ is at every size. Student's intervals and those of two stages
# contain the true value as often as they should, as far as the skewness of small samples and the
# number of repetitions allow. The other two kinds of intervals do not.

# %%
assert kept.equals(first), "a resumed run has changed its first samples"
assert (table["status"] == "done").all()
both = np.hypot(means["f_standard_error"], means["f_ratio_standard_error"])
assert np.all(np.abs(means["f"] - means["f_ratio"]) < 4 * both)
assert one_dilute["f_ratio_standard_error"] > one_dilute["f_standard_error"]
assert abs(limit.value - 1.99) < 4 * np.hypot(limit.error, 0.01)
assert np.all(np.abs(by_size["f"] - 1.99) < 4 * by_size["f_standard_error"] + 0.03)
assert letter["f"].iloc[0] < 0.92 * by_size["f"].iloc[0]
assert all(0.92 < share < 0.98 for share in student + stein)
assert normal[0] < 0.85
assert all(share < 0.93 for share in peek[:2])
results.cleanup()
