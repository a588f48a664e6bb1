"""One sample as a page for a browser: pan, zoom, hover, and a slider that grows clusters.

The page contains all its data and scripts, so it opens without a network connection. It is drawn by
Bokeh (the extra `view`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from hopnet.errors import HopnetError, NotPercolatingError
from hopnet.network.network import Network
from hopnet.percolation.thresholds import percolation_threshold
from hopnet.plots.network import window
from hopnet.records import write_for_user
from hopnet.transport.current import Current, solve_current

__all__ = ["COUNT_CLUSTERS", "merging_links", "write_view"]

# Largest number of sites, and of links with current, on a page. A browser moves about this many
# shapes fluently. Of a larger sample the middle is shown, and the links with the largest flows.
MOST_SITES = 100_000
MOST_LINKS = 60_000
# Decades of flow and of power that are drawn.
DECADES = 4.0

# Clusters of the links that are at most as long as the slider says. ``order`` of links by length:
# the first `count` of them are occupied. The ten largest clusters get colours 0 to 9, largest
# first; all others get 10. The function is tested against hopnet's own clusters.
COUNT_CLUSTERS = """
function count_clusters(n, first, second, count, source, drain) {
    const parent = new Int32Array(n);
    for (let i = 0; i < n; i++) parent[i] = i;
    const root = (i) => {
        while (parent[i] !== i) { parent[i] = parent[parent[i]]; i = parent[i]; }
        return i;
    };
    for (let k = 0; k < count; k++) {
        const a = root(first[k]), b = root(second[k]);
        if (a !== b) parent[Math.max(a, b)] = Math.min(a, b);
    }
    const size = new Int32Array(n), flags = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
        const r = root(i);
        size[r] += 1;
        flags[r] |= source[i] | (drain[i] << 1);
    }
    const roots = [];
    let percolates = false;
    for (let i = 0; i < n; i++) {
        if (size[i] > 0) roots.push(i);
        if (flags[i] === 3) percolates = true;
    }
    const largest = roots.slice().sort((a, b) => size[b] - size[a] || a - b).slice(0, 10);
    const rank = new Int8Array(n).fill(10);
    largest.forEach((r, k) => { rank[r] = k; });
    const colour = new Float32Array(n);
    for (let i = 0; i < n; i++) colour[i] = rank[root(i)];
    const most = roots.length > 0 ? size[largest[0]] : 0;
    return {colour, n_clusters: roots.length, largest: most, percolates};
}
"""

ON_SLIDER = (
    COUNT_CLUSTERS
    + """
