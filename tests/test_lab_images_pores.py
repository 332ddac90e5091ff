"""Pores followed from frame to frame: identities, closings, mergers, splits, drift; and a run through the same code."""

import json

import numpy as np
import pytest
from micrographs import eroding_frames
from PIL import Image as Picture
from scipy.ndimage import shift as moved
from synthetic import make_run

from rheode.cli import main
from rheode.lab.images import analyse, drifts, parse_phases, track
from rheode.lab.images.analysis import Expansion
from rheode.lab.images.reading import Image
from rheode.measures import porosity, rasterise
from rheode.result import Result


def images(frames, spacing=(0.02, 0.02)):
    return [Image(frame, f"frame {k}", spacing) for k, frame in enumerate(frames)]


def identities(truth, sequence):
    """(right, all) of the pores of the first frame that are seen in later ones, and {true pore: number when first seen}."""

    def region(k, pore):
        seen = sequence.regions[k][truth[k] == pore]
        count = np.bincount(seen, minlength=2)
        count[0] = 0
        return count.argmax() - 1 if len(seen) >= 20 and count.max() >= 0.3 * len(seen) else None

    shares, number, right, total = sequence.tracks.shares, {}, 0, 0
    for pore in np.unique(truth[0])[1:]:
        if (j := region(0, pore)) is not None:
            number[int(pore)] = max(shares[0][j], key=shares[0][j].get)
    for k in range(1, len(truth)):
        for pore, name in number.items():
            if (j := region(k, pore)) is not None:
                right, total = right + (name in shares[k][j]), total + 1
    return right, total, number


@pytest.mark.parametrize("seed, options", [(1, {}), (77, {"noise": 0.4, "drift": 8.0}), (78, {"texture": 0.0, "drift": 6.0})])
def test_pores_keep_their_identity(seed, options):
    """Requirement: at least 98 % right identities through 10 eroded, drifting, noisy frames; closings and mergers found."""
    frames, truth, walk, pairs = eroding_frames(seed, pores=45, shape=(400, 400), **options)
    (sequence,) = analyse(images(frames), classes=2).curves["sequences"]
    right, total, number = identities(truth, sequence)
    assert total > 150 and right >= 0.98 * total
    assert np.abs(sequence.tracks.drift - walk).max() < 1.5
    events = sequence.tracks.events
    groups = [{e["pore"] - 1, *(int(o) - 1 for o in e["others"].split(", "))} for e in events if e["event"] == "merged"]
    met = [pair for pair in pairs if all(p in number for p in pair) and np.isin(pair, truth[-1]).all()]
    assert met and all(any({number[a], number[b]} <= group for group in groups) for a, b in met)
    closed = {e["pore"] - 1 for e in events if e["event"] == "closed"}
    reach = np.abs(walk).max() + 5
    gone, still = [], []
    for pore, name in number.items():
        rows, columns = np.nonzero(truth[0] == pore)
        if min(rows.min(), columns.min()) > reach and max(rows.max(), columns.max()) < 399 - reach:
            (still if (truth[-1] == pore).sum() > 40 else gone if not (truth[-1] == pore).any() else []).append(name)
    assert len(gone) > 3 and set(gone) <= closed
    assert not set(still) & closed
    # Sizes are those of the truth, to the blur of their edges.
    for pore, name in number.items():
        if name in still and sequence.tracks.state[-1, name] == "open":
            assert sequence.tracks.areas[-1, name] == pytest.approx((truth[-1] == pore).sum(), rel=0.25, abs=15)


def test_drift_is_found_to_a_part_of_a_pixel():
    """Requirement: drift corrected by sub-pixel registration."""
    frames, _, _, _ = eroding_frames(5, frames=1, noise=0.0)
    base = frames[0].astype(float)
    walk = np.array([[0, 0], [2.3, -4.7], [-6.45, 11.2], [30.8, -25.4]])
    rng = np.random.default_rng(5)
    seen = [moved(base, d, order=3, mode="nearest") + rng.normal(0, 8, base.shape) for d in walk]
    assert np.abs(drifts(seen) - walk).max() < 0.12


