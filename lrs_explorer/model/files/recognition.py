"""What a FITS file is, judged by its primary header; its name helps only where that is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode

__all__ = [
    "CALIBRATED_INTEGRATIONS",
    "MOVED",
    "Exposure",
    "ProductFile",
    "are_series",
    "recognise",
    "tag_of",
    "target_moved",
]

Exposure = tuple[str | int, ...]
"""Program, observation, visit, visit group, sequence, activity, exposure and segment: what the
products of one exposure have in common. Empty for a product of several exposures (level 3)."""

TARGET_ACQUISITION: Final = ("MIR_TACQ", "MIR_TACONFIRM")
"""EXP_TYPE of the images taken to place the target, and to check where it is."""

MODES: Final[dict[str, Mode]] = {exp_type: mode for mode, exp_type in EXP_TYPES.items()}

EXPOSURE_NAME: Final = re.compile(
    r"jw(?P<program>\d{5})(?P<observation>\d{3})(?P<visit>\d{3})_(?P<group>\d{2})"
    r"(?P<sequence>\d)(?P<activity>\w{2})_(?P<exposure>\d{5})(-seg(?P<segment>\d{3}))?_\w+",
    re.IGNORECASE,
)
"""Name of a product of one exposure."""

COMBINED_NAME: Final = re.compile(
    r"jw(?P<program>\d{5})-(?P<kind>[oc])(?P<observation>\d{3,4})_\w+_miri_p750l", re.IGNORECASE
)
"""Name of a level 3 LRS product."""

INTEGRAL_FIELD: Final = ("IFU", "MRS")
"""How the names of data models of integral-field spectrographs begin."""

ADVICE: Final = (
    "LRS Explorer opens MIRI LRS products (EXP_TYPE MIR_LRS-FIXEDSLIT, MIR_LRS-SLITLESS)."
)

FAMILIES: Final = {"NRS": "NIRSpec", "NIS": "NIRISS", "NRC": "NIRCam", "FGS": "FGS"}

KINDS: Final[dict[str, str]] = {
    "uncal": "uncal",
    "rate": "rate",
    "rateints": "rateints",
    "cal": "cal",
    "calints": "calints",
    "crf": "crf",
    "crfints": "crfints",
    "s2d": "s2d",
    "x1d": "x1d",
    "x1dints": "x1dints",
    "c1d": "c1d",
}
"""Suffixes of products that are recognised by name where the header does not tell."""

STEP_NAMES: Final = frozenset(
    [
        "dq_init",
        "emicorr",
        "saturation",
        "ipc",
        "reset",
        "rscd",
        "firstframe",
        "lastframe",
        "linearity",
        "refpix",
        "dark_current",
        "charge_migration",
        "jump",
        "clean_flicker_noise",
        "ramp_fit",
        "gain_scale",
        "detector1",
        "assign_wcs",
        "badpix_selfcal",
        "bkg_subtract",
        "bsub",
        "bsubints",
        "nsclean",
        "srctype",
        "straylight",
        "flat_field",
        "targ_centroid",
        "pathloss",
        "photom",
        "pixel_replace",
        "adaptive_trace_model",
        "resample",
        "resample_spec",
        "extract_1d",
        "master_background",
        "mbsub",
        "outlier_detection",
        "spectral_leak",
        "combine_1d",
        "ramp",
    ]
)
"""With which the names of what single steps of the pipeline save end."""

SPECTRA: Final = ("x1d", "x1dints", "c1d")

CALIBRATED_INTEGRATIONS: Final = ("calints", "crfints", "x1dints")
"""Products in which calwebb_spec2 and later pipelines keep integrations apart."""

CALIBRATED_SUMS: Final = ("cal", "crf", "s2d", "x1d", "c1d")
"""Products in which they are one image, or one spectrum."""


@dataclass(frozen=True)
class ProductFile:
    """A file that belongs to an LRS observation.

    Parameters
    ----------
    path : Path
    kind : str
        "rate", "cal", "s2d", "x1d", "ramp" (before the jump step), "jump" (after it), "uncal", …;
        "ta" for target acquisition images (rate or cal); "live" for spectra saved from here; "step"
        and "other" for what is of no use here.
    mode : {"slit", "slitless"} or None
        None for target acquisition images.
    program, observation : str
        "" where the header has none.
    exposure : tuple
        See `Exposure`.
    header : Mapping
        Cards of the primary header.
    """

    path: Path
    kind: str
    mode: Mode | None
    program: str
    observation: str
    exposure: Exposure
    header: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @property
    def combined(self) -> bool:
        """Whether this is a level 3 product."""
        return not self.exposure


def recognise(path: Path, header: Mapping[str, Any]) -> ProductFile:
    """Return what ``path`` is.

    Parameters
    ----------
    path : Path
        The file; only its name is used.
    header : Mapping
        Cards of its primary header.

    Raises
    ------
    LRSExplorerError
        It is no MIRI LRS product; the message says what it is.
    """
    reference = header.get("REFTYPE")
    if reference:
        raise LRSExplorerError(
            f"{path.name} is a reference file ({reference}), not an LRS product; open a product."
        )
    exp_type = header.get("EXP_TYPE")
    if exp_type in MODES:
        _refuse_integral_field(path, header)
        mode: Mode | None = MODES[exp_type]
        kind = _kind(path, header)
    elif exp_type in TARGET_ACQUISITION:
        mode, kind = None, _kind(path, header)
        kind = "ta" if kind in ("rate", "cal") else "ta_other"
    else:
        raise LRSExplorerError(_what_it_is(path, header))
    combined = kind in ("s2d", *SPECTRA) and _is_combined(path, header, kind)
    program, observation = (_identifier(header.get(card)) for card in ("PROGRAM", "OBSERVTN"))
    return ProductFile(
        path=path,
        kind=kind,
        mode=mode,
        program=program,
        observation=observation,
        exposure=() if combined else (program, observation, *_numbers(path, header)),
        header=header,
    )


def _refuse_integral_field(path: Path, header: Mapping[str, Any]) -> None:
    """Refuse what is of an integral-field unit, such as a cube, whatever its EXP_TYPE says."""
    model = str(header.get("DATAMODL", ""))
    if model.startswith(INTEGRAL_FIELD) or (not model and suffix_of(path) == "s3d"):
        raise LRSExplorerError(
            f"{path.name} is an integral-field product ({model or 's3d'}), not MIRI LRS; {ADVICE}"
        )


def are_series(products: Sequence[ProductFile], opened: ProductFile | None = None) -> bool:
    """Tell whether products are those of a time series: looked at integration by integration.

    Whatever the optics are. What was opened counts most, then TSOVISIT, then what the pipeline has
    made; where only rateints tell, which it writes of every exposure with several integrations,
    those without the slit are taken for a series, and those with it where no TSOVISIT says that
    they are none.

    Parameters
    ----------
    products : sequence of ProductFile
        Of one observation.
    opened : ProductFile, optional
        The one that the user pointed at.
    """
    if opened is not None and opened.kind in (*CALIBRATED_INTEGRATIONS, *CALIBRATED_SUMS, "live"):
        return opened.kind in CALIBRATED_INTEGRATIONS
    science = [product for product in products if product.mode is not None]
    told = {product.header.get("TSOVISIT") for product in science}
    kinds = {product.kind for product in science}
    if True in told:
        return True
    if kinds.intersection(CALIBRATED_SUMS):
        return False
    if kinds.intersection(CALIBRATED_INTEGRATIONS):
        return True
    slitless = any(product.mode == "slitless" for product in science)
    integrations_alone = "rateints" in kinds and "rate" not in kinds
    if False not in told:
        return slitless or integrations_alone
    return slitless and integrations_alone


MOVED: Final = (
    "cannot be told: the target moved between the exposures that this image combines, and RA and "
    "Dec in its header are those of one of them"
)
"""What is said of positions in such an image, after what they are of."""


def target_moved(path: Path, header: Mapping[str, Any]) -> bool:
    """Tell whether a product combines exposures between which its target moved on the sky.

    ``assign_mtwcs`` of calwebb_spec3 then lays them on each other by where the target was, so the
    WCS of the combined image is that of no single exposure.

    Parameters
    ----------
    path : Path
    header : Mapping
        Cards of its primary header.
    """
    moving = str(header.get("TARGTYPE", "")).strip().upper() == "MOVING"
    return moving and recognise(path, header).combined


def _what_it_is(path: Path, header: Mapping[str, Any]) -> str:
    """Say what a file is that is not MIRI LRS."""
    exp_type = header.get("EXP_TYPE")
    if not exp_type:
        if header.get("TELESCOP") == "JWST":
            what = "is a JWST file without EXP_TYPE, so its observing mode cannot be told"
        else:
            what = "cannot be recognised as MIRI LRS: its header has no EXP_TYPE and no TELESCOP"
        return f"{path.name} {what}; {ADVICE}"
    kind = str(exp_type)
    named = {
        "NRS_FIXEDSLIT": "a NIRSpec fixed-slit product",
        "MIR_MRS": "a MIRI MRS product",
        "MIR_IMAGE": "a MIRI imaging product",
        "MIR_LYOT": "a MIRI coronagraphic product",
        "MIR_4QPM": "a MIRI coronagraphic product",
        "MIR_WFSS": "a MIRI wide-field slitless product",
    }.get(kind)
    if named is None:
        family = "MIRI" if kind.startswith("MIR_") else FAMILIES.get(kind[:3], "")
        named = f"a {family} product" if family else "a product of another mode"
    return f"{path.name} is {named} (EXP_TYPE {kind}), not MIRI LRS; {ADVICE}"


def _kind(path: Path, header: Mapping[str, Any]) -> str:
    """Return the kind of an LRS product, from its data model and the steps that were run."""
    model = str(header.get("DATAMODL", ""))
    suffix = suffix_of(path)
    # Without the card, what was taken without the slit is most likely a series.
    series = bool(header.get("TSOVISIT", header.get("EXP_TYPE") == EXP_TYPES["slitless"]))
    # Of a series calwebb_spec2 makes integrations alone, whatever the file has been called since.
    series_only = header.get("TSOVISIT") is True and model == "SlitModel"
    cube = model == "CubeModel" or suffix.endswith("ints") or series_only

    def done(step: str) -> bool:
        return header.get(step) == "COMPLETE"

    if "LRSXVER" in header:
        return "live"  # written by this project, not to be mistaken for a delivered product
    if "Combined" in model:
        return "c1d"
    if "Spec" in model:
        integrations = model.startswith("TSO") or suffix == "x1dints"
        return "x1dints" if integrations or (series and suffix != "x1d") else "x1d"
    if model == "Level1bModel":
        return "uncal"
    if model in ("RampModel", "MIRIRampModel"):
        if done("S_JUMP"):
            return "jump"
        # The jump step needs a ramp that has been linearised and dark-subtracted.
        return "ramp" if done("S_DARK") else "detector1"
    if model in ("ImageModel", "CubeModel", "SlitModel", "MultiSlitModel"):
        if done("S_RESAMP"):
            return "s2d"
        if done("S_OUTLIR"):
            return "crfints" if cube else "crf"
        if done("S_WCS"):
            if "S_PHOTOM" not in header and not suffix.startswith("cal"):
                return "step"  # what a step in the middle of calwebb_spec2 saved
            return "calints" if cube else "cal"
        return "rateints" if cube else "rate"
    return KINDS.get(suffix, "other")


def root_of(path: Path) -> str:
    """Return a file name without what tells products of one exposure apart.

    ``jw…_mirimage_dark_current.fits`` gives ``jw…_mirimage``, ``mine.fits`` ``mine``; a name that
    tells nothing else, such as ``s2d.fits``, gives "".
    """
    stem = path.name.split(".")[0]
    head, detector, _ = stem.partition("_mirimage")
    if detector:
        return head + detector
    return stem.rpartition("_")[0] if "_" in stem or stem.lower() in KINDS else stem


def suffix_of(path: Path) -> str:
    """Return the last word of a JWST file name: ``jw…_s2d.fits.gz`` gives ``s2d``."""
    return path.name.lower().split(".")[0].rpartition("_")[2]


def tag_of(path: Path) -> str:
    """Return what a user has added to the name that the pipeline gives: "default", "badpixstep".

    That is whatever follows the kind of the product, or stands between it and the archive's name
    and is not the name of a step.
    """
    words = path.name.split(".")[0].split("_")
    kinds = [n for n, word in enumerate(words) if word.lower() in KINDS]
    if kinds and kinds[-1] + 1 < len(words):
        return "_".join(words[kinds[-1] + 1 :])
    places = [n for n, w in enumerate(words) if w == "mirimage" or w.startswith("p750l")]
    if not places:
        return ""
    added = "_".join(words[places[-1] + 1 : kinds[-1] if kinds else len(words)])
    return "" if added.isdecimal() or added.lower() in STEP_NAMES else added


def _is_combined(path: Path, header: Mapping[str, Any], kind: str) -> bool:
    """Tell whether a product is of level 3: by the steps it went through, then by its name."""
    if kind != "x1dints" and header.get("S_OUTLIR") in ("COMPLETE", "SKIPPED"):
        # Of the pipelines, calwebb_spec3 alone looks for outliers in images. Where it does not
        # resample them it extracts from each ("…_0_x1d"), and combines the spectra (c1d).
        return kind != "x1d" or header.get("S_RESAMP") == "COMPLETE"
    if EXPOSURE_NAME.match(path.name):
        return False
    if COMBINED_NAME.match(path.name):
        return True
    return bool(re.search(r"_(spec3|tso3)_", str(header.get("ASNTABLE", ""))))


def _identifier(value: Any) -> str:
    """Return a program or observation number without leading zeros, "" where there is none."""
    return str(value if value is not None else "").strip().lstrip("0")


def _numbers(path: Path, header: Mapping[str, Any]) -> tuple[int, ...]:
    """Return what identifies the exposure within its observation."""
    match = EXPOSURE_NAME.match(path.name)
    named = match.groupdict() if match else {}
    parts = (
        ("VISIT", "visit"),
        ("VISITGRP", "group"),
        ("SEQ_ID", "sequence"),
        ("ACT_ID", "activity"),
        ("EXPOSURE", "exposure"),
        ("EXSEGNUM", "segment"),
    )
    numbers = []
    for card, part in parts:
        value = header.get(card, named.get(part))
        try:
            numbers.append(int(str(value), 36 if card == "ACT_ID" else 10))
        except ValueError:  # absent, or no number
            numbers.append(0)
    return tuple(numbers)
