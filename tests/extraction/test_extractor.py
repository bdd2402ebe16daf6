"""What the live kernel gives on images whose sums are known by hand, and what it refuses."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.live.extractor import NO_APCORR, NO_PSF, Extractor
from lrs_explorer.model.live.references import References

N_WAVE, N_CROSS = 30, 22
AREA = 2.5e-13  # sr

HEADER = {
    "EXP_TYPE": "MIR_LRS-FIXEDSLIT",
    "SRCTYPE": "POINT",
    "S_PHOTOM": "COMPLETE",
    "SUBARRAY": "FULL",
    "CAL_VER": "3.0.0",
}
BARE = References(
    extract1d={"apertures": [{"id": "MIR_LRS-FIXEDSLIT", "xstart": 4, "xstop": 7}]},
    apcorr=None,
    psf=None,
    names={"extract1d": "by hand"},
    notes=(),
)


def ramp(**changes: object) -> SpectralImage:
    """Return an image whose value is its column number; variances 1, 4 and 9."""
    shape = (N_WAVE, N_CROSS)
    image = SpectralImage(
        data=np.tile(np.arange(N_CROSS, dtype=np.float32), (N_WAVE, 1)),
        wavelength=np.tile(np.linspace(12, 5, N_WAVE)[:, None], (1, N_CROSS)),
        var_poisson=np.full(shape, 1, np.float32),
        var_rnoise=np.full(shape, 4, np.float32),
        var_flat=np.full(shape, 9, np.float32),
        pixel_area_sr=AREA,
        header=HEADER,
    )
    return dataclasses.replace(image, **changes)


def at(center: float, width: float, **parts: object) -> lrs.Recipe:
    """Return a recipe with a straight aperture and no background."""
    recipe = lrs.Recipe(aperture=lrs.Aperture(center, width), background=lrs.Background())
    return recipe.replace(**parts)


def test_sum_over_fractions_of_pixels() -> None:
    spectrum = Extractor(ramp(), BARE).extract(at(12.0, 4.5))
    # From 9.75 to 14.25: three quarters of pixels 10 and 14, all of 11, 12 and 13.
    total = 0.75 * 10 + 11 + 12 + 13 + 0.75 * 14
    np.testing.assert_allclose(spectrum.flux, total * AREA * 1e6, rtol=1e-12)
    np.testing.assert_allclose(spectrum.column("NPIXELS"), 4.5)
    np.testing.assert_allclose(spectrum.surf_bright, total / 4.5)
    squares = 3 + 2 * 0.75**2
    np.testing.assert_allclose(spectrum.flux_error, np.sqrt(14 * squares) * AREA * 1e6)
    assert (spectrum.header["EXTRXSTR"], spectrum.header["EXTRXSTP"]) == (11.25, 14.75)
    assert (spectrum.header["EXTRYSTR"], spectrum.header["EXTRYSTP"]) == (1, N_WAVE)


def test_wavelength_ascends_and_the_table_is_as_in_the_pipeline() -> None:
    spectrum = Extractor(ramp(), BARE).extract(at(12, 4))
    np.testing.assert_allclose(spectrum.wavelength, np.linspace(5, 12, N_WAVE))
    np.testing.assert_allclose(spectrum.table["WAVELENGTH"], np.linspace(12, 5, N_WAVE))
    assert len(spectrum.table.colnames) == 18


def test_a_sloping_background_is_taken_away_whole() -> None:
    regions = ((-0.5, 3.5), (16.5, 21.5))
    flat = lrs.Background(regions, bkg_fit="mean")
    sloping = lrs.Background(regions, bkg_order=1)
    extractor = Extractor(ramp(), BARE)
    mean = (0 + 1 + 2 + 3 + 17 + 18 + 19 + 20 + 21) / 9
    spectrum = extractor.extract(at(12, 4, background=flat))
    np.testing.assert_allclose(
        spectrum.surf_bright, (0.5 * 10 + 11 + 12 + 13 + 0.5 * 14) / 4 - mean
    )
    np.testing.assert_allclose(spectrum.column("BACKGROUND"), mean)
    np.testing.assert_allclose(
        extractor.extract(at(12, 4, background=sloping)).surf_bright, 0, atol=1e-12
    )
    median = lrs.Background(regions, bkg_fit="median")
    spectrum = extractor.extract(at(12, 4, background=median))
    np.testing.assert_allclose(spectrum.column("BACKGROUND"), 17)


def test_an_aperture_along_a_trace() -> None:
    slope = 0.1
    recipe = at(6, 4).replace(aperture=lrs.Aperture(6, 4, (0.5, slope)))
    spectrum = Extractor(ramp(), BARE).extract(recipe)
    center = 6.5 + slope * np.arange(N_WAVE)
    # The mean of the column numbers within the aperture is its center, fractions and all, but for
    # the slope within the two pixels at its edges.
    expected = spectrum.table["SURF_BRIGHT"]
    np.testing.assert_allclose(expected, center, atol=0.13)


@pytest.mark.parametrize("name", ["nod 1", "combined"])
@pytest.mark.parametrize("use_source_posn", [None, True, False])
@pytest.mark.parametrize("offset", [0.0, -2.3])
@pytest.mark.parametrize("drawn", [True, False])
def test_backgrounds_stay_where_they_are_drawn(
    demo_images: dict[str, SpectralImage],
    demo_references: References,
    name: str,
    use_source_posn: bool | None,
    offset: float,
    drawn: bool,
) -> None:
    """The pipeline moves them with the source; the parameters that we give it undo that."""
    regions = ((4.25, 9.75), (30.5, 35.5))
    recipe = lrs.Recipe(
        aperture=lrs.Aperture(20, 8) if drawn else None,
        background=lrs.Background(regions),
        extraction=lrs.Extraction(use_source_posn=use_source_posn, position_offset=offset),
    )
    extractor = Extractor(demo_images[name], demo_references)
    assert extractor.resolve(recipe).background.regions == regions
    aperture = extractor.resolve(recipe).aperture
    if drawn:
        assert aperture == recipe.aperture
    else:
        unmoved = extractor.resolve(
            recipe.replace(extraction=lrs.Extraction(use_source_posn=use_source_posn))
        )
        assert aperture.center - unmoved.aperture.center == pytest.approx(offset)


def test_the_background_of_a_drawn_aperture_is_that_of_the_reference_file() -> None:
    entry = {**BARE.extract1d["apertures"][0], "bkg_coeff": [[12.5], [18.5]]}
    extractor = Extractor(ramp(), replace(BARE, extract1d={"apertures": [entry]}))
    for center in (4.0, 6.7):
        placement = extractor.resolve(at(center, 3, background=None))
        assert placement.background.regions == ((12.5, 18.5),)
        assert (placement.placed_by, placement.aperture.center) == ("user", center)


@pytest.mark.parametrize("nods", [lrs.Nods(1), lrs.Nods(2), lrs.Nods("combined")])
def test_the_default_recipe_gives_the_delivered_spectrum(nods: lrs.Nods) -> None:
    demo = lrs.demo("slit")
    delivered = demo.delivered(nods)
    assert delivered is not None
    live = lrs.extract(demo, lrs.Recipe.from_observation(demo).replace(nods=nods))
    for name, values in delivered.columns.items():
        np.testing.assert_array_equal(live.columns[name], values, err_msg=name)
    for card in ("EXTRXSTR", "EXTRXSTP", "EXTRYSTR", "EXTRYSTP"):
        assert live.header[card] == pytest.approx(delivered.header[card], rel=1e-14)


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (at(-9, 8), r"the aperture \(-13.0 to -5.0 px\) lies outside the image \(-0.5 to 21.5"),
        (at(400, 8), "lies outside the image"),
        (at(12, 8, background=lrs.Background(((30, 40),))), "a background region .* lies outside"),
        (at(12, 8, background=lrs.Background(((1, 3), (-9, -4)))), "a background region .* lies"),
        (
            at(12, 8, background=lrs.Background(((3.6, 4.4),), bkg_fit="median")),
            "cover no whole pixel; widen",
        ),
        (lrs.Recipe(mode="slitless"), "the recipe is for slitless data"),
    ],
)
def test_what_lies_outside_is_refused(recipe: lrs.Recipe, told: str) -> None:
    extractor = Extractor(ramp(), BARE)
    before = extractor.extract(at(12, 4))
    with pytest.raises(lrs.LRSExplorerError, match=told):
        extractor.extract(recipe)
    np.testing.assert_array_equal(extractor.extract(at(12, 4)).flux, before.flux)


def test_an_aperture_that_reaches_out_is_said() -> None:
    spectrum = Extractor(ramp(), BARE).extract(at(20, 8))
    assert "the aperture reaches beyond the image" in spectrum.notes
    np.testing.assert_allclose(spectrum.column("NPIXELS"), 5.5)


def test_overlapping_regions_count_once() -> None:
    extractor = Extractor(ramp(), BARE)
    overlapping = lrs.Background(((1, 6.5), (3.5, 9)))
    whole = lrs.Background(((1, 9),))
    one, other = (extractor.extract(at(14, 4, background=b)) for b in (overlapping, whole))
    np.testing.assert_array_equal(one.flux, other.flux)


def test_a_region_of_the_reference_file_that_lies_outside_is_passed_over() -> None:
    """The pipeline goes on without it, and the user did not draw it."""
    entry = {
        **BARE.extract1d["apertures"][0],
        "bkg_coeff": [[12.5], [18.5], [30.5], [34.5]],
    }
    extractor = Extractor(ramp(), replace(BARE, extract1d={"apertures": [entry]}))
    spectrum = extractor.extract(lrs.Recipe())
    assert "a background region of the reference file lies outside the image" in spectrum.notes
    np.testing.assert_allclose(spectrum.column("BACKGROUND"), 15.5)
    assert extractor.resolve(lrs.Recipe()).background.regions == ((12.5, 18.5),)


def test_nothing_valid_in_the_aperture() -> None:
    image = ramp()
    image.data[:, 10:15] = np.nan
    with pytest.raises(lrs.LRSExplorerError, match="covers no valid pixel: all are NaN"):
        Extractor(image, BARE).extract(at(12, 4))


def test_pixels_that_must_not_be_used_are_left_out() -> None:
    dq = np.zeros((N_WAVE, N_CROSS), np.uint32)
    dq[5, 12] = 1  # DO_NOT_USE
    dq[6, 12] = 4  # JUMP_DET, corrected by the pipeline
    spectrum = Extractor(ramp(dq=dq), BARE).extract(at(12, 3))
    assert list(spectrum.columns["NPIXELS"][4:8]) == [3, 2, 3, 3]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"wavelength": np.full((N_WAVE, N_CROSS), np.nan)}, "no finite wavelength"),
        ({"data": np.full((N_WAVE, N_CROSS), np.nan)}, "no valid pixel"),
        ({"err": np.full((N_WAVE, N_CROSS), np.nan)}, "no valid pixel"),
        ({"header": {}}, "EXP_TYPE missing"),
        ({"header": {"EXP_TYPE": "MIR_MRS"}}, "EXP_TYPE MIR_MRS"),
    ],
)
def test_images_that_cannot_be_extracted(changes: dict[str, object], told: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=told):
        Extractor(ramp(**changes), BARE)


@pytest.mark.parametrize(
    ("header", "recipe", "told"),
    [
        ({}, at(12, 4), NO_APCORR),
        ({"SRCTYPE": "EXTENDED"}, at(12, 4), "no aperture correction: the source type is EXTENDED"),
        ({"S_PHOTOM": "SKIPPED"}, at(12, 4), "photom has not been run: the spectrum is in DN/s"),
        ({}, at(12, 0.5), "the aperture is narrower than a pixel"),
        ({}, at(12, 4, extraction=lrs.Extraction(extraction_type="optimal")), NO_PSF),
        (
            {},
            at(12, 4, background=lrs.Background(((1, 1.5),), bkg_order=2)),
            "have too few pixels for the polynomial",
        ),
        ({}, lrs.Recipe(), "the header gives no usable source position"),
    ],
)
def test_what_a_spectrum_lacks_is_said(
    header: dict[str, str], recipe: lrs.Recipe, told: str
) -> None:
    spectrum = Extractor(ramp(header=HEADER | header), BARE).extract(recipe)
    assert any(told in note for note in spectrum.notes), spectrum.notes
    assert spectrum.unit == ("DN/s" if header.get("S_PHOTOM") else "Jy")


def test_counts_before_photom_are_not_scaled() -> None:
    spectrum = Extractor(ramp(header=HEADER | {"S_PHOTOM": "SKIPPED"}), BARE).extract(at(12, 3))
    np.testing.assert_allclose(spectrum.flux, 36)
    assert str(spectrum.table["FLUX"].unit) == "DN / s"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"id": "MIR_LRS-SLITLESS"}, "no aperture for MIR_LRS-FIXEDSLIT"),
        ({"id": "MIR_LRS-FIXEDSLIT", "src_coeff": [[3.0]]}, "ill-formed src_coeff"),
        ({"id": "MIR_LRS-FIXEDSLIT", "bkg_coeff": [[3.0], []]}, "ill-formed bkg_coeff"),
        (
            {"id": "MIR_LRS-FIXEDSLIT", "bkg_coeff": [[3.0], [6.0]], "bkg_fit": "mean"},
            "has bkg_fit 'mean'",
        ),
    ],
)
def test_reference_files_that_the_pipeline_would_stumble_over(
    entry: dict[str, object], told: str
) -> None:
    extractor = Extractor(ramp(), replace(BARE, extract1d={"apertures": [entry]}))
    with pytest.raises(lrs.LRSExplorerError, match=told):
        extractor.extract(lrs.Recipe())


def test_nothing_that_is_given_is_changed(
    demo_images: dict[str, SpectralImage], demo_references: References
) -> None:
    image = demo_images["nod 1"]
    before = {f.name: np.copy(getattr(image, f.name)) for f in dataclasses.fields(image)[:5]}
    reference = repr(demo_references.extract1d)
    extractor = Extractor(image, demo_references)
    recipe = lrs.Recipe(background=lrs.Background(((4, 9),)))
    for _ in range(2):
        extractor.extract(recipe)
        extractor.extract(recipe.replace(extraction=lrs.Extraction(extraction_type="optimal")))
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(image, name), values, err_msg=name)
    assert repr(demo_references.extract1d) == reference


def test_null_in_a_reference_file_is_as_good_as_absent() -> None:
    """Files that circulate are full of nulls; an aperture tapered in wavelength has some."""
    entry = {
        "id": "MIR_LRS-FIXEDSLIT",
        "independent_var": "wavelength",
        "src_coeff": [[5.0, -0.1], [9.0, 0.1]],
    }
    nulls = dict.fromkeys(
        ("xstart", "xstop", "ystart", "ystop", "extract_width", "bkg_coeff", "bkg_fit"), None
    )
    found = []
    for aperture in (entry, {**nulls, **entry}):
        references = dataclasses.replace(BARE, extract1d={"apertures": [aperture]})
        spectrum = Extractor(ramp(), references).extract(lrs.Recipe())
        found.append(spectrum.flux)
    np.testing.assert_array_equal(*found)
    assert np.isfinite(found[0]).any()
