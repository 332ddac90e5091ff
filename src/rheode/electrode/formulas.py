"""The arithmetic of an electrode: density, porosity, capacity, energy, utilisation, volume balance.

Equation numbers are those of Xiong et al. 2024, Supplementary Information, Section 1 (doi
10.1038/s41467-024-48174-8). Units: mass mg, area cm^2, thickness um, volume cm^3, density g/cm^3, mass
loading mg/cm^2, capacity mAh/g and mAh/cm^2, energy Wh/kg and Wh/L, voltage V; fractions, porosities and
utilisations are numbers from 0 to 1. Single values may be arrays that broadcast; a composition is a sequence
with one entry a component.
"""

import math

import numpy as np

UM_IN_CM = 1e-4
MG_IN_G = 1e-3


# --- composition ----------------------------------------------------------------------------------


def theoretical_density(weights, densities):
    """Density of the solid without pores [g/cm^3], 1 / sum(w_i / rho_i): Eq. 3, and the first factor of Eqs 4-6.

    `weights`: weight fractions; `densities` [g/cm^3].
    """
    return 1.0 / sum(w / rho for w, rho in zip(weights, densities, strict=True))


def volume_fractions(weights, densities):
    """Volume fractions of the solid from weight fractions and densities [g/cm^3]: array, sums to that of `weights`."""
    volumes = np.asarray(weights, float) / np.asarray(densities, float)
    return volumes * (np.sum(weights) / np.sum(volumes))


def weight_fractions(volumes, densities):
    """Weight fractions from volume fractions of the solid and densities [g/cm^3]: array, sums to that of `volumes`."""
    weights = np.asarray(volumes, float) * np.asarray(densities, float)
    return weights * (np.sum(volumes) / np.sum(weights))


def component_volume(mass, density):
    """Volume [cm^3] of `mass` [mg] of a component of `density` [g/cm^3]."""
    return mass * MG_IN_G / density


# --- density and porosity -------------------------------------------------------------------------


def disc_area(diameter):
    """Area [cm^2] of a disc of `diameter` [um]."""
    return math.pi / 4.0 * (diameter * UM_IN_CM) ** 2


def electrode_volume(area, thickness):
    """Volume [cm^3] of an electrode of `area` [cm^2] and `thickness` [um], pores included: V_C of Eq. 1."""
    return area * thickness * UM_IN_CM


def mass_loading(mass, area):
    """Mass per area [mg/cm^2] from mass [mg] and area [cm^2]."""
    return mass / area


def density(loading, thickness):
    """Density [g/cm^3] from mass loading [mg/cm^2] and thickness [um]: Eq. 1 (m_C / S is the loading)."""
    return loading * MG_IN_G / (thickness * UM_IN_CM)


def thickness(loading, density):
    """Thickness [um] from mass loading [mg/cm^2] and density [g/cm^3]: Eq. 1 turned round."""
    return loading * MG_IN_G / density / UM_IN_CM


def porosity(density, theoretical):
    """Share of pores, 1 - density / theoretical density (both g/cm^3): Eq. 2."""
    return 1.0 - density / theoretical


def porous_density(theoretical, porosity, filling=0.0):
    """Density [g/cm^3] of an electrode whose pores hold a liquid of density `filling` [g/cm^3].

    Eq. 4 with a liquid electrolyte, Eqs 5 and 6 with empty pores (filling 0).
    """
    return theoretical * (1.0 - porosity) + filling * porosity


# --- capacity and energy --------------------------------------------------------------------------


def specific_capacity(weights, capacities):
    """Capacity per mass of electrode [mAh/g] from weight fractions and capacities [mAh/g]: Eqs 7 and 8.

    An inactive component has the capacity 0: Eq. 7 is Eq. 8 with a single active one.
    """
    return sum(w * c for w, c in zip(weights, capacities, strict=True))


def areal_capacity(specific_capacity, loading):
    """Capacity per area [mAh/cm^2] from capacity [mAh/g] and mass loading [mg/cm^2]."""
    return specific_capacity * loading * MG_IN_G


def volumetric_capacity(specific_capacity, density):
    """Capacity per volume [mAh/cm^3] from capacity [mAh/g] and density [g/cm^3]."""
    return specific_capacity * density


def specific_energy(specific_capacity, voltage):
    """Energy per mass of electrode [Wh/kg] from capacity [mAh/g] and average voltage [V]: Eq. 9."""
    return specific_capacity * voltage


def energy_density(specific_energy, density):
    """Energy per volume [Wh/L] from energy per mass [Wh/kg] and density [g/cm^3]: Eq. 10.

    With the density of the porous electrode this is the energy per volume that the electrode takes up. Eq. 10
    prints V_0, which Eq. 2 defines as the volume without pores; with the theoretical density it is that.
    """
    return specific_energy * density


def utilisation(measured, active_capacity, active_weight, framework_capacity=0.0, framework_weight=0.0):
    """Share of the active material's capacity that was obtained: Eq. 11.

    `measured`: capacity per mass of electrode; all capacities in mAh/g, weights as weight fractions. The
    framework's own capacity is taken off first.
    """
    return (measured - framework_capacity * framework_weight) / (active_capacity * active_weight)


# --- volume on lithiation -------------------------------------------------------------------------
# `swelling`: change of the solid's volume from lithiation 0 to 1 per volume of the solid as pressed,
# sum of v_i dV_i / (1 + dV_i x_i) over the components, x_i the lithiation at which each was pressed.


def swelling(volumes, volume_changes, pressed_at):
    """Change of the solid's volume from lithiation 0 to 1 per volume of the solid as pressed.

    `volumes`: volume fractions of the solid as pressed; `volume_changes`: relative, from x = 0 to 1;
    `pressed_at`: lithiation of each component when it was pressed.
    """
    return sum(v * dV / (1.0 + dV * x) for v, dV, x in zip(volumes, volume_changes, pressed_at, strict=True))


def filling_change(porosity, swelling):
    """Change of lithiation at which the solid has filled the pores of a box of constant volume; inf without swelling.

    (1 - porosity) (1 + swelling dx) = 1. Above 1 (or below -1, for a solid that shrinks) the pores never fill.
    """
    return porosity / ((1.0 - porosity) * swelling) if swelling else math.inf


def volume_beyond_pores(porosity, swelling, change):
    """Solid volume per volume of the electrode as pressed, less 1, after a `change` of lithiation; 0 if it still fits.

    What a stack at constant pressure gains in thickness if the solid first fills every pore.
    """
    return np.maximum((1.0 - porosity) * (1.0 + swelling * change) - 1.0, 0.0)


def porosity_needed(swelling, change):
    """Porosity with which a box of constant volume is just full after a `change` of lithiation: 1 - 1/(1 + swelling dx)."""
    return max(1.0 - 1.0 / (1.0 + swelling * change), 0.0)