def discs(*circles, shape=(80, 160)):
    """A label frame with the discs (y, x, r) numbered in order, those beyond the frame left out."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    out = np.zeros(shape, int)
    for cy, cx, r in circles:
        out[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = out.max() + 1
    return out


def joined(*circles):
    """The same as one region."""
    return (discs(*circles) > 0).astype(int)


def happened(tracks):
    return [(e["frame"], e["event"], e["pore"], e["others"]) for e in tracks.events]


def test_a_pore_that_splits_keeps_the_area_of_its_pieces():
    """Requirement: a split is told, and both pieces are the pore."""
    tracks = track([joined((40, 50, 15), (40, 75, 15)), discs((40, 48, 11), (40, 77, 11))])
    assert happened(tracks) == [(2, "split", 1, "")]
    assert tracks.areas[1, 0] == (discs((40, 48, 11), (40, 77, 11)) > 0).sum() and tracks.pieces[1, 0] == 2


def test_merged_pores_share_their_region_and_part_again_as_they_were():
    """Requirement: a merger leaves each pore its share; parted again, each is where it was."""
    apart, met = discs((40, 40, 16), (40, 80, 12)), joined((40, 42, 19), (40, 76, 17))
    tracks = track([apart, met, discs((40, 80, 12), (40, 40, 16))])
    assert happened(tracks) == [(2, "merged", 1, "2"), (3, "parted", 1, "2")]
    assert tracks.areas[1].sum() == (met > 0).sum() and tracks.areas[1, 0] > tracks.areas[1, 1]
    assert tracks.state[1].tolist() == ["merged", "merged"] and tracks.with_[1].tolist() == [0, 0]
    assert tracks.areas[2].tolist() == tracks.areas[0].tolist()


def test_a_pore_that_closes_and_reopens_is_the_same():
    """Requirement: closings are told; one that reopens where it was keeps its number; another place is another pore."""
    one, two = (40, 40, 14), (30, 100, 12)
    tracks = track([discs(one, two), discs(one), discs(one, (31, 101, 6)), discs(one, (31, 101, 6), (60, 130, 8))])
    assert happened(tracks) == [(2, "closed", 2, ""), (3, "reopened", 2, ""), (4, "opened", 3, "")]
    assert tracks.areas[1, 1] == 0 and tracks.state[0].tolist() == ["open", "open", "not yet open"]
    assert np.isnan(tracks.areas[0, 2])


def test_a_pore_that_leaves_the_view_has_not_closed():
    """Requirement: pores that the edge cuts have no known size; out of view is not closed."""
    frames = [discs((40, 150 + d, 7), (40, 60 + d, 12)) for d in (0, 6, 30)]
    tracks = track(frames, [[0, 0], [0, 6], [0, 30]])
    assert tracks.state[:, 0].tolist() == ["open", "cut by the edge", "out of view"]
    assert np.isnan(tracks.areas[1:, 0]).all() and "closed" not in [e["event"] for e in tracks.events]


def test_volumes_are_followed_alike():
    """Requirement: stacks over time give volumes relative to the start."""
    z, y, x = np.mgrid[:24, :40, :60]

    def stack(*balls):
        return np.where(np.any([(z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2 < r * r for a, b, c, r in balls], axis=0), 0, 180).astype(np.uint8)

    frames = [stack((12, 20, 15, 8), (12, 20, 45, 6)), stack((12, 20, 15, 6))]
    made = analyse([Image(f, "stack", (0.1, 0.1, 0.1)) for f in frames], drift=False)
    table = made.tables["pores"]
    assert table["volume [um3]"][0] == pytest.approx((frames[0][:, :, :30] == 0).sum() * 1e-3)
    assert table["relative volume at the end []"] == pytest.approx([(frames[1] == 0).sum() / (frames[0][:, :, :30] == 0).sum(), 0])
    assert table["at the end"] == ["open", "closed"]


# --- pure expansion


def test_both_lines_of_pure_expansion():
    """Requirement: 78 % at x = 0.22 as published, and 69 % by the electrode's own volume fractions, from these inputs."""
    lines = Expansion(np.array([0.0, 1.0, 0.22]), 1 + 0.98 * np.array([0.0, 1.0, 0.22]), 0.356, 0.247)
    assert lines.published == pytest.approx([1, 0, 0.78])
    assert lines.own == pytest.approx([1, 0, 1 - 0.22 * 0.98 * 0.356 / 0.247])
    assert lines.own[-1] == pytest.approx(0.69, abs=0.005)


