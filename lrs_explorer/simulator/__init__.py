"""A simulated MIRI LRS: its own reference files, observations with planted defects, their truth.

Everything it makes is simulated and says so. See docs/simulator.md.
"""

from lrs_explorer.simulator.scenes import S2DScene, simulate_s2d_scene

__all__ = ["S2DScene", "simulate_s2d_scene"]
