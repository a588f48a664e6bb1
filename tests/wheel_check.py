"""Run the main job outside the checkout, with nothing but the wheel installed."""

import importlib.util
import subprocess
import sys
from importlib import resources
from pathlib import Path

import hopnet.kernels

import hopnet as hn

home = Path(hn.__file__).parent
assert "site-packages" in str(home), home
assert Path(hopnet.kernels.__file__).parent == home / "kernels", hopnet.kernels.__file__
if importlib.util.find_spec("kernels"):
    sys.exit("the wheel put a bare 'kernels' into site-packages")
assert "[hopping S42]" in resources.files("hopnet").joinpath("EQUATIONS.md").read_text()

network = hn.build_network(hn.random_sites(2000, density=0.05, seed=1), cutoff=1.5)
curve = hn.f_curve(network, [0, 1e3])
assert 1.8 < hn.f(0.05, 0.0).value < 2.0
assert 1.2 < curve.f[0] < 2.2, curve.f
Path("small.toml").write_text(
    'question = "does the wheel work?"\n'
    "[sites]\nn_sites = 2000\ndensity = 0.05\nseed = 1\n"
    "[spin]\ntau_s = [0, 1e3]\n[ensemble]\nsamples = 2\n"
)
subprocess.run(["hopnet", "run", "small.toml", "--out", "out"], check=True)
assert Path("out/summary.csv").exists()
assert subprocess.run(["hopnet", "run", "absent.toml"], check=False).returncode == 2
print("the wheel works: f_drift =", round(curve.f_drift, 4))
