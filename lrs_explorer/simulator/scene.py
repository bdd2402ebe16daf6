"""What defines a simulated slit observation."""

from __future__ import annotations

from dataclasses import dataclass

from lrs_explorer.model.data.instrument import SUBARRAYS, Subarray
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.spectra import SpectrumFunction

# With fewer differences the jump step flags one group at a time, and an odd/even pattern survives.
_FEWEST_GROUPS_OF_A_PATTERN = 11


@dataclass(frozen=True)
class SlitScene:
    """Everything that defines a simulated slit observation, of two nods by default.

    Attributes
    ----------
    spectrum : str or callable
        A name in `lrs_explorer.simulator.spectra.SPECTRA`, or a function of wavelength (micron).
    flux_level : float, Jy
        Flux density at 8 micron.
    nod_offsets : tuple of float, arcsec, one for each exposure
        Where the header says the source is along the slit in each exposure (XOFFSET).
    position_error : float, arcsec
        How much further along the slit the source really is: header positions are wrong by this.
    slit_offset : float, arcsec
        True position of the source across the slit; it loses light the header knows nothing of.
    trace_residual : float, pixels
        Departure of the trace from the specwcs reference 200 rows from the reference row.
    background_level : float, MJy/sr
        Sky and telescope at 10 micron.
    background_drift : float
        Relative change of the background from one exposure to the next.
    n_groups, n_integrations : int
        Ramp of each exposure; they set the noise.
    error_factor : float
        True scatter of the count rates divided by the error the pipeline reports. The excess is
        noise in the slopes, which no difference between groups tells of.
    bad_pixels, hot_pixels, dead_pixels : int
        Numbers of flagged pixels without a value, of unflagged ones with too high a level, and of
        unflagged ones that hardly respond. They are clusters of pixels that are bad in flight, as
        long as there are any: `lrs_explorer.simulator.detector_image.flight_bad_pixels`.
    on_trace : float
        Share of each of them that is planted on a trace between 5 and 12 micron.
    ramps : bool
        Whether exposures are simulated as ramps, from which the real jump and ramp_fit steps make
        the rate files; otherwise rate files are written straight away.
    cosmic_rays : int
        Hits in each exposure; they need ramps.
    jump_runs : int
        Number of runs of 3 to 6 rows, in the brightest part of each exposure, where an odd/even
        pattern in the peak column makes the jump step flag every group unless its threshold is 8
        or more. They need ramps with an odd number of groups, 11 or more.
    subarray : {"FULL", "SUBSLIT"}
        What of the detector is read.
    ra, dec, roll : float, degrees
        Target in the header, and position angle of V3.
    program, observation : int
        Numbers in the file names; programs from 90000 on do not exist.
    target : str
    seed : int
        The same scene gives the same pixels.
    """

    spectrum: str | SpectrumFunction = "dust_shell"
    flux_level: float = 1.5e-3
    nod_offsets: tuple[float, ...] = (-instrument.NOD_OFFSET, instrument.NOD_OFFSET)
    position_error: float = 0.45
    slit_offset: float = 0.0
    trace_residual: float = 0.2
    background_level: float = 12.0
    background_drift: float = 0.003
    n_groups: int = 20
    n_integrations: int = 4
    error_factor: float = 1.0
    bad_pixels: int = 70
    hot_pixels: int = 6
    dead_pixels: int = 0
    on_trace: float = 0.0
    ramps: bool = False
    cosmic_rays: int = 0
    jump_runs: int = 0
    subarray: str = "FULL"
    ra: float = 150.0
    dec: float = 20.0
    roll: float = 30.0
    program: int = 90010
    observation: int = 1
    target: str = "SIM-DUSTY-STAR"
    seed: int = 20260214

    def __post_init__(self) -> None:
        if self.n_groups < 2 or self.n_integrations < 1:
            raise ValueError("an exposure needs at least two groups and one integration")
        if self.flux_level < 0:
            raise ValueError("flux_level must not be negative")
        if self.error_factor < 1:
            raise ValueError("error_factor must not be less than 1")
        if not 0 <= self.on_trace <= 1:
            raise ValueError("on_trace is a share and must lie between 0 and 1")
        if (self.cosmic_rays or self.jump_runs) and not self.ramps:
            raise ValueError("cosmic rays and jump runs are in ramps only; it needs ramps=True")
        odd_and_enough = self.n_groups % 2 and self.n_groups >= _FEWEST_GROUPS_OF_A_PATTERN
        if self.jump_runs and not odd_and_enough:
            raise ValueError(
                "an odd/even pattern needs an odd number of groups, "
                f"{_FEWEST_GROUPS_OF_A_PATTERN} or more"
            )

        if self.subarray not in SUBARRAYS or self.region.mode != "slit":
            raise ValueError(f"{self.subarray} is no subarray for the slit")

    @property
    def region(self) -> Subarray:
        """What of the detector is read."""
        return SUBARRAYS[self.subarray]

    @property
    def true_positions(self) -> tuple[float, ...]:
        """True offset of the source along the slit in each exposure, arcsec from its center."""
        return tuple(offset + self.position_error for offset in self.nod_offsets)

    def exposure_name(self, number: int) -> str:
        """Return the JWST file name root of an exposure, from 1."""
        return f"jw{self.program:05d}{self.observation:03d}001_03102_{number:05d}_mirimage"

    def acquisition_name(self, activity: str) -> str:
        """Return the JWST file name root of an acquisition exposure."""
        return f"jw{self.program:05d}{self.observation:03d}001_{activity}_00001_mirimage"

    @property
    def product_name(self) -> str:
        """JWST file name root of the combined (level 3) products."""
        return f"jw{self.program:05d}-o{self.observation:03d}_t001_miri_p750l"
