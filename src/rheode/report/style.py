"""The one look of every figure: sizes, type, colours, and the few marks that recur.

Sizes follow journal columns (88 and 180 mm, type of 7 to 9 pt).  A phase has its colour from its role and keeps
it in every chart: warm for active phases, blue-grey for the framework, green for an electrolyte, white for pores.
Warm and blue stay apart under all common forms of colour blindness; so do their lightnesses in grey print.
"""

from functools import cache

MM = 1 / 25.4  # inches
SINGLE, DOUBLE = 88 * MM, 180 * MM
TALLEST = 225 * MM  # what a page leaves with a caption below
SCREEN_DPI = 300  # 180 mm become 2126 pixels: twice the width of the page
PRINT_DPI = 360

INK, QUIET, FAINT = "#1f2429", "#6a737d", "#d9dde2"
ROLES = {
    "active": ("#d0691b", "#a63446", "#c99a1c", "#7d4a2a"),
    "framework": ("#4d6f94", "#7a6c9c", "#8296ab", "#33475f"),
    "electrolyte": ("#3f8f6b", "#7fae54"),
}
OTHER_ROLES = ("#7b8088", "#a7abb0")
RUNS = ("#4059ad", "#d0691b", "#2f7f9f", "#8a5a9e", "#3f8f6b", "#b8902a", "#a63446", "#6a737d")

# Fields that are never negative run from pale to dark, so that "more" is more ink on white paper; each map is
# perceptually uniform, cut short at its ends so that neither white pores nor black outlines are matched.
STRESS, CREEP = ("magma_r", 0.02, 0.93, 0.0), ("viridis_r", 0.0, 0.75, 0.22)


def colours(roles):
    """Colour of each phase from a mapping of phase name to role, in the order given."""
    taken, out = {}, {}
    for name, role in roles.items():
        palette = ROLES.get(role, OTHER_ROLES)
        number = taken.get(role, 0)
        out[name] = palette[number % len(palette)]
        taken[role] = number + 1
    return out


def tint(colour, share):
    """`colour` mixed with white; share 0 leaves it, 1 makes it white."""
    from matplotlib.colors import to_hex, to_rgb

    return to_hex([c + (1 - c) * share for c in to_rgb(colour)])


@cache
def colour_map(name, low, high, white):
    """The part of a matplotlib map from `low` to `high`, with a share of `white` mixed in (to let marks stand out)."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(white + (1 - white) * colormaps[name](np.linspace(low, high, 256)))


@cache
def _family():
    from matplotlib.font_manager import fontManager

    present = {font.name for font in fontManager.ttflist}
    # All but the last are cut to the same widths; the last comes with matplotlib.
    return [n for n in ("Arial", "Helvetica", "Liberation Sans", "Nimbus Sans", "DejaVu Sans") if n in present]


def look():
    """Context manager: matplotlib settings under which every figure is made *and saved*."""
    from matplotlib import rc_context

    family = _family()
    plain = {f"mathtext.{kind}": family[0] for kind in ("rm", "sf", "tt", "cal")}
    return rc_context(plain | {
        "font.family": "sans-serif", "font.sans-serif": family, "font.size": 7.5,
        "mathtext.fontset": "custom", "mathtext.it": f"{family[0]}:italic", "mathtext.bf": f"{family[0]}:bold",
        "mathtext.bfit": f"{family[0]}:italic:bold",
        "axes.labelsize": 7.5, "axes.titlesize": 7.5, "axes.titlepad": 5, "axes.labelpad": 3, "axes.titley": 1.0,
        "axes.linewidth": 0.6, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK,
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
        "xtick.labelsize": 7, "ytick.labelsize": 7, "xtick.color": INK, "ytick.color": INK,
        "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
        "lines.linewidth": 1.3, "lines.solid_capstyle": "round", "lines.dash_capstyle": "butt",
        "lines.dashed_pattern": (3.6, 1.6), "lines.markersize": 4.2,
        "legend.frameon": False, "legend.fontsize": 7, "patch.linewidth": 0.6,
        "figure.constrained_layout.h_pad": 0.06, "figure.constrained_layout.w_pad": 0.04,
        "figure.constrained_layout.hspace": 0.06, "figure.constrained_layout.wspace": 0.06,
        "svg.fonttype": "path", "svg.hashsalt": "rheode", "pdf.fonttype": 42, "axes.unicode_minus": True,
    })


def figure(width=DOUBLE, height=60 * MM):
    """An empty figure that needs no display and leaves no global state behind."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def title(ax, letter, text=""):
    """Panel letter at the upper left, as journals set it, with the panel's heading behind it."""
    ax.set_title(rf"$\bf{{{letter}}}$" + (f"   {text}" if text else ""), loc="left")


def open_marker(colour, shape="o"):
    """Published values: open, so that they are never taken for computed ones."""
    return dict(marker=shape, linestyle="none", markerfacecolor="white", markeredgecolor=colour,
                markeredgewidth=1.1, markersize=4.8, zorder=6, clip_on=False)


def label_lines(ax, labels, size=7, gap=None, at=1.025):
    """Name lines at their right end, beside the axes, moved apart where they would touch.

    `labels`: (text, height in data units, colour); `at`: where the names begin, as a share of the axes' width, for lines
    that end within them.  Call when the limits of the axes are final.
    """
    if not labels:
        return
    low, high = ax.get_ylim()
    figure_height = ax.figure.get_figheight()
    rows = ax.get_subplotspec().get_gridspec().nrows if ax.get_subplotspec() else 1
    gap = gap or size * 1.22 / 72 / (figure_height / rows * 0.72)  # share of the height of the axes
    wanted = sorted(((h - low) / (high - low), text, colour) for text, h, colour in labels)
    spots = [min(max(h, 0.0), 1.0) for h, *_ in wanted]
    for _ in range(60):  # push neighbours apart, half each, until none touch
        moved = False
        for i in range(len(spots) - 1):
            lack = gap - (spots[i + 1] - spots[i])
            if lack > 1e-4:
                spots[i] -= lack / 2
                spots[i + 1] += lack / 2
                moved = True
        if not moved:
            break
    excess = max(spots[-1] - 1.0, 0.0)  # a stack at the top hangs down from there instead of leaving the panel
    spots = [s - excess for s in spots]
    for spot, (_, text, colour) in zip(spots, wanted):
        ax.text(at, spot, text, transform=ax.transAxes, color=colour, va="center", ha="left", fontsize=size)


def cycle_axis(ax, last):
    """Cycles are counted: integer ticks, and the clamped state at 0."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlim(0, max(last, 1) * 1.03)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=2))
    ax.set_xlabel("Cycle")


def settle(fig):
    """Lay the figure out once and for all; otherwise every file that is written repeats it."""
    if fig.get_layout_engine() is not None:
        fig.draw_without_rendering()
        fig.set_layout_engine(None)


def save(fig, path):
    """Write `path`.pdf and `path`.png; fields inside are pictures, all else is drawn as lines.  Returns the paths."""
    settle(fig)
    fig.savefig(path.with_suffix(".pdf"), dpi=PRINT_DPI, metadata={"CreationDate": None})
    fig.savefig(path.with_suffix(".png"), dpi=SCREEN_DPI)
    return [path.with_suffix(".pdf"), path.with_suffix(".png")]


def svg(fig):
    """The figure as SVG text (fields inside as embedded pictures)."""
    from io import StringIO

    settle(fig)
    out = StringIO()
    fig.savefig(out, format="svg", dpi=SCREEN_DPI, metadata={"Date": None})
    return out.getvalue()
