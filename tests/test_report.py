"""The report: what stands on the page, what the figures draw, and that it survives runs that are not whole."""

import base64
import csv
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import synthetic

from rheode import report
from rheode.report import comparison, fields, figures, movie, numbers, page, style, words
from rheode.report.run import DELITHIATED, LITHIATED, Run, formula, label
from rheode.result import Result


@pytest.fixture(scope="module", autouse=True)
def coarse_pictures():
    """Nothing here looks at pixels, so few of them are drawn."""
    patch = pytest.MonkeyPatch()
    for module, name, value in ((style, "SCREEN_DPI", 40), (style, "PRINT_DPI", 40), (movie, "DPI", 50)):
        patch.setattr(module, name, value)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic.make_run(tmp_path_factory.mktemp("report") / "whole", size=0.7)


@pytest.fixture(scope="module")
def run(folder):
    return Run(Result(folder))


@pytest.fixture(scope="module")
def written(folder):
    path = report.write(folder)
    return path, path.read_text(encoding="utf-8")


def changed(directory, study=None, drop=(), **kwargs):
    """A synthetic run with another study text, or without some columns."""
    make_row = synthetic.make_row
    try:
        synthetic.make_row = lambda *args: {k: v for k, v in make_row(*args).items() if not k.startswith(tuple(drop) or "\0")}
        return synthetic.make_run(directory, size=0.9, study=study or synthetic.STUDY, **kwargs)
    finally:
        synthetic.make_row = make_row


# --- the page


def test_page_holds_every_part(written):
    path, html = written
    assert path.name == "report.html"
    for part in ("numbers", "electrode", "movie", "fields", "contact", "stress", "box", "energies", "settings", "definitions", "citing"):
        assert f'id="s-{part}"' in html, part
    assert "As simulated; nothing is fitted." in html
    assert "A made-up run of nine discs" in html
    assert "doi:10.1038/s41467-024-48174-8" in html
    assert "stiffness_ratio" in html  # the complete study


def test_page_fetches_nothing(written):
    _, html = written
    assert page.POLICY in html and "default-src 'none'" in page.POLICY
    assert "<script" not in html
    for source in re.findall(r"""(?:src|srcset)=["']([^"']*)""", html):
        assert source.startswith("data:")
    links = re.findall(r'href="([^"]*)"', html)
    assert all(l.startswith(("data:,", "figures/", "https://doi.org/")) for l in links), links
    assert "url(" not in re.sub(r'src="[^"]*"', "", html)


def test_every_image_has_alternative_text(written):
    images = re.findall(r"<img [^>]*>", written[1])
    assert len(images) >= 9
    for image in images:
        assert len(re.search(r'alt="([^"]*)"', image)[1]) > 20


