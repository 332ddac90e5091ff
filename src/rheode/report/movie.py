"""The first cycle as an animated image: von Mises stress on the deforming mesh, and where the cycle stands."""

from io import BytesIO

import numpy as np

from . import style
from .fields import Canvas, Panel, View, loaded, round_up, scale_end

SIZE, DPI = (7.6, 4.2), 150  # 1140 x 630 pixels
MOST = 60  # frames
LIMIT = 4_000_000  # bytes


def frames_of(run, cycle=1):
    """The stored frames of a cycle (thinned to `MOST`), with the state it starts from."""
    indices = run.frames_of(cycle)
    if len(indices) > MOST:
        indices = [indices[i] for i in np.unique(np.linspace(0, len(indices) - 1, MOST).round().astype(int))]
    return [run.result.frames[i] for i in indices]


def draw(run, frames, cycle=1):
    """Pictures (PIL images of one size) of the frames of a cycle, the end of their colour scale and the largest value [GPa]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from PIL import Image

    canvas = Canvas(run.mesh, run.phases)
    panels = [Panel("", run, canvas, frame) for frame in frames]
    clip, peak = scale_end(panels, lambda f: f.von_mises)
    end = round_up(clip)
    cmap, norm = style.colour_map(*style.STRESS), Normalize(0, end)
    view = View([panel.position for panel in panels])
    pictures = []
    with style.look():
        fig = Figure(figsize=SIZE, dpi=DPI)
        agg = FigureCanvasAgg(fig)
        field = fig.add_axes((0.0, 0.06, 0.53, 0.93))
        bar = fig.colorbar(ScalarMappable(norm, cmap), cax=fig.add_axes((0.545, 0.2, 0.016, 0.6)), extend="max")
        bar.set_label("von Mises stress (GPa)")
        bar.outline.set_linewidth(0.5)
        marks = _curves(run, fig, cycle)
        for panel in panels:
            field.clear()
            frame, position = panel.frame, panel.position
            view.panel(field, panel.walls, loaded(run), panels[0].start_height)
            field.set_anchor("E")  # next to its colour bar
            canvas.shade(field, position, frame.von_mises, cmap, norm)
            canvas.outline(field, position)
            view.scale_bar(field)
            marks(frame)
            agg.draw()
            pictures.append(Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3].copy()))
    return pictures, end, peak


def _curves(run, fig, cycle):
    """The right-hand side: a bar of the lithiation and two small charts; returns what moves their marks."""
    rows = run.within(cycle)
    x = run.history["lithiation []"][rows]
    hours = (run.history["time [s]"][rows] - run.history["time [s]"][rows[0]]) / 3600
    place = dict(left=0.715, width=0.245)
    progress = fig.add_axes((place["left"], 0.865, place["width"], 0.03))
    progress.set_xlim(0, 1)
    progress.set_ylim(0, 1)
    progress.set_yticks([])
    progress.set_xticks([0, 0.5, 1])
    progress.spines[:].set_visible(True)
    progress.spines[:].set_linewidth(0.5)
    done = progress.barh([0.5], [0.0], height=1.0, color=run.colours[run.active[0]])[0]
    heading = progress.text(0, 1.7, "", transform=progress.transAxes, fontsize=8)
    stress = fig.add_axes((place["left"], 0.5, place["width"], 0.25))
    space = fig.add_axes((place["left"], 0.12, place["width"], 0.25))
    lines = [(stress, f"von Mises {n} mean [GPa]", 1.0, run.colours[n], run.labels[n]) for n in run.phases]
    lines += [(space, "porosity []", 100.0, style.INK, "porosity")]
    lines += [(space, f"contact {n}-any []", 100.0, run.colours[n], f"contact, {run.labels[n]}") for n in run.active
              if f"contact {n}-any []" in run.history]
    dots = []
    for ax, column, scale, colour, name in lines:
        y = scale * run.history[column][rows]
        ax.plot(hours, y, color=style.tint(colour, 0.62), linewidth=1.0)
        drawn, = ax.plot([], [], color=colour)
        dot, = ax.plot([], [], "o", color=colour, markersize=3.6, clip_on=False)
        dots.append((drawn, dot, y))
        ax.plot([], [], color=colour, label=name)
    for ax, unit in ((stress, "Mean stress (GPa)"), (space, "Share (%)")):
        ax.set_xlim(0, max(hours[-1], 1e-9))
        ax.set_ylim(0, None)
        ax.set_ylabel(unit)
        ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=3, fontsize=6.5, handlelength=1.0, columnspacing=1.0,
                  borderaxespad=0.1)
    stress.tick_params(labelbottom=False)
    space.set_xlabel("Time in the cycle (h)")
    increments = run.history["increment []"][rows]

    def move(frame):
        i = int(np.searchsorted(increments, frame.increment))
        i = min(i, len(rows) - 1)
        done.set_width(frame.lithiation)
        word = {"clamp": "clamped", "rest": "rest"}.get(frame.half, frame.half)
        heading.set_text(f"Cycle {cycle}, {word}: $x$ = {frame.lithiation:.2f}")
        for drawn, dot, y in dots:
            drawn.set_data(hours[: i + 1], y[: i + 1])
            dot.set_data([hours[i]], [y[i]])

    return move


def encode(pictures, frames):
    """(bytes, MIME type) of an endless animation: WebP, or PNG where Pillow lacks WebP; at most `LIMIT` bytes."""
    from PIL import features

    step = int(np.clip(5000 / len(pictures), 80, 260))
    turn = max(range(len(frames)), key=lambda i: frames[i].lithiation)
    wait = [step + (900 if i == turn else 0) + (1200 if i == len(pictures) - 1 else 0) + (500 if i == 0 else 0)
            for i in range(len(pictures))]
    webp = features.check("webp")
    quality, scale = 82, 1.0
    while True:
        out = BytesIO()
        if scale < 1:
            pictures = [p.resize((int(p.width * 0.8), int(p.height * 0.8))) for p in pictures]
        shared = dict(save_all=True, append_images=pictures[1:], duration=wait, loop=0)
        if webp:
            pictures[0].save(out, "WEBP", quality=quality, method=3, **shared)
        else:
            flat = [p.quantize(128, dither=0) for p in pictures]
            flat[0].save(out, "PNG", **(shared | {"append_images": flat[1:]}))
        if len(out.getvalue()) <= LIMIT or quality < 40:
            return out.getvalue(), "image/webp" if webp else "image/png"
        quality, scale = quality - 15, 0.8


def still(pictures, frames):
    """PNG of the most lithiated picture, for print and for readers who asked for less motion."""
    out = BytesIO()
    pictures[max(range(len(frames)), key=lambda i: frames[i].lithiation)].quantize(256, dither=0).save(out, "PNG")
    return out.getvalue()