const {first, second, length} = merging.data;
let count = 0;
while (count < length.length && length[count] <= slider.value) count += 1;
const {source, drain} = sites.data;
const found = count_clusters(source.length, first, second, count, source, drain);
sites.data = {...sites.data, cluster: found.colour};
const part = (name) => Float32Array.from(merging.data[name]).slice(0, count);
occupied.data = {x0: part("x0"), y0: part("y0"), x1: part("x1"), y1: part("y1")};
const joined = found.percolates ? "<b>the contacts are joined</b>" : "no path joins the contacts";
const largest = `${found.n_clusters} clusters, the largest has ${found.largest} sites`;
words.text = `${largest}; ${joined}${tail}`;
"""
)

ON_CHOICE = """
current.visible = choice.value === "current";
power.visible = choice.value === "power";
spin.visible = choice.value === "spin";
clusters.visible = choice.value === "clusters";
occupied.visible = choice.value === "clusters";
slider.visible = choice.value === "clusters";
words.visible = choice.value === "clusters";
"""


def merging_links(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """The links that join two clusters when links are occupied from short to long.

    They form the minimum spanning forest, and give the clusters at every threshold.

    Parameters
    ----------
    network : Network

    Returns
    -------
    link : int64[n]
        Numbers of the links, shortest first.
    length : float64[n], in a_b
        Threshold at which each is occupied: -ln(conductance) / 2.
    """
    n = network.n_sites
    length = -0.5 * network.log_conductance
    weight = length - length.min(initial=0.0) + 1.0  # zero would be no link
    graph = coo_array((weight, (network.link_i, network.link_j)), shape=(n, n)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    low, high = np.minimum(tree.row, tree.col), np.maximum(tree.row, tree.col)
    code = low.astype(np.int64) * n + high
    link = np.searchsorted(network.link_i * n + network.link_j, code)
    order = np.argsort(length[link], kind="stable")
    return link[order], length[link[order]]


def ends_of(network: Network, link: np.ndarray) -> dict[str, np.ndarray]:
    """x0, y0, x1, y1 of links, drawn from site i to the nearest image of site j."""
    start = network.sites.position[network.link_i[link], :2]
    end = start + network.separation[link][:, :2]
    names = ("x0", "y0", "x1", "y1")
    return {k: v.astype(np.float32) for k, v in zip(names, (*start.T, *end.T))}


def strong_links(current: Current, inside: np.ndarray) -> dict[str, np.ndarray]:
    """The links that carry current within the part that is shown, weakest first."""
    network = current.network
    flow = np.abs(current.relative_flow)
    power = np.abs(current.relative_flow * current.drop)
    seen = inside[network.link_i] & inside[network.link_j]
    largest = max(flow[seen].max(initial=0.0), np.finfo(float).tiny)
    link = np.flatnonzero(seen & (flow > largest * 10**-DECADES))
    link = link[np.argsort(flow[link])][-MOST_LINKS:]
    heat = np.log10(np.maximum(power[link], 1e-300))
    top = heat.max(initial=0.0)
    return ends_of(network, link) | {
        "flow": np.log10(flow[link]).astype(np.float32),
        "power": np.maximum(heat, top - DECADES).astype(np.float32),
        "width": (0.4 + 0.9 * (np.log10(flow[link] / largest) + DECADES)).astype(np.float32),
        "length": network.distance[link].astype(np.float32),
        "conductance": network.log_conductance[link].astype(np.float32),
        "i": network.link_i[link].astype(np.int32),
        "j": network.link_j[link].astype(np.int32),
    }


def write_view(
    path: str | Path, network: Network, current: Current | None = None, spin: Any = None
) -> Path:
    """Write the page of one sample.

    Parameters
    ----------
    path : path-like
        The page, .html.
    network : Network
    current : Current, optional
        Solved for if it is not given.
    spin : Spin, optional
        The spin of each site; without it the page has no choice "spin".

    Returns
    -------
    Path
        The page that was written.

    Raises
    ------
    HopnetError
        If Bokeh is not installed.
    """
    try:
        from bokeh.embed import file_html
        from bokeh.resources import INLINE
    except ImportError:
        raise HopnetError(
            "a page of a sample needs Bokeh, which is not installed; pip install 'hopnet[view]'."
        ) from None
    current = solve_current(network) if current is None else current
    title = f"hopnet: {network.describe()}"
    text = file_html(page_of(network, current, spin), INLINE, title)
    with write_for_user(path) as file:
        file.write(text.encode())
    return Path(path)


def page_of(network: Network, current: Current, spin: Any = None) -> Any:
    """The Bokeh layout of a page."""
    from bokeh.layouts import column, row
    from bokeh.models.widgets import Div, Select

    sites = network.sites
    box = window(sites, MOST_SITES)
    inside = np.all(
        (sites.position[:, :2] >= box[:, 0]) & (sites.position[:, :2] <= box[:, 1]), axis=1
    )
    plot = empty_plot(box)
    shapes = draw_links(plot, current, inside) | draw_sites(plot, network, spin)
    add_hover(plot, shapes)
    slider, words, on_slider = cluster_slider(network, shapes)
    names: list[Any] = ["current", "power", "spin", "clusters"]
    choice = Select(
        value="current",
        options=[n for n in names if n != "spin" or spin is not None],
        title="show",
        width=160,
    )
    connect_choice(choice, shapes, slider, words, on_slider)
    heading = Div(text=f"<b>{network.describe()}</b><br>{current.describe()}", width=680)
    parts: list[Any] = [row(choice, heading), slider, words, plot]
    return column(*parts)


def empty_plot(box: np.ndarray) -> Any:
    """A Bokeh figure of the part ``box`` of the plane, with its tools and without shapes."""
    from bokeh.models import Range1d
    from bokeh.plotting import figure

    plot = figure(
        match_aspect=True,
        output_backend="webgl",
        width=900,
        height=820,
        x_range=Range1d(*box[0]),
        y_range=Range1d(*box[1]),
        x_axis_label="x / a_b",
        y_axis_label="y / a_b",
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_scroll="wheel_zoom",
    )
    plot.grid.visible = False
    return plot


def add_hover(plot: Any, shapes: dict[str, Any]) -> None:
    """What the page says of the link or the site under the pointer."""
    from bokeh.models import HoverTool

    about_link = [("sites", "@i, @j"), ("length", "@length a_b"), ("ln G rho_0", "@conductance")]
    about_link += [("log10 of flow / current", "@flow"), ("log10 of power share", "@power")]
    links = [shapes["current"], shapes["power"]]
    plot.add_tools(HoverTool(renderers=links, tooltips=about_link))
    about_site = [("site", "@number"), ("x, y", "@x, @y"), ("energy", "@energy"), ("spin", "@spin")]
    dots = [shapes["clusters"], shapes["spin"]]
    plot.add_tools(HoverTool(renderers=dots, tooltips=about_site))


def cluster_slider(network: Network, shapes: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The slider over link length, the line of text below it, and what a move calls."""
    from bokeh.models import ColumnDataSource, CustomJS
    from bokeh.models.widgets import Div, Slider

    link, length = merging_links(network)
    everything = ends_of(network, link) | {
        "first": network.link_i[link].astype(np.int32),
        "second": network.link_j[link].astype(np.int32),
        "length": length.astype(np.float32),
    }
    try:
        threshold = percolation_threshold(network).threshold_length
        tail = f"; they are joined at {threshold:.4g} a_b"
    except NotPercolatingError:
        threshold, tail = float(length.max(initial=1.0)), ""
    slider = Slider(
        start=0.0,
        end=float(np.ceil(10 * length.max(initial=1.0)) / 10),
        value=round(0.9 * threshold, 3),
        step=0.001,
        title="occupied: links up to (a_b)",
        width=860,
        visible=False,
    )
    words = Div(text="move the slider", visible=False, width=860)
    on_slider = CustomJS(
        args={
            "merging": ColumnDataSource(everything),
            "sites": shapes["clusters"].data_source,
            "occupied": shapes["occupied"].data_source,
            "slider": slider,
            "words": words,
            "tail": tail,
        },
        code=ON_SLIDER,
    )
    slider.js_on_change("value", on_slider)
    return slider, words, on_slider