def test_figures_are_written_beside_the_page(written, folder):
    _, html = written
    for name in re.findall(r'href="(figures/[^"]*)"', html):
        assert (folder / name).stat().st_size > 500
    for name in ("electrode", "von_mises", "creep", "contact", "stress", "box", "pores", "energies"):
        assert (folder / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert f"figures/{name}.png" in html


def test_movie_moves_within_its_size(written):
    from PIL import Image

    data = base64.b64decode(re.search(r'<img src="data:image/webp;base64,([^"]*)"[^>]*alt="Animation', written[1])[1])
    assert len(data) < movie.LIMIT
    film = Image.open(io.BytesIO(data))
    assert film.n_frames == 9  # the clamped state, then four of each half cycle
    film.seek(0)
    first = np.asarray(film.convert("RGB"), int)
    film.seek(4)
    assert np.abs(np.asarray(film.convert("RGB"), int) - first).mean() > 1


def test_no_number_is_nan_on_the_page(written):
    text = re.sub(r"data:[^\"']*", "", written[1])
    assert not re.search(r"\b(nan|inf|None)\b", text)


# --- numbers


def test_headline_numbers_stand_beside_the_published_ones(run):
    rows = {(r.quantity, r.state): r for r in numbers.headline(run)}
    stress = rows["Mean von Mises stress, Mo6Se8", "full lithiation"]
    assert stress.first == run.at("von Mises mse mean [GPa]", 1)
    assert stress.published_first == 0.171 and np.isnan(stress.published_last)  # published: cycles 1 and 20, this run: 3
    assert stress.deviation("first") == pytest.approx(100 * (stress.first / 0.171 - 1))
    contact = rows["Contact ratio Selenium–Mo6Se8", "full lithiation"]
    assert contact.unit == "%" and contact.deviation("first") == pytest.approx(contact.first - 67.0)
    thickness = rows["Thickness change since clamping", "end of delithiation"]
    assert thickness.last == pytest.approx(100 * run.at("thickness change []", 3, DELITHIATED))


def test_numbers_as_printed():
    assert numbers.shown(-0.12345) == "−0.123"
    assert numbers.shown(12.345, "%") == "12.3"
    assert numbers.shown(float("nan")) == "–"
    assert numbers.shown(1234567.0) == "1 234 567"
    assert numbers.shown(2.0) == "2.00"


def test_run_gives_the_ends_of_half_cycles(run):
    cycles, porosity = run.series("porosity []", LITHIATED)
    assert list(cycles) == [1, 2, 3]
    ends = [np.flatnonzero((run.history["cycle []"] == c) & (run.history["half []"] == LITHIATED))[-1] for c in (1, 2, 3)]
    assert np.array_equal(porosity, run.history["porosity []"][ends])
    assert np.isnan(run.at("porosity []", 9))
    assert run.within(1)[0] == 0 and run.within(2)[0] == run.within(1)[-1]


def test_names_of_phases(run):
    assert label(run.study, "se") == "Selenium"
    assert run.labels["mse"] == "Mo$_{6}$Se$_{8}$"
    assert formula("Li4Mo6Se8 at 20 MPa", "html") == "Li<sub>4</sub>Mo<sub>6</sub>Se<sub>8</sub> at 20 MPa"


# --- fields


@pytest.fixture(scope="module")
def canvas(run):
    return fields.Canvas(run.mesh, run.phases)


def test_outlines_enclose_the_particles(run, canvas):
    """Requirement: particles are drawn whole, by their outlines."""
    for i, loops in canvas.outlines.items():
        area = 0
        for nodes in loops:
            x, y = run.mesh.nodes[nodes].T
            area += 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
        assert area == pytest.approx(run.mesh.areas[run.mesh.phase == i].sum(), rel=1e-9)


def test_fields_are_averaged_within_a_phase_only(run, canvas):
    values = np.where(canvas.phase == 0, 1.0, 5.0)
    nodes, index, _ = canvas._drawn
    drawn = canvas.to_nodes(values)
    assert drawn[index[canvas.phase == 0]] == pytest.approx(1.0, abs=1e-12)
    assert drawn[index[canvas.phase == 1]] == pytest.approx(5.0, abs=1e-12)


def test_colour_scale_ends_at_the_percentile_by_area(run, canvas):
    frame = run.frame(1, LITHIATED)
    panel = fields.Panel("", run, canvas, frame)
    area = canvas.areas(panel.position)
    rank = np.cumsum(area) / area.sum()  # a field that is its own percentile
    end, peak = fields.scale_end([panel, panel], lambda f: rank)
    assert end == pytest.approx(fields.CLIP / 100, abs=area.max() / area.sum())
    assert peak == pytest.approx(1)
    assert [fields.round_up(v) for v in (0.231, 0.31, 1.74, 0.0, 12.1)] == pytest.approx([0.24, 0.35, 1.8, 1.0, 13.0])


def test_creep_marks_follow_the_material(run, canvas):
    """Requirement: the direction of the creep strain is drawn where the deformation has carried it."""
    from dataclasses import replace

    turn = np.deg2rad(30)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    frame = replace(
        run.frame(1, LITHIATED),
        displacement=run.mesh.nodes @ rotation.T - run.mesh.nodes,
        creep_strain=np.tile([0.2, -0.2, 0.0, 0.0], (len(canvas.cells), 1)),  # drawn out along x
    )
    panel = fields.Panel("", run, canvas, frame)
    fig, _, _ = fields.creep([panel])
    lines = [c for c in fig.axes[0].collections if type(c).__name__ == "LineCollection"]
    strokes = np.array(lines[0].get_segments())
    number = len(strokes) // 5  # a shaft and four barbs each
    shaft = strokes[:number, 1] - strokes[:number, 0]
    assert number > 10
    assert np.abs(shaft / np.linalg.norm(shaft, axis=1)[:, None] @ rotation[:, 0]) == pytest.approx(1, abs=1e-6)


def test_no_mark_where_creep_has_no_direction(run, canvas):
    from dataclasses import replace

    frame = replace(run.frame(1, LITHIATED), creep_strain=np.tile([0.1, 0.1, -0.2, 0.0], (len(canvas.cells), 1)))
    fig, _, _ = fields.creep([fields.Panel("", run, canvas, frame)])
    assert sum(len(c.get_segments()) for c in fig.axes[0].collections if type(c).__name__ == "LineCollection") == 0


# --- charts


def test_pure_expansion_lines(run):
    """The paper's volume fractions leave 69 % at x = 0.22 where its own estimate is 78 %."""
    (_, paper), (_, own) = figures.expansion_lines(run)
    assert paper(0.22) == pytest.approx(0.78)
    growth, fraction = run.active_growth
    assert growth == pytest.approx(0.98)
    box = run.clamped("thickness [um]") * run.clamped("width [um]")
    expected = 1 - 0.22 * 0.98 * fraction * run.mesh.box.prod() / box / run.clamped("porosity []")
    assert own(0.22) == pytest.approx(expected)
    assert own(1.0) == 0.0  # overfull: shut, not negative


def test_published_values_are_open_markers(run):
    fig = figures.stress(run)
    markers = [line for line in fig.axes[1].lines if line.get_marker() == "o" and line.get_linestyle() == "None"]
    assert [tuple(map(tuple, m.get_xydata())) for m in markers] == [((1.0, 0.171),)]
    assert markers[0].get_markerfacecolor() == "white"


def test_free_disc_stands_beside_the_active_phase_only(run):
    from rheode.cycling import free_disc

    x, stress = free_disc(run.study)
    fig = figures.stress(run)
    drawn = [[np.array_equal(line.get_ydata(), stress) for line in ax.lines] for ax in fig.axes[2:4]]
    assert any(drawn[0]) and not any(drawn[1])


def test_labels_do_not_overlap():
    with style.look():
        fig = style.figure()
        ax = fig.subplots()
        ax.set_ylim(0, 1)
        style.label_lines(ax, [(f"line {i}", 0.97 + 0.005 * i, "k") for i in range(5)])
        fig.draw_without_rendering()
        boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda b: b.y0)
        assert all(a.y1 < b.y1 and b.y0 - a.y0 > 0.7 * a.height for a, b in zip(boxes, boxes[1:]))
        assert [t.get_text() for t in sorted(ax.texts, key=lambda t: t.get_position()[1])] == [f"line {i}" for i in range(5)]


