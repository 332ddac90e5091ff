"""Pictures of the electrode: phases, stress and creep strain on the deformed mesh.

Particles are drawn by their outlines, through the mid nodes of the six-node triangles.  Fields are known as one
value a cell; for drawing they are averaged to the corner nodes phase by phase (weighted by area), so that nothing
leaks from one phase into the other, and shaded linearly between them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import style
from .run import Run

FILL = 0.18  # how much lighter a phase is as an area than as a line: the eye evens them out
CLIP = 98.0  # percentile, by deformed area, at which a colour scale ends
TALL = 1.4  # from this height over width on, four panels stand in one row
NARROW = 0.5  # where all but the lowest values are above this share of its end, a colour scale does not begin at zero
DECADES = 30.0  # where panels that share a colour scale differ by more, it is logarithmic


class Canvas:
    """What every picture of one mesh shares: outlines, triangles, and the map from cells to nodes."""

    def __init__(self, mesh, names):
        self.mesh = mesh
        self.solid = np.flatnonzero(mesh.phase >= 0)
        self.cells = np.asarray(mesh.cells)[self.solid].astype(np.int64)
        self.phase, self.particle = mesh.phase[self.solid], mesh.particle[self.solid]
        self.names = names

    @cached_property
    def outlines(self):
        """Closed loops of nodes around the particles: phase index -> list of arrays of nodes."""
        phase_of = dict(zip(self.particle.tolist(), self.phase.tolist()))
        loops = {}
        for particle, nodes in self.mesh.outlines():
            loops.setdefault(phase_of[particle], []).append(nodes)
        return loops

    def path(self, position, phase):
        """The particles of a phase as one matplotlib path."""
        from matplotlib.path import Path

        vertices, codes = [], []
        for loop in self.outlines.get(phase, []):
            vertices.append(np.vstack([position[loop], position[loop[:1]]]))
            codes.append(np.r_[Path.MOVETO, np.full(len(loop) - 1, Path.LINETO), Path.CLOSEPOLY])
        return Path(np.concatenate(vertices), np.concatenate(codes)) if vertices else Path(np.zeros((0, 2)))

    @cached_property
    def _drawn(self):
        """Drawn nodes (a node once for each phase it belongs to) and triangles (four to a cell)."""
        key = self.phase[:, None].astype(np.int64) * len(self.mesh.nodes) + self.cells
        unique, index = np.unique(key, return_inverse=True)
        index = index.reshape(key.shape)
        triangles = index[:, [[0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]]].reshape(-1, 3)
        return unique % len(self.mesh.nodes), index, triangles

    def walls(self, position):
        """Where the walls are (`rheode.measures.Walls`), with the nodes at `position`."""
        from rheode.measures import wall_positions

        return wall_positions(self.mesh, position - self.mesh.nodes)

    def position(self, frame):
        return self.mesh.nodes + (0.0 if frame is None else np.asarray(frame.displacement, float))

    def areas(self, position):
        """Area of each solid cell (its corners'), um2."""
        a, b, c = (position[self.cells[:, i]] for i in range(3))
        return 0.5 * np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])

    def to_nodes(self, values):
        """Cell values averaged to the drawn nodes, by area; mid nodes lie halfway between their corners."""
        nodes, index, _ = self._drawn
        weight = np.repeat(self.areas(self.mesh.nodes), 3)
        corners = index[:, :3].ravel()
        total = np.bincount(corners, weight, len(nodes))
        out = np.bincount(corners, weight * np.repeat(values, 3), len(nodes)) / np.where(total > 0, total, 1)
        for mid, (i, j) in zip((3, 4, 5), ((0, 1), (1, 2), (2, 0))):
            out[index[:, mid]] = 0.5 * (out[index[:, i]] + out[index[:, j]])
        return out

    def shade(self, ax, position, values, cmap, norm, phases=None):
        """Draw a field given by cell; `phases` (indices) limits it to those phases."""
        from matplotlib.collections import TriMesh
        from matplotlib.tri import Triangulation

        nodes, _, triangles = self._drawn
        if phases is not None:
            triangles = triangles[np.repeat(np.isin(self.phase, phases), 4)]
        mesh = TriMesh(Triangulation(*position[nodes].T, triangles), cmap=cmap, norm=norm, rasterized=True)
        mesh.set_array(self.to_nodes(values))
        return ax.add_collection(mesh, autolim=False)

    def fill(self, ax, position, colours, phases=None):
        from matplotlib.patches import PathPatch

        for i, name in enumerate(self.names):
            if phases is None or i in phases:
                ax.add_artist(PathPatch(self.path(position, i), facecolor=colours[name], edgecolor="none"))

    def outline(self, ax, position, width=0.4, colour=style.INK):
        from matplotlib.patches import PathPatch

        for i in self.outlines:
            ax.add_artist(PathPatch(self.path(position, i), facecolor="none", edgecolor=colour, linewidth=width,
                                   joinstyle="round", zorder=3))

    def deformation_gradient(self, frame):
        """In-plane F of each solid cell from its corners, shape (m, 2, 2)."""
        here, ref = self.position(frame)[self.cells[:, :3]], self.mesh.nodes[self.cells[:, :3]]
        d, D = (np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], axis=2) for p in (here, ref))
        return d @ np.linalg.inv(D)


