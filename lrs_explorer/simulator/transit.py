"""How a simulated source changes in time: a transit with a depth for each wavelength."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrs_explorer.simulator.instrument import Array

__all__ = ["Transit"]


@dataclass(frozen=True)
class Transit:
    """The light curve of a series.

    Times are fractions of the series, from 0 at its start to 1 at its end.

    Attributes
    ----------
    n_integrations, n_segments : int
    depth : float
        Of the transit at wavelengths without features.
    features : tuple of (float, float, float)
        Center and sigma (micron) and additional depth of Gaussian features.
    mid, duration, ingress : float
        Middle, length from first to last contact, and length of ingress and egress.
    systematic, systematic_scale : float
        Source flux at the start above the end, and the time in which it decays.
    """

    n_integrations: int = 60
    n_segments: int = 1
    depth: float = 0.01
    features: tuple[tuple[float, float, float], ...] = ((7.7, 0.55, 0.0016), (11.0, 0.8, 0.0009))
    mid: float = 0.5
    duration: float = 0.34
    ingress: float = 0.05
    systematic: float = 0.0015
    systematic_scale: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.n_segments <= self.n_integrations:
            raise ValueError("a series needs an integration for each segment")

    @property
    def phase(self) -> Array:
        """Middle of each integration, from 0 to 1."""
        return np.asarray((np.arange(self.n_integrations) + 0.5) / self.n_integrations)

    def transit_depth(self, wavelength: Array) -> Array:
        """Return the depth at each wavelength, micron."""
        depth = np.full(np.shape(wavelength), self.depth)
        for center, sigma, more in self.features:
            depth = depth + more * np.exp(-0.5 * ((wavelength - center) / sigma) ** 2)
        return np.asarray(depth)

    @property
    def transit_shape(self) -> Array:
        """Part of the depth that is reached in each integration: a trapezoid."""
        from_contact = self.duration / 2 - np.abs(self.phase - self.mid)
        return np.asarray(np.clip(from_contact / max(self.ingress, 1e-9), 0.0, 1.0))

    @property
    def source_factor(self) -> Array:
        """Brightness of the source in each integration, transit apart."""
        return np.asarray(1.0 + self.systematic * np.exp(-self.phase / self.systematic_scale))

    @property
    def segments(self) -> list[tuple[int, int]]:
        """First integration of each segment, and the one after its last, from 0."""
        ends = np.linspace(0, self.n_integrations, self.n_segments + 1).astype(int)
        return [(int(first), int(last)) for first, last in pairwise(ends)]