def test_phases_keep_their_colours():
    one = style.colours({"se": "active", "mse": "framework"})
    other = style.colours({"mse": "framework", "lco": "active", "fes": "active"})
    assert one["mse"] == other["mse"] and one["se"] == other["lco"]
    assert len(set(other.values())) == 3


def test_colour_maps_darken_steadily():
    """Requirement: fields in maps whose lightness goes one way, readable in grey print."""
    for which in (style.STRESS, style.CREEP):
        rgb = style.colour_map(*which)(np.linspace(0, 1, 50))[:, :3]
        linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        assert (np.diff(linear @ [0.2126, 0.7152, 0.0722]) < 0).all()


# --- runs that are not whole, or not usual


def test_unfinished_run_says_where_it_stands(tmp_path):
    directory = changed(tmp_path / "run", cycles=2, increments=6, frames=2, complete=False)
    html = report.write(directory).read_text()
    assert "The run is not complete: it stands at cycle 2, delithiation, x = 0.22 (the step became smaller than 1e-6)" in html


def test_run_without_an_ended_half_cycle(tmp_path):
    whole = synthetic.make_run(tmp_path / "run", cycles=1, increments=6, frames=2, size=0.9)
    for path in sorted((whole / "record").glob("*.bin"))[5:]:
        path.unlink()
    marker = (whole / "run.json").read_text().replace('"complete": true', '"complete": false')
    (whole / "run.json").write_text(marker)
    html = report.write(whole).read_text()
    assert "No lithiation has ended yet" in html and 'id="s-numbers"' not in html
    assert "Von Mises stress in all solids where the run stands" in html