class View:
    """Common limits of panels that are compared, and the box, walls and scale bar drawn in each.

    `positions`: list of (n, 2) um, the nodes of every state that is shown.
    """

    def __init__(self, positions):
        self.low = np.min([p.min(axis=0) for p in positions], axis=0)
        self.high = np.max([p.max(axis=0) for p in positions], axis=0)
        self.size = self.high - self.low
        self.unit = 0.01 * max(self.size)

    @property
    def aspect(self):
        """Height over width of a panel."""
        return (self.size[1] + 12 * self.unit) / (self.size[0] + 5 * self.unit)

    def panel(self, ax, walls, loaded, start_height=None):
        """Set limits, draw the `walls` (with arrows on the top one if it is `loaded`) and the height at the start as a
        dotted line."""
        from matplotlib.patches import Rectangle

        u = self.unit
        ax.set_aspect("equal", anchor="N")
        ax.set_xlim(self.low[0] - 2.5 * u, self.high[0] + 2.5 * u)
        ax.set_ylim(self.low[1] - 3.0 * u, self.high[1] + 9 * u)
        ax.axis("off")
        (x0, y0), (x1, y1) = (walls.left, walls.bottom), (walls.right, walls.top)
        wall = dict(facecolor="#aab1b9", edgecolor="none", zorder=1)
        for corner, w, h in (((x0 - 1.5 * u, y0 - 1.5 * u), x1 - x0 + 3 * u, 1.5 * u),
                             ((x0 - 1.5 * u, y0), 1.5 * u, self.high[1] - y0 + 3 * u),
                             ((x1, y0), 1.5 * u, self.high[1] - y0 + 3 * u)):
            ax.add_artist(Rectangle(corner, w, h, **wall))
        ax.add_artist(Rectangle((x0, y1), x1 - x0, 2.2 * u if loaded else 1.5 * u,
                               **(wall | dict(facecolor=style.QUIET if loaded else "#aab1b9"))))
        if loaded:
            for x in np.linspace(x0, x1, 7)[1:-1]:
                ax.annotate("", (x, y1 + 2.2 * u), (x, y1 + 7.5 * u), zorder=2,
                            arrowprops=dict(arrowstyle="-|>,head_width=0.14,head_length=0.28", color=style.QUIET,
                                            linewidth=0.7, shrinkA=0, shrinkB=0))
        if start_height is not None and abs(start_height - y1) > 0.3 * u:
            ax.plot([x0, x1], [start_height] * 2, linestyle=(0, (1, 1.6)), linewidth=0.7, color=style.INK, zorder=4)

    def scale_bar(self, ax):
        """A bar of a round length below the lower left corner."""
        length = next(s for s in (50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05) if s <= 0.25 * self.size[0])
        x, y = self.low[0], self.low[1] - 5.2 * self.unit
        ax.plot([x, x + length], [y, y], color=style.INK, linewidth=1.8, solid_capstyle="butt", clip_on=False)
        ax.text(x + length + 1.5 * self.unit, y, f"{length:g} µm", va="center", ha="left", fontsize=7)


def electrode(run):
    """The phases at each state worth seeing, on one scale."""
    canvas = Canvas(run.mesh, run.phases)
    start = run.result.frames[0]
    moved = np.abs(start.displacement).max() > 1e-3 * min(run.mesh.box)
    first = [("As packed", None), ("Clamped", start)] if moved else [("Before cycling", start)]
    rest = [(title, frame) for title, frame in run.states]
    if moved and len(rest) == 4:  # columns: before | lithiated | delithiated
        panels = [first[0], *rest[:2], first[1], *rest[2:]]
    else:
        panels = first + rest
    view = View([canvas.position(f) for _, f in panels])
    rows, columns = (2, 3) if len(panels) > 4 else (1, len(panels)) if len(panels) != 4 or view.aspect > TALL else (2, 2)
    with style.look():
        width = style.DOUBLE if columns > 2 else style.DOUBLE * 0.75
        fig = style.figure(*_size(view, rows, columns, width, below=7 * style.MM))
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        height = canvas.walls(canvas.position(start)).top
        for letter, ax, (title, frame) in zip("abcdefgh", axes, panels):
            position = canvas.position(frame)
            view.panel(ax, canvas.walls(position), frame is not None and loaded(run), None if frame is None else height)
            canvas.fill(ax, position, {n: style.tint(c, FILL) for n, c in run.colours.items()})
            canvas.outline(ax, position)
            _title(ax, letter, title, frame, columns > 3)
        for ax in axes[len(panels):]:
            ax.axis("off")
        view.scale_bar(axes[(rows - 1) * columns])
        _phase_key(fig, run)
    return fig


