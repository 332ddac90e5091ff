"""Micrographs to meshes: areas, gaps, walls, shape of the elements; and runs of electrodes of irregular particles."""

import numpy as np
import pytest
from bench import needs
from micrographs import ACTIVE, FRAMEWORK, electrode
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from rheode.cli import main
from rheode.lab.images import particles, parse_phases
from rheode.measures import rasterise
from rheode.microstructure import Mesh, MeshError
from rheode.microstructure.from_image import clean, mesh_image
from rheode.result import Result
from rheode.study import Study

PIXEL = 10 / 256
NAMES = ("se", "mse")
PHASES = "85=active:selenium, 170=framework:mo6se8"


def labelled(seed, **options):
    """Particles as they were made, touching ones kept apart, and their phases."""
    image, particle = electrode(seed, **options)
    return particle, np.array([int((image[particle == k] == FRAMEWORK).any()) for k in range(particle.max() + 1)])


def found(image):
    """Particles as they are seen in the image."""
    labels, phase, _ = particles(np.searchsorted([0, ACTIVE, FRAMEWORK], image), np.array([-1, 0, 1]), parse_phases(PHASES))
    return labels, phase


def smallest_gaps(mesh):
    """Smallest distance between the surfaces of two particles, and of a particle from the walls."""
    edges, owner = mesh.surface.edges[:, [0, 2]], mesh.surface.particle
    ends = mesh.nodes[edges]
    steps = np.linspace(0, 1, 21)[:, None]
    points = (ends[:, :1] + steps * (ends[:, 1:] - ends[:, :1])).reshape(-1, 2)
    of = np.repeat(owner, len(steps))
    between = np.inf
    for k in range(mesh.particles):
        between = min(between, cKDTree(points[of != k]).query(points[of == k])[0].min())
    return between, min(points.min(), (mesh.box - points).min())


def angles(mesh):
    """Smallest angle of each solid cell, degrees."""
    x = mesh.nodes[mesh.cells[mesh.solid][:, :3]]
    out = []
    for k in range(3):
        a, b = x[:, (k + 1) % 3] - x[:, k], x[:, (k + 2) % 3] - x[:, k]
        out.append(np.degrees(np.arctan2(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]), (a * b).sum(axis=1))))
    return np.min(out, axis=0)


@pytest.mark.parametrize("seed", [0, 1, 2, 41, 42, 43])
def test_particles_as_they_are(seed):
    """Requirement: areas of the phases kept, touching particles and walls the gap apart, no slivers."""
    labels, phase = labelled(seed)
    mesh, account = mesh_image(labels, phase, PIXEL, NAMES)
    assert mesh.particles >= 20 and mesh.box == pytest.approx([10, 10])
    for name, k in zip(NAMES, (0, 1)):
        wanted = np.isin(labels, np.flatnonzero(phase == k)).mean()
        assert mesh.area_fraction(name) == pytest.approx(wanted, abs=2e-5)
        assert account.fractions[name] == (pytest.approx(wanted), pytest.approx(mesh.area_fraction(name)))
    between, walls = smallest_gaps(mesh)
    assert between > 0.0099 and walls > 0.0099
    assert angles(mesh).min() > 12 and np.percentile(angles(mesh), 1) > 25
    assert account.deviation < 0.15 and account.reassigned < 0.02


@pytest.mark.parametrize("seed", [7, 51])
def test_the_mesh_lies_where_the_particles_are(seed):
    """Requirement: the particles are meshed as they are: drawn as an image again, the mesh gives the micrograph, first row on top."""
    labels, phase = labelled(seed)
    mesh, _ = mesh_image(labels, phase, PIXEL, NAMES)
    image = rasterise(mesh, np.zeros_like(mesh.nodes), PIXEL)
    wanted = np.where(labels >= 0, phase[labels], -1)
    assert image.shape == wanted.shape and (image != wanted).mean() < 0.03


