"""The report as one HTML file: everything inside, nothing fetched."""

from base64 import b64encode
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np

from . import figures, fields, movie, numbers, style, words
from .run import Run, formula

# With this policy a browser refuses every request, even one that a later edit would slip in.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = Path(__file__).parent / "assets" / "page.css"


def document(title, body):
    """A whole HTML page around `body`."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="generator" content="rheode">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text()}</style>
</head>
<body>
{body}
</body>
</html>
"""


def data_uri(data, kind):
    return f"data:{kind};base64,{b64encode(data).decode()}"


def compact(png):
    """(bytes, MIME type) of a picture for the page: lossless WebP is a fifth smaller than PNG; where Pillow lacks it, PNG."""
    from PIL import Image, features

    if not features.check("webp"):
        return png, "image/png"
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").save(out, "WEBP", lossless=True, quality=20, method=2)
    return out.getvalue(), "image/webp"


class Book:
    """Collects the figures of a page: numbers them, writes their files, returns their HTML."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        folder.mkdir(exist_ok=True)

    def figure(self, name, fig, heading, caption, alt, picture=False):
        """Place a figure: fields (`picture`) as pixels, charts as SVG; PDF and PNG are written beside the page."""
        with style.look():
            files = style.save(fig, self.folder / name)
            uri = data_uri(*compact(files[1].read_bytes())) if picture else data_uri(style.svg(fig).encode(), "image/svg+xml")
        width, height = (round(inches * 96) for inches in fig.get_size_inches())
        files = f'<a href="{self.folder.name}/{name}.pdf">PDF</a> <a href="{self.folder.name}/{name}.png">PNG</a>'
        image = f'<img src="{uri}" alt="{escape(alt, quote=True)}" width="{width}" height="{height}">'
        return self.place(name, image, heading, caption, files, width)

    def place(self, name, image, heading, caption, files, width):
        self.count += 1
        return (f'<figure id="{name}" style="--w: {width / 680:.3f}">\n{image}\n<figcaption><b>Fig. {self.count} | {heading}.</b> {caption} '
                f'<span class="files">{files}</span></figcaption>\n</figure>')


def report(run, folder):
    """HTML of the report of a `Run`; figure files go to `folder`/figures."""
    book, text = Book(folder / "figures"), words.captions(run)
    sections = [_head(run), _headline(run)]

    def section(ident, title, *parts):
        sections.append(f'<section id="s-{ident}">\n<h2>{title}</h2>\n' + "\n".join(parts) + "\n</section>")

    def chart(name, fig, picture=False, **fill):
        t = text[name]
        return book.figure(name, fig, t["heading"], t["caption"].format(**fill) if fill else t["caption"], t["alt"], picture)

    panels = fields.panels_of(run)
    stress, stress_end, stress_peak = fields.von_mises(panels)
    section("electrode", "The electrode", chart("electrode", fields.electrode(run), True))
    if any(half == "lithiation" for half in run.history["half []"]):
        section("movie", "The first cycle, moving", _movie(run, book, text["movie"]))
    parts = [chart("von_mises", stress, True, clip=words.clip_sentence(stress_end, stress_peak, "&nbsp;GPa"))]
    creep, end, peak = fields.creep(panels)
    if peak > 1e-4:
        parts.append(chart("creep", creep, True, clip=words.clip_sentence(end, peak, "")))
    else:
        parts.append("<p>No active phase creeps: the creep strain is nil everywhere.</p>")
    section("fields", "Stress and creep inside the particles", *parts)
    if run.last:
        section("contact", "Contact", chart("contact", figures.contact(run)))
        section("stress", "Stress", chart("stress", figures.stress(run)))
        section("box", "Pores, thickness, pressure", chart("box", figures.box(run)), _pores(run, chart))
        section("energies", "Energy", chart("energies", figures.energies(run)))
    else:
        section("cycles", "Against cycles", "<p>No lithiation has ended yet, so there is nothing to draw.</p>")
    sections += [_settings(run), _definitions(), _citing(run)]
    return document(run.study.title or run.study.name, "<main>\n" + "\n".join(sections) + "\n</main>")


def _head(run):
    warned = words.warnings(run)
    box = ""
    if warned:
        box = '<aside class="warnings" aria-label="Warnings">\n<h2>Before you read on</h2>\n<ul>\n' + "\n".join(f"<li>{w}</li>" for w in warned) + "\n</ul>\n</aside>"
    return f"""<header>