def test_fractions_for_the_line_are_measured():
    """Requirement: without given fractions the line uses those of the first frame and the material's own growth."""
    y, x = np.mgrid[:80, :160]
    solid = np.where(x < 60, 85, 170).astype(np.uint8)
    frames = [np.where(discs((40, 100, r)) > 0, 0, solid).astype(np.uint8) for r in (20, 15)]
    made = analyse(images(frames), phases=parse_phases("85=active:selenium, 170=framework:mo6se8"), x=[0, 0.22], growth=lambda x: 1 + 0.98 * np.asarray(x))
    porosity = (frames[0] == 0).mean()
    assert made.values["pure expansion at the end, by volume fractions"].value == pytest.approx(1 - 0.22 * 0.98 * 0.375 / porosity)
    assert made.values["pure expansion at the end, as published (1 - x)"].value == pytest.approx(0.78)


# --- the command, and a run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run", cycles=1)


def test_a_state_as_an_image(run):
    """Requirement: the rasterised mesh has the porosity of the mesh."""
    result = Result(run)
    frame = result.frames[len(result.frames) // 2]
    image = rasterise(result.mesh, frame.displacement, 0.02)
    assert (image == -1).sum() / (image > -2).sum() == pytest.approx(porosity(result.mesh, frame.displacement), abs=2e-3)


def test_a_run_and_images_of_it_give_the_same_pores(run, tmp_path, capsys):
    """Requirement: simulated and imaged pores are compared by one code: a run, and its states saved as pictures, agree."""
    made = analyse([], run=run, pixel=0.04, throat=1.0)
    (sequence,) = made.curves["sequences"]
    files = []
    for k, image in enumerate(made.curves["run"]["images"]):
        files.append(tmp_path / f"{k:02d}.png")
        Picture.fromarray(np.array([255, 0, 85, 170], np.uint8)[image + 2]).save(files[-1])
    phases = "0=pore,85=active:selenium,170+255=framework:mo6se8"
    x = ",".join(f"{x:.9g}" for x in sequence.expansion.x)
    with pytest.raises(SystemExit) as end:
        main(["lab", "image", *map(str, files), "--scale", "40 nm", "--throat", "1 um", "--no-drift", "--phases", phases, "--x", x, "--run", str(run), "--json", str(tmp_path / "a.json"), "--figure", str(tmp_path / "a")])
    assert not end.value.code and "median relative size at the end (run)" in capsys.readouterr().out
    found = json.loads((tmp_path / "a.json").read_text())
    both = [found["tables"][f"pores ({name})"] for name in ("images", "run")]
    assert len(both[0]) == sequence.tracks.first > 4 and both[0] == both[1]
    assert found["median relative size at the end (run)"]["value"] == pytest.approx(sequence.median())
    assert (tmp_path / "a.png").stat().st_size > 10000


def test_the_areas_of_a_run_are_its_own(run):
    """Requirement: the pore area of the images follows the porosity of the run; its line of expansion the clamped state."""
    (sequence,) = analyse([], run=run).curves["sequences"]
    result = Result(run)
    wanted = [porosity(result.mesh, f.displacement) * row["thickness [um]"] for f, row in zip(result.frames, result.frames.rows)]
    area = np.array([(regions > 0).sum() * sequence.size / 10 for regions in sequence.regions])
    assert area == pytest.approx(wanted, rel=0.08)  # slits and dots are no pores
    assert sequence.at[-1] == 1.0 and sequence.at[np.argmax(sequence.expansion.x)] == 0.5
    assert sequence.expansion.growth.max() == pytest.approx(1.98)