def test_one_cycle_without_pores_or_publication(tmp_path, monkeypatch):
    from rheode.result import ResultError

    study = synthetic.STUDY.replace("publication: xiong-2024\n", "").replace("cycles: 3", "cycles: 1")
    directory = changed(tmp_path / "run", study, cycles=1, increments=6, frames=2, rest=True)
    monkeypatch.setattr(Result, "pores", property(lambda self: (_ for _ in ()).throw(ResultError("none"))))
    html = report.write(directory).read_text()
    assert "no pores to follow" in html
    assert "published" not in html.lower().split("<h2>how it is measured")[0]


def test_two_active_phases_and_optional_columns(tmp_path):
    study = synthetic.STUDY.replace("mse: {material: mo6se8, role: framework", "mse: {material: lco, role: active")
    make_row = synthetic.make_row
    try:
        def row(*args):
            out = make_row(*args)
            for gap, factor in (("gap/2", 0.9), ("gap*2", 1.2)):
                out |= {f"contact {a}-{b} {gap} []": factor * out[f"contact {a}-{b} []"] for a in ("se", "mse") for b in ("se", "mse")}
            suffixes = (" gap/2", " gap*2", " pressed/2", " pressed", " pressed*2")
            out |= {f"contact {a}-any{s} []": f * out[f"contact {a}-any []"] for a in ("se", "mse") for s, f in zip(suffixes, (0.9, 1.2, 1.1, 0.8, 0.5))}
            return out

        synthetic.make_row = row
        directory = synthetic.make_run(tmp_path / "run", cycles=2, increments=6, frames=2, size=0.9, study=study)
    finally:
        synthetic.make_row = make_row
    run = Run(Result(directory))
    assert run.active == ["se", "mse"] and len(set(run.colours.values())) == 2
    contact = figures.contact(run)
    assert len([c for c in contact.axes[0].collections if "Poly" in type(c).__name__ or "FillBetween" in type(c).__name__]) == 4
    text = report.write(directory).read_text()
    assert "half and with twice that gap" in text and "under a pressure of more than 5&nbsp;MPa" in text
    lithiated = {s: 100 * run.at(f"contact se-any{s} []", 2, "lithiation") for s in ("", " pressed", " pressed/2", " pressed*2")}
    by_pressure = "{ pressed:.1f}&nbsp;% ({ pressed/2:.1f}&nbsp;%, { pressed*2:.1f}&nbsp;%) by pressure".format_map(lithiated)
    assert by_pressure in text


def test_rigid_box_and_generalized_plane_strain(tmp_path):
    study = synthetic.STUDY.replace("{kind: pressure, pressure: 100 MPa}", "{kind: rigid}").replace("plane: plane_strain", "plane: generalized_plane_strain")
    run = Run(Result(changed(tmp_path / "run", study, cycles=1, increments=6, frames=2)))
    text = (words.summary(run) + " ".join(words.warnings(run))).lower()
    assert "four rigid walls" in text and "generalized plane strain" in text
    assert "no baseline is drawn" in words.captions(run)["stress"]["caption"]
    assert not fields.loaded(run)


# --- comparison


@pytest.fixture(scope="module")
def compared(folder, tmp_path_factory):
    base = tmp_path_factory.mktemp("compare")
    study = synthetic.STUDY.replace("material: selenium", "material: lco").replace("100 MPa}", "10 MPa}")
    other = changed(base / "lco", study, cycles=2, increments=6, frames=2)
    return report.compare([folder, other], base / "out"), base / "out", other


