"""Image files, their scale, phases and particles, and the command that prints them."""

import json

import numpy as np
import pytest
import tifffile
from bench import needs
from micrographs import electrode
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter, label

from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.images import analyse, parse_phases, particles, pores, read_images, segment
from rheode.lab.images.analysis import cycles_of
from rheode.lab.images.reading import Image
from rheode.lab.images.segmentation import assign

PHASES = "85=active:selenium, 170=framework:mo6se8"


def command(capsys, *arguments):
    """Exit code and output of `rheode lab image`."""
    code = 0
    try:
        main(["lab", "image", *map(str, arguments)])
    except SystemExit as end:
        code = end.code or 0
    return (code, *capsys.readouterr())


# --- real files


def test_fractions_of_a_ct_stack(tmp_path, capsys):
    """Requirement: fractions of the phases of a stack of labels, to 1e-5."""
    code, shown, _ = command(capsys, needs("images/taufactor_electrode.tiff"), "--phases", "85=active:ncm811, 170=framework:pvdf", "--json", tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    assert code == 0 and "0.4499" in shown
    assert found["porosity"]["value"] == pytest.approx(0.449917, abs=1e-6)
    assert [found[f"fraction {name}"]["value"] for name in ("ncm811", "pvdf")] == pytest.approx([0.400466, 0.149616], abs=1e-6)
    assert [row["label"] for row in found["tables"]["phases"]] == [0, 85, 170]
    assert found["choices"]["segmentation"] == "grey values taken as labels"


def test_scale_of_a_zeiss_micrograph():
    """Requirement: the scale is read from the microscope's own metadata."""
    (image,) = read_images(needs("images/mm_Zeiss.tif"))
    assert image.values.shape == (768, 1024)
    assert image.pixel == pytest.approx(0.1587, abs=1e-6) and "Zeiss" in image.scale


# --- files made here


def labels_image(seed=3, **options):
    return electrode(seed, particles=16, shape=(160, 200), **options)[0]


def test_scales_that_files_bring(tmp_path):
    """Requirement: ImageJ and OME scales are read; the resolution of a print is no scale."""
    stack = np.random.default_rng(0).integers(0, 3, (4, 40, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "ij.tif", stack, imagej=True, resolution=(20.0, 20.0), metadata={"axes": "ZYX", "unit": "um", "spacing": 0.3})
    tifffile.imwrite(tmp_path / "ome.ome.tif", stack, metadata={"axes": "ZYX", "PhysicalSizeX": 50, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 50, "PhysicalSizeYUnit": "nm"})
    tifffile.imwrite(tmp_path / "dpi.tif", stack[0], resolution=(300, 300), resolutionunit=2)
    assert read_images(tmp_path / "ij.tif")[0].spacing == pytest.approx((0.3, 0.05, 0.05))
    assert read_images(tmp_path / "ome.ome.tif")[0].spacing == pytest.approx((0.05, 0.05, 0.05))
    plain = read_images(tmp_path / "dpi.tif")[0]
    assert plain.spacing is None
    with pytest.raises(LabError, match="does not say its scale"):
        plain.pixel
    assert plain.scaled([0.02]).pixel == 0.02


def test_pages_are_slices_or_frames(tmp_path):
    """Requirement: pages that don't say what they are make a volume, frames on request; times are frames."""
    stack = np.random.default_rng(0).integers(0, 3, (5, 40, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "pages.tif", stack)
    tifffile.imwrite(tmp_path / "times.tif", stack, imagej=True, metadata={"axes": "TYX"})
    assert [i.values.shape for i in read_images(tmp_path / "pages.tif")] == [(5, 40, 30)]
    assert [i.values.shape for i in read_images(tmp_path / "pages.tif", "frames")] == [(40, 30)] * 5
    assert np.array_equal(read_images(tmp_path / "times.tif")[2].values, stack[2])


def test_pictures_of_every_mode(tmp_path):
    """Requirement: 8 and 16 bit, black and white, few colours as labels, many as luminance."""
    index = np.random.default_rng(0).integers(0, 3, (20, 30))
    colours = np.array([[0, 0, 0], [200, 30, 30], [255, 255, 40]], np.uint8)
    Picture.fromarray(colours[index]).save(tmp_path / "colours.png")
    Picture.fromarray(colours[index]).convert("RGBA").save(tmp_path / "alpha.png")
    Picture.fromarray((index * 20000).astype(np.uint16)).save(tmp_path / "deep.png")
    Picture.fromarray(index == 1).save(tmp_path / "bits.png")
    for name in ("colours", "alpha"):
        assert np.array_equal(read_images(tmp_path / f"{name}.png")[0].values, index)
    assert np.array_equal(read_images(tmp_path / "deep.png")[0].values, index * 20000)
    assert np.array_equal(read_images(tmp_path / "bits.png")[0].values, index == 1)
    many = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    Picture.fromarray(many).save(tmp_path / "many.png")
    assert read_images(tmp_path / "many.png")[0].values[3, 4] == pytest.approx(many[3, 4] @ [0.299, 0.587, 0.114])


def damaged():
    """Name and bytes of files that can't be read."""
    rng = np.random.default_rng(0)
    return {
        "empty.tif": b"", "text.png": b"hello", "head.tif": b"II*\0\x08\0\0\0", "noise.tif": b"II*\0\x08\0\0\0" + rng.bytes(3000),
        "png.png": b"\x89PNG\r\n\x1a\n" + bytes(60),
    }  # fmt: skip


@pytest.mark.parametrize("name", [*damaged(), "cut.tif", "pages.tif", "cut.png", "absent.tif"])
def test_damaged_files_end_in_one_line(name, tmp_path, capsys):
    """Requirement: corrupt, cut and empty files end in one clear line that names the file, exit 2."""
    path = tmp_path / name
    values = np.random.default_rng(0).integers(0, 255, (6, 64, 64)).astype(np.uint8)
    if name in damaged():
        path.write_bytes(damaged()[name])
    elif name == "cut.png":
        Picture.fromarray(values[0]).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif name != "absent.tif":
        # Cut inside a page, and between pages, where what is left looks whole.
        tifffile.imwrite(path, values[0] if name == "cut.tif" else values, compression=None if name == "cut.tif" else "zlib")
        path.write_bytes(path.read_bytes()[: 2000 if name == "cut.tif" else 15000])
    code, _, told = command(capsys, path)
    assert code == 2 and told.count("\n") == 1 and told.startswith(str(path))


@pytest.mark.parametrize(
    "options, told",
    [
        (["--phases", "85=selenium"], "LABEL=ROLE:MATERIAL"),
        (["--phases", "85=active:unobtainium"], "unobtainium"),
        (["--phases", "85=active:selenium"], "the labels 0, 170 have no phase"),
        (["--phases", PHASES + ", 99=pore"], "no pixel has the label 99"),
        (["--scale", "40"], "the unit is missing"),
        (["--crop", "0,0,5000,10"], "does not lie inside"),
        (["--phases", PHASES, "--study", "s.yaml"], "does not say its scale"),
        (["--study", "s.yaml", "--scale", "40 nm"], "--phases"),
        (["--x", "0"], "two or more"),
    ],
)
def test_options_that_make_no_sense(options, told, tmp_path, capsys, monkeypatch):
    """Requirement: each wrong option ends in one line that says what to change, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    Picture.fromarray(labels_image()).save("image.png")
    code, _, said = command(capsys, "image.png", *options)
    assert code == 2 and said.count("\n") == 1 and told in said
    assert [path.name for path in tmp_path.iterdir()] == ["image.png"]


# --- phases


def test_otsu_finds_the_phases_of_a_noisy_image():
    """Requirement: three noisy classes are told apart, the thresholds stated, the sensitivity brackets the fraction."""
    truth = labels_image(seed=11)
    rng = np.random.default_rng(11)
    noisy = gaussian_filter(truth.astype(float), 0.6) + rng.normal(0, 12, truth.shape)
    found = segment(noisy, classes=3)
    expected = [(truth == v).mean() for v in (0, 85, 170)]
    assert found.fractions == pytest.approx(expected, abs=0.03)
    assert 20 < found.thresholds[0] < 70 and 100 < found.thresholds[1] < 150
    assert found.lower[0] < found.fractions[0] < found.upper[0] and found.lower[2] > found.fractions[2] > found.upper[2]
    assert (found.uncertainty > 0.005).all()


def test_given_thresholds_split_where_they_are():
    """Requirement: a pixel on a threshold belongs to the class above it; without blur fractions are exact."""
    values = np.arange(400, dtype=float).reshape(20, 20)
    found = segment(values, thresholds=[100, 300], blur=0)
    assert found.fractions.tolist() == [0.25, 0.5, 0.25]
    with pytest.raises(LabError, match="leave a class empty"):
        segment(values, thresholds=[500])


def test_phases_by_name_range_and_sum():
    """Requirement: labels may be joined, given as ranges, and one unnamed label is the pores."""
    phases = parse_phases("1-3=active:selenium:se, 5+7=framework:mo6se8")
    assert [(p.role, p.material, p.name) for p in phases] == [("active", "selenium", "se"), ("framework", "mo6se8", "mo6se8")]
    assert assign(np.array([0, 1, 3, 5, 7]), phases).tolist() == [-1, 0, 0, 1, 1]
    with pytest.raises(LabError, match="named twice"):
        assign(np.array([0, 1, 2]), parse_phases("1=active:selenium, 1-2=framework:mo6se8"))


def test_particles_are_parted_at_their_necks():
    """Requirement: two discs that overlap a little are two particles, two that overlap by half are one; ranges are as given."""
    y, x = np.mgrid[:80, :200]
    apart = ((x - 50) ** 2 + (y - 40) ** 2 < 900) | ((x - 104) ** 2 + (y - 40) ** 2 < 900)
    together = ((x - 50) ** 2 + (y - 40) ** 2 < 900) | ((x - 70) ** 2 + (y - 40) ** 2 < 900)
    entry = parse_phases("1=active:selenium")
    for mask, count in ((apart, 2), (together, 1)):
        labels, phase, cuts = particles(mask.astype(int), np.array([-1, 0]), entry)
        assert len(phase) == count and cuts == count - 1 and np.array_equal(labels >= 0, mask)
    given = np.where(apart, 1 + (x > 60), 0)
    labels, phase, cuts = particles(given, np.array([-1, 0, 0]), parse_phases("1-2=active:selenium"))
    assert len(phase) == 2 and cuts == 0 and ((labels == 1) == (given == 2)).all()


@pytest.mark.parametrize("seed", [2, 31])
def test_most_particles_of_a_micrograph_are_found(seed):
    """Requirement: the watershed gives nearly the particles that the image was made of."""
    image, truth = electrode(seed)
    found, phase, _ = particles(np.searchsorted([0, 85, 170], image), np.array([-1, 0, 1]), parse_phases(PHASES))
    wanted = sum(label(truth == k)[1] for k in np.unique(truth[truth >= 0]))
    assert 0.8 * wanted <= len(phase) <= 1.15 * wanted


def test_pores_by_connection_and_by_throat():
    """Requirement: connected pores are one; with a throat two chambers joined by a narrow passage are two; slits and dots are none."""
    mask = np.zeros((60, 120), bool)
    mask[10:50, 10:50] = mask[10:45, 70:110] = mask[28:32, 50:70] = True
    mask[55:57, 5:100] = True
    assert pores(mask, smallest=12).max() == 1
    found = pores(mask, throat=8, smallest=12)
    assert found.max() == 2 and (found == 1).sum() > (found == 2).sum()
    assert pores(mask, throat=3, smallest=12).max() == 1


def test_pores_of_a_volume(tmp_path):
    """Requirement: the pores of a stack are measured as volumes in the stack's own scale."""
    z, y, x = np.mgrid[:30, :40, :40]
    ball = (z - 15) ** 2 + (y - 14) ** 2 + (x - 14) ** 2 < 8**2
    other = (z - 15) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 < 5**2
    image = Image(np.where(ball | other, 0, 200).astype(np.uint8), "stack", (0.2, 0.1, 0.1))
    table = analyse([image]).tables["pores"]
    assert table["volume [um3]"] == pytest.approx([ball.sum() * 0.002, other.sum() * 0.002])
    assert table["z [um]"][0] == pytest.approx(15 * 0.2) and table["x [um]"][1] == pytest.approx(3.0)


def test_cycles_from_lithiation():
    """Requirement: each stretch of x in one direction is half a cycle."""
    assert cycles_of([0, 0.5, 1, 0.61, 0.22]) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert cycles_of([0, 1, 0.22, 1, 0.22]) == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_a_figure_is_written(tmp_path, capsys):
    """Requirement: the chart of an image as PDF and PNG."""
    Picture.fromarray(labels_image()).save(tmp_path / "image.png")
    code, shown, _ = command(capsys, tmp_path / "image.png", "--phases", PHASES, "--figure", tmp_path / "chart", "--csv", tmp_path / "phases.csv")
    assert code == 0 and (tmp_path / "chart.pdf").stat().st_size > 5000 and (tmp_path / "chart.png").stat().st_size > 5000
    assert (tmp_path / "phases.csv").read_text().splitlines()[0].startswith("label,phase,fraction []")