def test_touching_particles_face_each_other():
    """Requirement: along a contact both particles have the same sides, the gap apart."""
    labels = np.full((120, 120), -1)
    labels[20:100, 10:60], labels[20:100, 60:110] = 0, 1
    mesh, _ = mesh_image(labels, np.array([0, 1]), 0.05, NAMES)
    x = mesh.nodes[mesh.surface.edges[:, 0]]
    left = np.sort(x[(mesh.surface.particle == 0) & (x[:, 0] > 2.99) & (x[:, 0] < 3.0)][:, 1])
    right = np.sort(x[(mesh.surface.particle == 1) & (x[:, 0] > 3.0) & (x[:, 0] < 3.01)][:, 1])
    assert len(left) > 3 and left == pytest.approx(right, abs=0.02)


def test_particles_cut_by_the_image_end_straight():
    """Requirement: a particle that the edge of the image cuts ends in a straight side along the wall, the gap away."""
    labels, phase = labelled(3)
    mesh, _ = mesh_image(labels, phase, PIXEL, NAMES)
    cut = np.unique(labels[-1][labels[-1] >= 0])
    low = mesh.nodes[mesh.surface.edges][:, :, 1].max(axis=1) < 0.0101
    assert len(np.unique(mesh.surface.particle[low])) >= len(cut) - 1
    assert mesh.nodes[mesh.surface.edges[low]][:, :, 1] == pytest.approx(0.01, abs=1e-4)


def test_a_ring_keeps_its_hole_and_what_lies_in_it():
    """Requirement: a particle may enclose a pore, and another particle."""
    y, x = np.mgrid[:160, :160]
    r = np.hypot(x - 80, y - 80)
    labels = np.where(r < 25, 1, np.where((r > 25) & (r < 65), 0, -1))
    labels[(x - 120) ** 2 + (y - 80) ** 2 < 64] = -1
    mesh, account = mesh_image(labels, np.array([0, 1]), 0.04, NAMES)
    assert mesh.particles == 2
    loops = [particle for particle, _ in mesh.outlines()]
    assert loops.count(0) == 3 and loops.count(1) == 1
    assert account.fractions["se"][1] == pytest.approx(account.fractions["se"][0], abs=1e-4)


def test_specks_and_slits_go_to_their_neighbours():
    """Requirement: what is too thin or too small to be meshed goes to its own phase or the pores; no region is lost otherwise."""
    labels = np.full((100, 100), -1)
    labels[10:90, 10:48], labels[10:90, 50:90] = 0, 1
    labels[30, 30] = labels[60:63, 70:73] = -1
    labels[5, 5] = 2
    tidy, old = clean(labels, np.array([0, 1, 0]))
    assert old.tolist() == [0, 1] and (tidy[30, 30], tidy[61, 71], tidy[5, 5]) == (0, 1, -1)
    assert (tidy[40, 46:52] >= 0).all()


@pytest.mark.parametrize("seed", range(60, 66))
def test_any_micrograph_can_be_meshed(seed):
    """Requirement: particles as segmented, other shapes and sizes of images, unseen seeds."""
    image, _ = electrode(seed, particles=20 + 5 * (seed % 3), shape=(200, 256 + 40 * (seed % 2)), roughness=0.5 + 0.4 * (seed % 4))
    labels, phase = found(image)
    mesh, account = mesh_image(labels, phase, 0.05, NAMES)
    for then, now in account.fractions.values():
        assert now == pytest.approx(then, abs=2e-4)
    assert min(smallest_gaps(mesh)) > 0.0098


def test_a_binder_of_specks_is_meshed_and_told():
    """Requirement: what is too fine for the image's pixels does not stop the mesh; a note says that the mesh is not the image."""
    from rheode.lab.images import read_images

    (stack,) = read_images(needs("images/taufactor_electrode.tiff"))
    labels, phase = found(stack.values[168, 40:140, 60:180])
    mesh, account = mesh_image(labels, phase, 0.1, NAMES)
    assert account.fractions["mse"][1] < 0.5 * account.fractions["mse"][0]
    assert any("does not stand for this image" in note for note in mesh.notes)