def test_compare_puts_runs_into_rows_by_role(compared, folder, run):
    result, out, other = compared
    assert result.names == ["whole", "lco"]
    row = next(r for r in result.rows if r["quantity"] == "Mean von Mises stress, active phase" and r["cycle"] == 2)
    assert row["whole"] == run.at("von Mises se mean [GPa]", 2)
    assert row["lco"] == Run(Result(other)).at("von Mises se mean [GPa]", 2)
    assert {r["cycle"] for r in result.rows} == {1, 2}  # the last cycle that both have ended
    table = list(csv.DictReader(open(out / "compare.csv", encoding="utf-8")))
    assert len(table) == len(result.rows)
    assert float(table[0]["whole"]) == result.rows[0]["whole"]
    assert callable(report.compare)  # still, after its first use
    assert str(result).splitlines()[-1] == str(out / "compare.html")


def test_compare_page(compared):
    html = (compared[1] / "compare.html").read_text(encoding="utf-8")
    assert all(s.startswith("data:") for s in re.findall(r'src="([^"]*)"', html))
    assert "walls.pressure" in html and "phases.se.material" in html
    assert "output.contact_gap" not in html  # the same in both


def test_differences_lists_what_differs(folder, compared):
    runs = [Run(Result(folder)), Run(Result(compared[2]))]
    assert dict(comparison.differences(runs)) == {"phases.se.material": ["selenium", "lco"], "walls.pressure": ["100 MPa", "10 MPa"]}
    assert comparison.differences([runs[0], runs[0]]) == []


def beside_a_moved_wall(run, side, by):
    """The run's last frame, and one in which a wall has moved inwards by a length and left the particles where they were."""
    frame = run.result.frames[len(run.result.frames) - 1]
    axis, sign = {"left": (0, 1), "right": (0, -1), "bottom": (1, 1), "top": (1, -1)}[side]
    displacement = np.array(frame.displacement, float)
    displacement[run.mesh.walls[side], axis] += sign * by
    return frame, replace(frame, displacement=displacement)


def test_a_particle_beyond_a_wall_is_told(run, monkeypatch):
    assert words.beyond(run) == []
    frame, moved = beside_a_moved_wall(run, "right", 2.0)
    surface = (run.mesh.nodes + moved.displacement)[np.unique(run.mesh.surface.edges)]
    far = surface[:, 0].max() - fields.Canvas(run.mesh, run.phases).walls(run.mesh.nodes + moved.displacement).right
    monkeypatch.setattr(run.result, "frames", [frame, moved])
    (said,) = words.beyond(run)
    assert said.startswith(f"Particles lie up to {far:.2g} um beyond the right wall (cycle 3, ") and any("beyond the right wall" in w for w in words.warnings(run))


def test_walls_are_drawn_where_they_are(run, canvas):
    """Not at the outermost particle."""
    from matplotlib.figure import Figure

    frame, moved = beside_a_moved_wall(run, "right", 2.0)
    panel = fields.Panel("", run, canvas, moved)
    ax = Figure().subplots()
    fields.View([panel.position]).panel(ax, panel.walls, True)
    at = [artist.get_x() for artist in ax.artists + ax.patches]
    assert any(x == pytest.approx(fields.Panel("", run, canvas, frame).walls.right - 2.0, abs=1e-6) for x in at)


def test_runs_of_one_cycle_are_compared_on_their_way(tmp_path):
    one = changed(tmp_path / "one", synthetic.STUDY.replace("cycles: 3", "cycles: 1"), cycles=1)
    fig = comparison.curves([Run(Result(one))], ["one"])
    assert {ax.get_xlabel() for ax in fig.axes if ax.axison} == {"Lithiation $x$"}
    assert min(len(ax.lines[0].get_xdata()) for ax in fig.axes if ax.axison) > 4


def test_a_colour_scale_begins_near_values_that_lie_close_together(run, canvas):
    frame = run.result.frames[len(run.result.frames) - 1]
    spread = np.linspace(0.9, 1.0, len(frame.von_mises))
    near, wide = (fields.Panel("", run, canvas, replace(frame, von_mises=v)) for v in (spread, 10 * (spread - 0.9)))
    low = [fields.von_mises([panel])[0].axes[0].collections[0].norm.vmin for panel in (near, wide)]
    assert low == [0.9, 0.0]


# --- cost


def test_importing_the_report_loads_nothing_heavy():
    code = "import sys, rheode.report; print([m for m in ('matplotlib', 'PIL', 'numpy', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