def _size(view, rows, columns, width, beside=0.0, below=0.0):
    """Width and height of a figure of panels: of that width, narrower where it would be too tall for a page."""
    heads = rows * 3 * style.MM + below
    width = min(width, beside + columns * (style.TALLEST - heads) / (rows * view.aspect))
    return width, rows * (width - beside) / columns * view.aspect + heads


def _title(ax, letter, text, frame, narrow=False):
    """The state and its lithiation, which goes to a second line where panels are narrow."""
    if frame is not None:
        text += f"\n($x$ = {frame.lithiation:.2f})" if narrow else f"  ($x$ = {frame.lithiation:.2f})"
    style.title(ax, letter, text + "\n" if narrow and frame is None else text)


def _phase_key(fig, run):
    from matplotlib.patches import Patch

    keys = [Patch(facecolor=style.tint(run.colours[n], FILL), edgecolor=style.INK, linewidth=0.45, label=run.labels[n]) for n in run.phases]
    if (run.mesh.phase < 0).any():
        keys.append(Patch(facecolor="white", edgecolor=style.INK, linewidth=0.45, label="pore"))
    fig.legend(handles=keys, loc="outside lower right", ncols=len(keys), handlelength=1.1, handleheight=1.0,
               columnspacing=1.4, borderaxespad=0.1)


def loaded(run):
    return run.study.walls.kind != "rigid"


def distribution(panel, field, phases=None):
    """(values of a field in rising order, share of the deformed area up to each) over cells of some phases (indices)."""
    chosen = slice(None) if phases is None else np.isin(panel.canvas.phase, phases)
    values, weights = field(panel.frame)[chosen], panel.canvas.areas(panel.position)[chosen]
    order = np.argsort(values)
    return values[order], np.cumsum(weights[order]) / weights.sum()


def percentile(panel, field, share, phases=None):
    """Value that a field stays below in this share of the deformed area."""
    values, below = distribution(panel, field, phases)
    return float(values[min(np.searchsorted(below, share), len(values) - 1)])


def scale_end(panels, field, phases=None):
    """(percentile `CLIP` of a field over all panels together, weighted by deformed area; its largest value)."""
    values, weights = [], []
    for panel in panels:
        chosen = slice(None) if phases is None else np.isin(panel.canvas.phase, phases)
        values.append(field(panel.frame)[chosen])
        weights.append(panel.canvas.areas(panel.position)[chosen])
    values, weights = np.concatenate(values), np.concatenate(weights)
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(np.searchsorted(share, CLIP / 100), len(values) - 1)]), float(values.max())


def round_up(value):
    """The next value of two digits at most, so that a colour bar ends at a number one can read."""
    if value <= 0:
        return 1.0
    step = 10 ** np.floor(np.log10(value)) / 10
    step *= 5 if value / step > 30 else 1
    return float(np.ceil(value / step - 1e-9) * step)


@dataclass
class Panel:
    """One state in a field figure."""

    title: str
    run: Run
    canvas: Canvas
    frame: object

    @cached_property
    def position(self):
        return self.canvas.position(self.frame)

    @cached_property
    def walls(self):
        return self.canvas.walls(self.position)

    @property
    def start_height(self):
        return self.canvas.walls(self.canvas.position(self.run.result.frames[0])).top


def panels_of(run):
    """The states of a run that are worth a picture."""
    canvas = Canvas(run.mesh, run.phases)
    return [Panel(title, run, canvas, frame) for title, frame in run.states]