def connect_choice(
    choice: Any, shapes: dict[str, Any], slider: Any, words: Any, on_slider: Any
) -> None:
    """Show the shapes that the list of choices names, and count clusters when they appear."""
    from bokeh.models import CustomJS

    shown = shapes | {"choice": choice, "slider": slider, "words": words}
    choice.js_on_change("value", CustomJS(args=shown, code=ON_CHOICE))
    choice.js_on_change("value", on_slider)


def is_in(numbers: np.ndarray, n: int) -> np.ndarray:
    """uint8[n]: 1 at the sites with these numbers."""
    found = np.zeros(n, np.uint8)
    found[numbers] = 1
    return found


def draw_links(plot: Any, current: Current, inside: np.ndarray) -> dict[str, Any]:
    """The renderers of the links by name: current and power."""
    from bokeh.models import ColumnDataSource, LinearColorMapper
    from bokeh.transform import transform

    links = strong_links(current, inside)
    source = ColumnDataSource(links)
    palettes = {"flow": "viridis_r", "power": "inferno_r"}
    shapes = {}
    for name, key in (("current", "flow"), ("power", "power")):
        value = links[key]
        top = float(value.max(initial=0.0))
        low = float(value.min(initial=top - DECADES))
        mapper = LinearColorMapper(palette=colours_of(palettes[key]), low=low, high=top)
        shapes[name] = plot.segment(
            "x0",
            "y0",
            "x1",
            "y1",
            source=source,
            line_color=transform(key, mapper),
            line_width="width",
            line_cap="round",
            visible=name == "current",
        )
    return shapes


def columns_of_sites(network: Network, spin: Any) -> dict[str, np.ndarray]:
    """What the page holds of each site."""
    sites = network.sites
    moment = np.zeros(network.n_sites) if spin is None else np.asarray(spin.spin)
    largest = max(float(np.quantile(np.abs(moment), 0.999)), np.finfo(float).tiny)
    data = {
        "x": sites.position[:, 0],
        "y": sites.position[:, 1],
        "number": np.arange(network.n_sites, dtype=np.int32),
        "spin": moment,
        "energy": np.zeros(network.n_sites) if sites.energy is None else sites.energy,
        "size": 1.0 + 11.0 * np.sqrt(np.minimum(np.abs(moment) / largest, 1.0)),
        "cluster": np.full(network.n_sites, 10.0),
        "source": is_in(network.source, network.n_sites),
        "drain": is_in(network.drain, network.n_sites),
    }
    return {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in data.items()}


def draw_sites(plot: Any, network: Network, spin: Any) -> dict[str, Any]:
    """The renderers of spins, occupied links and clusters by name, all hidden at first."""
    from bokeh.models import ColumnDataSource, LinearColorMapper
    from bokeh.transform import transform

    source = ColumnDataSource(columns_of_sites(network, spin))
    signs = LinearColorMapper(palette=["#2060a8", "#b03a48"], low=-1e-30, high=1e-30)
    dots: dict[str, Any] = {"source": source, "line_color": None, "visible": False}
    spins = plot.scatter(
        "x", "y", size="size", fill_color=transform("spin", signs), fill_alpha=0.75, **dots
    )
    empty = {name: np.zeros(0, np.float32) for name in ("x0", "y0", "x1", "y1")}
    occupied = plot.segment(
        *empty, source=ColumnDataSource(empty), line_color="#b8b8b8", visible=False
    )
    palette = [*(to_hex(matplotlib.colormaps["tab10"](k)) for k in range(10)), "#d4d4d4"]
    ranks = LinearColorMapper(palette=palette, low=-0.5, high=10.5)
    clusters = plot.scatter("x", "y", size=4, fill_color=transform("cluster", ranks), **dots)
    return {"spin": spins, "occupied": occupied, "clusters": clusters}


def colours_of(name: str) -> list[str]:
    """256 colours of a colour map of Matplotlib."""
    return [to_hex(matplotlib.colormaps[name](k)) for k in range(256)]