@pytest.mark.parametrize(
    "labels, options, told",
    [
        (np.full((40, 40), -1), {}, "no pixel belongs to a particle"),
        (np.zeros((4, 4), int), {}, "at least 8 x 8"),
        (np.tile([-1, 0, 0, -1], (40, 10)), {}, "thinner than"),
        (np.pad(np.zeros((30, 30), int), 5, constant_values=-1), {"gap": 1.0}, "too short for a gap"),
        (np.pad(np.zeros((30, 30), int), 5, constant_values=-1), {"contact_size": 1.0, "mesh_size": 0.5}, "can't be larger"),
    ],
)
def test_what_cannot_be_meshed_is_told(labels, options, told):
    """Requirement: one line that says what to change."""
    with pytest.raises(MeshError, match=told):
        mesh_image(labels, np.array([0]), 0.05, ("se",), **options)


def command(*arguments):
    """Run the command line; its exit code must be 0."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert not end.value.code


def write_study(folder, seed):
    """A study of a micrograph, written by the command."""
    image, _ = electrode(seed)
    Picture.fromarray(image).save(folder / "micrograph.png")
    command("lab", "image", folder / "micrograph.png", "--scale", f"{1000 * PIXEL} nm", "--phases", PHASES, "--study", folder / "study.yaml")
    return folder / "study.yaml"


def test_the_command_writes_a_study_that_loads(tmp_path, capsys):
    """Requirement: `rheode lab image --study` writes a study and a mesh that `rheode run` accepts, and says what it did."""
    from rheode.cycling.model import build_mesh

    path = write_study(tmp_path, 4)
    shown = capsys.readouterr().out
    study = Study.load(path)
    mesh = build_mesh(study)
    assert study.walls.kind == "pressure" and study.walls.pressure == pytest.approx(0.1) and study.cycling.cycles == 1
    assert mesh.phase_names == ("selenium", "mo6se8") and mesh.particles >= 20
    assert "touching particles and walls 0.01 um apart" in shown and "Area fractions: selenium" in shown


def test_a_grey_micrograph_becomes_a_study(tmp_path, capsys):
    """Requirement: the same from a blurred, noisy image, its classes named from dark to bright; fractions kept to 1 %."""
    image, _ = electrode(9, shape=(240, 320))
    rng = np.random.default_rng(9)
    grey = gaussian_filter(30 + image.astype(float), 0.8) + rng.normal(0, 14, image.shape)
    Picture.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(tmp_path / "grey.png")
    command("lab", "image", tmp_path / "grey.png", "--scale", "35 nm", "--phases", "0=pore, 1=active:selenium:se, 2=framework:mo6se8:mse",
            "--study", tmp_path / "grey.yaml", "--figure", tmp_path / "chart")  # fmt: skip
    capsys.readouterr()
    mesh = Mesh.load(tmp_path / "grey.npz")
    assert mesh.particles >= 20 and mesh.box == pytest.approx([11.2, 8.4])
    assert mesh.area_fraction("se") == pytest.approx((image == ACTIVE).mean(), abs=0.01)
    assert mesh.area_fraction("mse") == pytest.approx((image == FRAMEWORK).mean(), abs=0.01)
    assert (tmp_path / "chart.png").is_file() and (tmp_path / "chart.pdf").is_file()


@pytest.mark.verify
@pytest.mark.parametrize("seed", [0, 2024])
def test_an_electrode_from_its_micrograph_runs_a_full_cycle(seed, tmp_path, capsys):
    """Requirement: at least 20 irregular particles swell by 98 % under 100 MPa and shrink back, with the defaults."""
    path = write_study(tmp_path, seed)
    command("run", path, "-o", tmp_path / "run", "--quiet")
    capsys.readouterr()
    result = Result(tmp_path / "run")
    assert result.complete and result.mesh.particles >= 20
    x, pressure = result.history["lithiation []"], result.history["wall pressure [GPa]"]
    assert x.max() == 1.0 and x[-1] == 0.0
    assert pressure == pytest.approx(0.1, abs=1e-4)
    assert result.study.materials()["selenium"].growth(1.0) == pytest.approx(1.98)
    assert (result.history["smallest det F []"] > 0).all()
    # The pores of the run go through the code that micrographs go through.
    command("lab", "image", "--run", tmp_path / "run", "--json", tmp_path / "pores.json")
    assert '"pores in the first frame"' in (tmp_path / "pores.json").read_text()