def _field_figure(panels, field, colour, label, phases=None, marks=None):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    clip, peak = scale_end(panels, field, phases)
    end = round_up(clip)
    cmap, norm = style.colour_map(*colour), Normalize(0.0, end)
    low = min(percentile(panel, field, 1 - CLIP / 100, phases) for panel in panels)
    if both_ends := low > 0 and min(percentile(panel, field, CLIP / 100, phases) for panel in panels) < end / DECADES:
        norm = LogNorm(round_up(low), end)
    elif low > NARROW * end:
        norm, both_ends = Normalize(np.floor(low / end * 20) / 20 * end, end), True
    view = View([p.position for p in panels])
    columns = {1: 1, 2: 2, 4: 4 if view.aspect > TALL else 2}.get(len(panels), 3)
    rows = -(-len(panels) // columns)
    with style.look():
        width, bar = (style.DOUBLE if columns > 1 else style.SINGLE * 1.2), 16 * style.MM
        fig = style.figure(*_size(view, rows, columns, width, beside=bar, below=2 * style.MM))
        axes = fig.subplots(rows, columns, squeeze=False)
        for letter, ax, panel in zip("abcdefghijkl", axes.ravel(), panels):
            canvas, position = panel.canvas, panel.position
            view.panel(ax, panel.walls, loaded(panel.run), panel.start_height)
            if phases is not None:
                canvas.fill(ax, position, {n: style.tint(c, 0.72) for n, c in panel.run.colours.items()})
            canvas.shade(ax, position, field(panel.frame), cmap, norm, phases)
            canvas.outline(ax, position)
            if marks:
                marks(canvas, ax, panel.frame, view)
            _title(ax, letter, panel.title, panel.frame, columns > 3)
        for ax in axes.ravel()[len(panels):]:
            ax.axis("off")
        view.scale_bar(axes[-1, 0])
        colorbar = fig.colorbar(ScalarMappable(norm, cmap), ax=axes, shrink=0.62 if rows > 1 else 0.8, aspect=28 if rows > 1 else 22,
                                pad=0.01, extend="both" if both_ends else "max" if peak > end else "neither")
        colorbar.set_label(label)
        colorbar.outline.set_linewidth(0.5)
    return fig, end, peak


def von_mises(panels):
    """von Mises stress in all solids.  Returns (figure, end of the colour scale in GPa, largest value)."""
    return _field_figure(panels, lambda f: f.von_mises, style.STRESS, "von Mises stress (GPa)")


def electrolyte(panels):
    """von Mises stress in the electrolytes alone, of runs that hold it in phases of the same number.  Returns as `von_mises`."""
    run = panels[0].run
    phases = [run.phases.index(n) for n in run.phases if run.study.phases[n].role == "electrolyte"]
    return _field_figure(panels, lambda f: f.von_mises, style.STRESS, "von Mises stress in the electrolyte (GPa)", phases)


def creep(panels):
    """Size and direction of the creep strain in the active phases of a run.  Returns as `von_mises`."""
    run = panels[0].run
    active = [run.phases.index(n) for n in run.active]
    return _field_figure(panels, lambda f: f.derived("creep_strain_magnitude"), style.CREEP, "Equivalent creep strain",
                         active, _directions(active))


def _directions(active, across=17, longest=0.8):
    """Marks along the direction in which creep has drawn the material out, thinned to a grid.

    The creep strain is stored in axes of the reference state; its stretched direction is carried along by the
    deformation.  The length of a mark is the difference of the two in-plane principal values: where creep is
    the same in all directions of the plane there is no direction to show.
    """
    def draw(canvas, ax, frame, view):
        from matplotlib.collections import LineCollection
        from scipy.spatial import cKDTree

        cells = np.flatnonzero(np.isin(canvas.phase, active))
        if not len(cells):
            return
        difference = frame.derived("creep_principal_difference")[cells]
        direction = frame.derived("creep_principal_direction")[cells]
        line = np.einsum("mij,mj->mi", canvas.deformation_gradient(frame)[cells], direction)
        line /= np.linalg.norm(line, axis=1)[:, None]
        position = canvas.position(frame)
        centre = position[canvas.cells[cells, :3]].mean(axis=1)
        pitch = max(view.size) / across
        square = np.floor((centre - view.low) / pitch).astype(int)
        offset = np.abs((centre - view.low) / pitch - square - 0.5).max(axis=1)
        order = np.lexsort((offset, square[:, 1], square[:, 0]))
        _, first = np.unique(square[order], axis=0, return_index=True)
        pick = order[first]
        pick = pick[offset[pick] < 0.42]
        rim, _ = cKDTree(position[np.concatenate(sum(canvas.outlines.values(), []))]).query(centre[pick])
        top = np.quantile(difference, 0.95) or 1.0
        length = np.minimum(longest * pitch * np.clip(difference[pick] / top, 0, 1), 1.8 * rim)
        pick, length = pick[length > 0.15 * pitch], length[length > 0.15 * pitch]
        arm = 0.5 * length[:, None] * line[pick]
        a, b = centre[pick] - arm, centre[pick] + arm
        strokes = [np.stack([a, b], axis=1)]
        for tip, back in ((a, 1), (b, -1)):  # a small head at either end
            for turn in (0.5, -0.5):
                c, s = np.cos(turn), np.sin(turn)
                barb = back * 0.32 * length[:, None] * line[pick] @ np.array([[c, s], [-s, c]])
                strokes.append(np.stack([tip, tip + barb], axis=1))
        ax.add_collection(LineCollection(np.concatenate(strokes), colors="#101010", linewidths=0.55, zorder=4,
                                         capstyle="round"), autolim=False)
    return draw