# --- soft and stiff side by side


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two made-up runs with an electrolyte in place of the framework, under 10 and 100 MPa; in one it bears a ten thousandth."""
    base, soft = tmp_path_factory.mktemp("pair"), synthetic.STUDY.replace("role: framework", "role: electrolyte").replace("publication: xiong-2024\n", "")
    make_fields, make_row = synthetic.make_fields, synthetic.make_row

    def softer(*args):
        frame = dict(make_fields(*args))
        frame["von_mises"] = frame["von_mises"] * 1e-4
        return frame

    stiff = synthetic.make_run(base / "stiff", size=0.9, study=soft)
    synthetic.make_fields = softer
    synthetic.make_row = lambda *args: {k: v * 1e-4 if k.startswith("von Mises mse") else v for k, v in make_row(*args).items()}
    try:
        gentle = synthetic.make_run(base / "gentle", size=0.9, study=soft.replace("100 MPa", "10 MPa"))
    finally:
        synthetic.make_fields, synthetic.make_row = make_fields, make_row
    return stiff, gentle


def panels_of(folders):
    runs = [Run(Result(folder)) for folder in folders]
    return [fields.Panel(folder.name, run, fields.Canvas(run.mesh, run.phases), run.frame(run.last, LITHIATED)) for folder, run in zip(folders, runs)]


def test_compare_shows_electrolytes_their_distributions_and_the_pressure(pair, tmp_path):
    report.compare(pair, tmp_path / "out")
    html = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    for name in ("electrolytes", "distributions", "pressures"):
        assert f'id="{name}"' in html and (tmp_path / "out" / "figures" / f"{name}.pdf").is_file()
    rows = {r["quantity"]: r for r in comparison._rows([Run(Result(folder)) for folder in pair], ["stiff", "gentle"], 3)}
    stress = rows["Mean von Mises stress, electrolyte"]
    assert stress["unit"] == "MPa" and stress["stiff"] == pytest.approx(1e4 * stress["gentle"])
    assert "Lost contact" in str([panel[0] for panel in comparison.PANELS])


def test_a_colour_scale_counts_decades_only_where_panels_are_decades_apart(pair):
    one = panels_of(pair)
    assert type(fields.electrolyte(one)[0].axes[0].collections[0].norm).__name__ == "LogNorm"
    assert type(fields.electrolyte([one[0], one[0]])[0].axes[0].collections[0].norm).__name__ == "Normalize"


def test_percentiles_are_by_deformed_area(pair):
    panel = panels_of(pair)[0]
    chosen = panel.canvas.phase == 1
    values, weights = panel.frame.von_mises[chosen], panel.canvas.areas(panel.position)[chosen]
    found = comparison.distributions([panel])[1]
    top = found["electrolyte"][panel.title]
    assert weights[values > top].sum() <= 0.05 * weights.sum() <= weights[values >= top].sum()
    assert set(found) == {"active phase", "electrolyte"}


def test_panels_that_say_nothing_are_left_out(pair):
    """What is nil in all runs, and a pressure that the studies prescribe."""
    runs = [Run(Result(folder)) for folder in pair]
    firsts = [{role: n for n, role in comparison.roles(run).items()} for run in runs]
    assert not comparison._says_something("wall pressure [GPa]", runs, firsts)
    assert comparison._says_something("porosity []", runs, firsts)
    for run in runs:
        run.cycles = run.cycles | {"porosity []": 0 * run.cycles["porosity []"]}
    assert not comparison._says_something("porosity []", runs, firsts)
    assert len(comparison.pressures(runs, ["a", "b"]).axes) == 1


def test_a_run_shows_behind_one_that_covers_it(pair):
    run = Run(Result(pair[0]))
    widths = [line.get_linewidth() for line in comparison.curves([run, run], ["a", "b"]).axes[0].lines[:2]]
    assert widths[0] > widths[1]


def test_runs_under_one_pressure_have_no_figure_against_it(pair):
    runs = [Run(Result(folder)) for folder in pair]
    assert comparison.pressures(runs, ["a", "b"]) is not None and comparison.pressures([runs[0], runs[0]], ["a", "b"]) is None