<p class="kicker">rheode report · {escape(run.study.name)}</p>
<h1>{formula(escape(run.study.title or run.study.name), "html")}</h1>
<p class="lead">{words.summary(run)}</p>
</header>
{box}"""


def _headline(run):
    if not run.last:
        return ""
    rows = numbers.headline(run)
    cycles = dict(zip(("first", "last"), run.shown_cycles))
    compared = {which: any(np.isfinite(getattr(r, f"published_{which}")) for r in rows) for which in cycles}
    head, body = ['<th scope="col">Quantity</th>', '<th scope="col">State</th>'], []
    for which, cycle in cycles.items():
        head.append(f'<th scope="col" class="n">Cycle {cycle}</th>')
        if compared[which]:
            head += ['<th scope="col" class="n">published</th>', '<th scope="col" class="n">deviation</th>']
    for row in rows:
        cells = [f'<th scope="row">{formula(escape(row.quantity), "html")}</th>', f"<td>{row.state}</td>"]
        for which in cycles:
            value, published = getattr(row, which), getattr(row, f"published_{which}")
            unit = f'<span class="u">{"&nbsp;" + row.unit if row.unit and np.isfinite(value) else ""}</span>'
            cells.append(f'<td class="n v">{numbers.shown(value, row.unit)}{unit}</td>')
            if compared[which]:
                there = np.isfinite(published)
                cells.append(f'<td class="n p">{numbers.shown(published, row.unit) if there else ""}</td>')
                cells.append(f'<td class="n p">{numbers.shown_deviation(row, which) if there else ""}</td>')
        body.append("<tr>" + "".join(cells) + "</tr>")
    if any(compared.values()):
        note = (f"As simulated; nothing is fitted. {words.source(run)} Deviation: computed against published, in points where both are "
                "percentages.")
    else:
        note = "As simulated; nothing is fitted."
    return f"""<section id="s-numbers">
<h2>Headline numbers</h2>
<div class="scroll"><table class="numbers">
<thead><tr>{"".join(head)}</tr></thead>
<tbody>
{chr(10).join(body)}
</tbody>
</table></div>
<p class="note">{note}</p>
</section>"""


def _movie(run, book, text):
    frames = movie.frames_of(run)
    pictures, end, peak = movie.draw(run, frames)
    data, kind = movie.encode(pictures, frames)
    poster = movie.still(pictures, frames)
    suffix = kind.split("/")[1]
    (book.folder / f"movie.{suffix}").write_bytes(data)
    width, height = (round(inches * 96) for inches in movie.SIZE)
    alt = escape(text["alt"], quote=True)
    still = data_uri(poster, "image/png")
    image = (f'<picture class="screen"><source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
             f'<img src="{data_uri(data, kind)}" alt="{alt}" width="{width}" height="{height}"></picture>'
             f'<img class="paper" src="{still}" alt="{alt}" width="{width}" height="{height}">')
    files = f'<a href="{book.folder.name}/movie.{suffix}">{suffix.upper()}</a>'
    caption = text["caption"].format(clip=words.clip_sentence(end, peak, "&nbsp;GPa"))
    return book.place("movie", image, text["heading"], caption, files, 680)


def _pores(run, chart):
    from rheode.result import ResultError

    try:
        found = run.result.pores.areas.shape[1]
    except ResultError:
        found = 0
    if not found:
        return "<p>The clamped electrode has no pores to follow.</p>"
    back = run.study.cycling.delithiation
    paper, own = (f"{100 * float(line(back)):.0f}&nbsp;%" for _, line in figures.expansion_lines(run))
    fig, outside = figures.pores(run)
    beyond = f" {outside} of the {found} pores grow beyond the frame for a while." if outside else ""
    return chart("pores", fig, paper=paper, own=own, beyond=beyond)


def _settings(run):
    h = run.history
    borne = h["medium pressure mean [GPa]"]  # negative where it pulls
    stats = [("Increments", f"{len(h['increment []']) - 1:,}"),
             ("Newton iterations", f"{int(np.nansum(h['newton iterations []'])):,}"),
             ("Cutbacks", f"{int(np.nansum(h['cutbacks []'])):,}"),
             ("Wall time", _duration(h["wall time [s]"][-1])), ("CPU time", _duration(h["cpu time [s]"][-1])),
             ("Simulated time", _duration(h["time [s]"][-1])),
             ("Largest distortion", numbers.shown(np.nanmax(h["largest distortion []"]))),
             ("Smallest det <i>F</i>", numbers.shown(np.nanmin(h["smallest det F []"]))),
             ("Mean pressure of the medium, where it is largest", f"{numbers.shown(1000 * borne[np.nanargmax(np.abs(borne))])} MPa")]
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in run.study.versions.items())
    return f"""<section id="s-settings">
<h2>Settings and run</h2>
<dl class="stats">
{chr(10).join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in stats)}
</dl>
{f'<p class="note">Made with {versions}.</p>' if versions else ""}
<details><summary>The complete study file, every default written out</summary>
<pre>{escape(run.study.dump())}</pre>
</details>
</section>"""


def _duration(seconds):
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _definitions():
    items = "\n".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in words.DEFINITIONS)
    return f'<section id="s-definitions">\n<h2>How it is measured</h2>\n<dl class="terms">\n{items}\n</dl>\n</section>'


def _citing(run):
    import rheode

    lines = [f"rheode {rheode.__version__}: creep, contact, pores and stack pressure in solid-state battery electrodes."]
    if run.publication:
        p = run.publication
        lines.append(f'{escape(p.citation)}, <a href="https://doi.org/{escape(p.doi, quote=True)}">doi:{escape(p.doi)}</a>.')
    return '<section id="s-citing">\n<h2>How to cite</h2>\n<ul>\n' + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>\n</section>"


def write(directory):
    """See `rheode.report.write`."""
    from rheode.result import Result

    directory = Path(directory)
    html = report(Run(Result(directory)), directory)
    path = directory / "report.html"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(html, encoding="utf-8")
    temporary.replace(path)
    return path
