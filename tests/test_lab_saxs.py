"""Domain size from a scattering peak."""

import numpy as np
import pytest
from rheode.cli import main
from rheode.lab import LabError
from rheode.lab.recordings import read_scattering
from rheode.lab.saxs import domain_size


def profile(seed, centre=0.2, width=0.12, points=120, scatter=0.03, height=5.0):
    """(q [1/nm], intensity) of a Lorentzian on a power law and a constant."""
    q = np.geomspace(0.05, 2, points)
    intensity = 0.1 * (q / 0.1) ** -3 + height / (1 + ((q - centre) / (width / 2)) ** 2) + 0.3
    return q, intensity * np.exp(scatter * np.random.default_rng(seed).standard_normal(points))


def test_the_domain_size_is_two_pi_over_q():
    """Requirement: the peak is found on its background, as uncertain as stated; d = 2 pi / q."""
    off = []
    for seed in range(12):
        centre = 0.12 + 0.02 * seed
        analysis = domain_size(*profile(seed, centre, 0.6 * centre))
        peak, size = analysis.values["peak q"], analysis.values["domain size"]
        off.append((peak.value - centre) / peak.uncertainty)
        assert size.value == pytest.approx(2 * np.pi / peak.value)
        assert size.uncertainty / size.value == pytest.approx(peak.uncertainty / peak.value)
        assert peak.value == pytest.approx(centre, rel=0.03)
    assert np.abs(off).max() < 4 and 0.4 < np.std(off) < 1.6


def test_the_range_the_silicon_paper_prints():
    """Requirement: its peak from 0.01 to 0.03 1/Angstrom is its domain size of 20.9 to 62.8 nm."""
    analysis = domain_size(*profile(1, 0.2, 0.2, scatter=0.0))
    assert analysis.values["domain size at half height, largest"].value == pytest.approx(62.8, abs=0.1)
    assert analysis.values["domain size at half height, smallest"].value == pytest.approx(20.9, abs=0.1)


def test_no_peak_no_size():
    """Requirement: scattering without a peak, as of the paper's homogeneous polymers, gives no domain size."""
    with pytest.raises(LabError, match="no peak"):
        domain_size(*profile(1, height=0.0))


@pytest.mark.parametrize("unit", ["1/A", "A^-1", "Å⁻¹", "1/nm"])
def test_units_of_q(tmp_path, unit):
    """Requirement: A after q is the Angstrom, not the ampere."""
    q, intensity = profile(1)
    scale = 1.0 if unit == "1/nm" else 0.1
    (tmp_path / "p.csv").write_text(f"q [{unit}],I [a.u.]\n" + "\n".join(f"{a * scale:.8g},{b:.8g}" for a, b in zip(q, intensity)) + "\n", encoding="utf-8")
    read, counts = read_scattering(tmp_path / "p.csv")
    assert np.allclose(read, q) and np.allclose(counts, intensity)


def test_the_command(tmp_path, capsys):
    """Requirement: `rheode lab saxs` prints the domain size and draws the fit."""
    q, intensity = profile(2)
    (tmp_path / "p.csv").write_text("q (1/nm),Intensity (1/cm)\n" + "\n".join(f"{a:.8g},{b:.8g}" for a, b in zip(q, intensity)) + "\n")
    try:
        main(["lab", "saxs", str(tmp_path / "p.csv"), "--highest", "1.5 1/nm", "--figure", str(tmp_path / "p.png")])
    except SystemExit as stop:
        assert not stop.code
    assert "domain size" in capsys.readouterr().out and (tmp_path / "p.pdf").stat().st_size > 5000
