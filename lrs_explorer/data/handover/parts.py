"""Parts of the scripts that `lrs_explorer.handover` writes.

Never imported: a script gets the text of those functions that it needs, and with it the text of
what they take from the modules of the model that are named here.
"""
# mypy: ignore-errors

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack
from jwst.pipeline import Detector1Pipeline, Spec2Pipeline, Spec3Pipeline, Tso3Pipeline
from jwst.step import Extract1dStep
from stdatamodels.jwst import datamodels

from lrs_explorer.model.data.robust import mean, median
from lrs_explorer.model.measure.scatter import residuals, robust_scale
from lrs_explorer.model.measure.uncertainty import (
    _OUTLIER,
    _errors,
    _Pool,
    _seen,
    _wavelength_scale,
    integration_scale,
    row_correlation,
)
from lrs_explorer.model.series.outliers import _in_block

# -- steps of the pipeline -------------------------------------------------------------------------


def steps_of(pipeline, model):
    """Return a pipeline; its steps have the parameters that CRDS gives them for these data."""
    config, _ = pipeline.build_config(model)
    for name in ("class", "name"):
        config.pop(name, None)
    return pipeline.from_config_section(config)


def run(step, *inputs, **parameters):
    """Run one step of a pipeline with these parameters and return what it returns."""
    for name, value in ({"skip": False} | parameters).items():
        setattr(step, name, value)
    return step.run(*inputs)


def opened(product):
    """Return the data model of a file; one that is open already as it is."""
    return datamodels.open(product) if isinstance(product, Path) else product


def kept(model, path):
    """Write a data model and return it."""
    model.save(str(path))
    return model


def saved(model, path):
    """Write a data model, close it and return where it is."""
    model.save(str(path))
    model.close()
    return path


def ramp_of(uncal):
    """Run calwebb_detector1 as far as the jump step."""
    left_out = {name: {"skip": True} for name in ("jump", "ramp_fit", "gain_scale")}
    model = Detector1Pipeline.call(str(uncal), configure_log=False, steps=left_out)
    for name in left_out:
        setattr(model.meta.cal_step, name, None)
    return model


def rate_of(ramp, rate, **jump):
    """Run jump and ramp_fit on the slit's part of a ramp, and put the result into the rate."""
    cutout = cut_to_slit(opened(ramp))
    detector1 = steps_of(Detector1Pipeline, cutout)
    cutout = run(detector1.jump, cutout, **jump)
    fitted = run(detector1.ramp_fit, cutout)[0]
    rate = opened(rate) if isinstance(rate, Path) else blank_rate(fitted, **rate)
    row = fitted.meta.subarray.ystart - rate.meta.subarray.ystart
    column = fitted.meta.subarray.xstart - rate.meta.subarray.xstart
    n_rows, n_columns = fitted.data.shape
    place = slice(row, row + n_rows), slice(column, column + n_columns)
    for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
        getattr(rate, name)[place] = getattr(fitted, name)
    rate.meta.cal_step.jump = fitted.meta.cal_step.jump
    rate.meta.cal_step.ramp_fit = fitted.meta.cal_step.ramp_fit
    return rate


def cut_to_slit(ramp):
    """Return a ramp of detector rows 0 to 399 and columns 290 to 361, or what there is of them.

    The slit's light falls there. jump and ramp_fit look at each pixel and its neighbours alone.
    """
    subarray = ramp.meta.subarray
    first_column, first_row = subarray.xstart - 1, subarray.ystart - 1
    n_rows, n_columns = ramp.data.shape[-2:]
    rows = slice(max(0 - first_row, 0), min(400 - first_row, n_rows))
    columns = slice(max(290 - first_column, 0), min(362 - first_column, n_columns))
    cutout = datamodels.RampModel(
        data=ramp.data[..., rows, columns].copy(),
        pixeldq=ramp.pixeldq[rows, columns].copy(),
        groupdq=ramp.groupdq[..., rows, columns].copy(),
    )
    cutout.update(ramp)
    cutout.meta.subarray.xstart = first_column + columns.start + 1
    cutout.meta.subarray.ystart = first_row + rows.start + 1
    cutout.meta.subarray.ysize, cutout.meta.subarray.xsize = cutout.data.shape[-2:]
    return cutout


def blank_rate(fitted, name, shape, origin):
    """Return a rate of a subarray without any pixel: only the ramp was at hand."""
    names = ("data", "err", "var_poisson", "var_rnoise")
    planes = {plane: np.full(shape, np.nan, dtype=np.float32) for plane in names}
    rate = datamodels.ImageModel(dq=np.full(shape, 1, dtype=np.uint32), **planes)
    rate.update(fitted)
    place = rate.meta.subarray
    place.name, (place.ysize, place.xsize) = name, shape
    place.ystart, place.xstart = (pixel + 1 for pixel in origin)
    return rate


def flat_fielded(rate, backgrounds=()):
    """Run the first steps of calwebb_spec2 on a rate (or rateints), as far as flat_field."""
    model = opened(rate)
    spec2 = steps_of(Spec2Pipeline, model)
    model = run(spec2.assign_wcs, model)
    if backgrounds:
        model = run(spec2.bkg_subtract, model, [str(path) for path in backgrounds])
    slit = datamodels.SlitModel(model)  # as calwebb_spec2 goes on for LRS
    for name in ("xstart", "ystart", "xsize", "ysize"):
        setattr(slit, name, getattr(model.meta.subarray, name))
    slit = run(spec2.srctype, slit)
    return run(spec2.flat_field, slit)


def calibrated(flat, *, pathloss=True, user_slit_loc=None, ta_file=None, photom=True):
    """Run the next steps of calwebb_spec2: pathloss, for this place in the slit, and photom."""
    model = opened(flat)
    spec2 = steps_of(Spec2Pipeline, model)
    if pathloss:
        model = corrected(spec2, model, user_slit_loc, ta_file)
    else:
        model.meta.cal_step.pathloss = "SKIPPED"
    return run(spec2.photom, model) if photom else model


def corrected(spec2, model, user_slit_loc, ta_file):
    """Correct for the light lost at the slit's edges."""
    model.source_xpos = model.source_ypos = None
    if ta_file is not None:
        model = run(spec2.targ_centroid, model, ta_file=str(ta_file))
        if model.meta.cal_step.targ_centroid != "COMPLETE":
            sys.exit(f"targ_centroid found no position in {ta_file.name}.")
    return run(spec2.pathloss, model, user_slit_loc=user_slit_loc)


def recalibrated(cal, *, pathloss=True, user_slit_loc=None, ta_file=None, photom=True):
    """Exchange the pathloss correction of a calibrated slit: all corrections are factors."""
    model = opened(cal)
    if model.meta.cal_step.pathloss == "COMPLETE":
        factor = model.pathloss_point
        for name in ("data", "err"):
            setattr(model, name, getattr(model, name) / factor)
        for name in ("var_poisson", "var_rnoise", "var_flat"):
            plane = getattr(model, name)
            if plane is not None and plane.size:
                setattr(model, name, plane / factor**2)
        model.pathloss_point = None
        model.meta.cal_step.pathloss = None
    if pathloss:
        return corrected(steps_of(Spec2Pipeline, model), model, user_slit_loc, ta_file)
    model.meta.cal_step.pathloss = "SKIPPED"
    return model


def flagged(cal, pixels):
    """Flag pixels (row, column) of a calibrated product as DO_NOT_USE, in all integrations."""
    model = opened(cal)
    for row, column in pixels:
        model.dq[..., row, column] |= np.uint32(1)
        for name in ("data", "err", "var_poisson", "var_rnoise", "var_flat"):
            plane = getattr(model, name)
            if plane is not None and plane.shape == model.data.shape:
                plane[..., row, column] = np.nan
    return model


def trace_modelled(spec2, model, **parameters):
    """Run adaptive_trace_model where it is asked for, here or by CRDS, and has not run before."""
    if model.meta.cal_step.adaptive_trace_model is None:
        if not parameters.get("skip", spec2.adaptive_trace_model.skip):
            return run(spec2.adaptive_trace_model, model, **parameters)
        model.meta.cal_step.adaptive_trace_model = "SKIPPED"
    return model


def replaced(cal, trace_model=None, **parameters):
    """Run pixel_replace of calwebb_spec2."""
    model = opened(cal)
    spec2 = steps_of(Spec2Pipeline, model)
    model = trace_modelled(spec2, model, **(trace_model or {}))
    return run(spec2.pixel_replace, model, **parameters)


def resampled(cal, trace_model=None, **parameters):
    """Run resample_spec of calwebb_spec2."""
    model = opened(cal)
    spec2 = steps_of(Spec2Pipeline, model)
    model = trace_modelled(spec2, model, **(trace_model or {}))
    return run(spec2.resample_spec, model, **parameters)


def combined(members, path, **steps):
    """Run calwebb_spec3 on calibrated exposures, but for extract_1d; write the combined image."""
    name = path.name.removesuffix("_s2d.fits")
    members = [{"expname": str(member.resolve()), "exptype": "science"} for member in members]
    association = {
        "asn_type": "spec3",
        "asn_rule": "Asn_Lv3MIRSpec",
        "asn_pool": "none",
        "asn_id": "o000",
        "products": [{"name": name, "members": members}],
    }
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        asn = Path(folder) / f"{name}_spec3_asn.json"
        asn.write_text(json.dumps(association), encoding="utf-8")
        steps = {"extract_1d": {"skip": True}, **steps}
        Spec3Pipeline.call(
            str(asn), configure_log=False, output_dir=folder, save_results=True, steps=steps
        )
        os.replace(Path(folder) / path.name, path)
    return path


def cleaned(calints):
    """Run outlier_detection of calwebb_tso3: it flags outliers in time."""
    model = opened(calints)
    return run(steps_of(Tso3Pipeline, model).outlier_detection, model, mode="tso")


def extracted(image, path, reference, **parameters):
    """Run extract_1d with this extract1d reference file and write the spectrum."""
    model = Extract1dStep.call(
        str(image), configure_log=False, override_extract1d=str(reference), **parameters
    )
    return saved(model, path)


# -- what the pipeline has no parameter for --------------------------------------------------------

PLANES = ("data", "err", "var_poisson", "var_rnoise", "var_flat")


def planes_of(model):
    """Return the planes of a model by name; those that it lacks are zero (variances) or None."""
    planes = {}
    for name in PLANES:
        plane = getattr(model, name)
        if plane is not None and plane.shape == model.data.shape:
            planes[name] = np.asarray(plane)
        else:
            planes[name] = np.broadcast_to(np.float32(0), model.data.shape)
    if not planes["err"].strides[0]:
        planes["err"] = None
    dq = model.dq
    planes["dq"] = None if dq is None or dq.shape != model.data.shape else np.asarray(dq)
    return planes


def sky_beside(planes, columns, statistic):
    """Measure the sky in columns beside the trace, at each row of each integration.

    Parameters
    ----------
    planes : dict
        Of `planes_of`, shape (n_integrations, n_rows, n_columns).
    columns : list of (float, float)
        Edges of ranges, 0-indexed; a pixel covers half a pixel on either side of its number.
    statistic : {"median", "mean"}

    Returns
    -------
    level, variance : ndarray, shape (n_integrations, n_rows)
    """
    number = np.arange(planes["data"].shape[-1])
    chosen = np.zeros(number.shape, bool)
    for lower, upper in columns:
        chosen |= (number - 0.5 >= lower - 1e-9) & (number + 0.5 <= upper + 1e-9)
    bad = np.isnan(planes["data"])
    for name in PLANES[1:]:
        if planes[name] is not None and planes[name].strides[0]:
            bad |= np.isnan(planes[name])
    if planes["dq"] is not None:
        bad |= (planes["dq"] & 1).astype(bool)
    bad = bad[..., chosen]
    data = np.where(bad, np.nan, planes["data"][..., chosen])
    if statistic == "median":
        level, factor = median(np.moveaxis(data, -1, 0)), 1.2533**2
    else:
        level, factor = mean(data, axis=-1), 1.0
    noise = planes["var_poisson"][..., chosen] + planes["var_rnoise"][..., chosen]
    total = np.where(bad, 0.0, noise).sum(axis=-1, dtype=float)
    count = (~bad).sum(axis=-1)
    return level.astype(float), factor * total / np.where(count > 0, count, 1) ** 2


def without_sky(rateints, columns, statistic, others=None):
    """Subtract the sky that columns beside the trace see, row by row.

    Parameters
    ----------
    rateints : Path
    columns, statistic
        As in `sky_beside`.
    others : list of Path, optional
        The other segments of the exposure: one sky for all of it, the median in time. Without them
        each integration has its own.
    """
    model = opened(rateints)
    planes = planes_of(model)
    level, variance = sky_beside(planes, columns, statistic)
    if others is not None:
        skies = [(level, variance)]
        for path in others:
            with datamodels.open(path) as other:
                skies.append(sky_beside(planes_of(other), columns, statistic))
        level, variance = (np.concatenate(values) for values in zip(*skies, strict=True))
        count, shape = len(level), planes["data"].shape[:2]
        level = np.broadcast_to(median(level), shape)
        variance = np.broadcast_to(median(variance) / count, shape)
    level = np.nan_to_num(level)[..., np.newaxis].astype(planes["data"].dtype)
    variance = np.nan_to_num(variance)[..., np.newaxis].astype(planes["data"].dtype)
    # The sky's noise is that of its photons and of its reads, in the shares of each pixel.
    photons, reads, flat = (planes[f"var_{name}"] for name in ("poisson", "rnoise", "flat"))
    total = photons + reads
    share = np.divide(photons, total, out=np.zeros_like(total), where=total > 0)
    if planes["err"] is not None:
        changed = variance + flat - flat
        model.err = np.sqrt(np.maximum(planes["err"] ** 2 + changed, 0))
    model.data = planes["data"] - level
    model.var_poisson = photons + variance * share
    model.var_rnoise = reads + variance * (1 - share)
    model.meta.cal_step.bkg_subtract = "COMPLETE"
    return model


def fixed(calints, how, threshold, window):
    """Flag outliers in time as DO_NOT_USE ("mask"), or replace them ("replace").

    Parameters
    ----------
    calints : Path
    how : {"mask", "replace"}
    threshold : float, noise sigmas
    window : int
        Integrations in the running median with which a pixel is compared.
    """
    model = opened(calints)
    planes = planes_of(model)
    data = planes["data"].copy()
    dq = np.zeros(data.shape, np.uint32) if planes["dq"] is None else planes["dq"].copy()
    integration, row, column, value, significance = outliers_in_time(planes, threshold, window)
    at, new = (integration, row, column), np.isfinite(significance)
    found = tuple(index[new] for index in at)
    dq[found] |= datamodels.dqflags.pixel["OUTLIER"]
    if how == "mask":
        dq[found] |= datamodels.dqflags.pixel["DO_NOT_USE"]
        data[found] = np.nan
    else:
        data[at] = value
        dq[at] |= datamodels.dqflags.pixel["FLUX_ESTIMATED"]
        dq[at] &= ~np.uint32(datamodels.dqflags.pixel["DO_NOT_USE"])
        for name in ("var_poisson", "var_rnoise", "var_flat", "err"):
            plane = planes[name]
            if plane is None or not plane.strides[0]:
                continue
            plane = plane.copy()  # a pixel without a variance gets the usual one of its place
            missing = np.isnan(plane[at])
            places = tuple(index[missing] for index in at)
            plane[places] = median(plane[:, at[1][missing], at[2][missing]])
            setattr(model, name, plane)
    model.data, model.dq = data, dq
    return model


def outliers_in_time(planes, threshold, window):
    """Return integration, row, column, expected value and significance of outliers in time.

    Pixels that are flagged already have no significance.
    """
    data = planes["data"].copy()
    if planes["dq"] is not None:
        data[(planes["dq"] & 1).astype(bool)] = np.nan
    count, n_rows, n_columns = data.shape
    sigma = np.zeros(data.shape[1:])
    some = np.unique(np.linspace(0, count - 1, 16).astype(int))
    for name in ("var_poisson", "var_rnoise"):
        if planes[name].strides[0]:
            sigma = sigma + np.nan_to_num(mean(planes[name][some], axis=0))
    sigma = np.sqrt(sigma)
    parts = []
    step = max(1, 32_000_000 // (count * n_columns * 4))  # rows that are looked at together
    for first in range(0, n_rows, step):
        rows = slice(first, min(first + step, n_rows))
        found = _in_block(data[:, rows], sigma[rows], threshold, min(window, count))
        parts.append((found[0], found[1] + first, *found[2:]))
    joined = [np.concatenate(values) for values in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return [values[order] for values in joined]


def spectra_in(paths):
    """Return the spectra that extract_1d wrote, those of several segments as one table."""
    tables = [Table.read(path, hdu="EXTRACT1D", mask_invalid=False) for path in paths]
    return vstack(tables, metadata_conflicts="silent")


def moved(wavelength, offset, scale):
    """Correct wavelengths for a source that is off the place that the solution is for.

    Parameters
    ----------
    wavelength : ndarray, micron
        Of a spectrum, or the same in each row of a table of several.
    offset : float, arcsec
        Towards larger detector rows.
    scale : float, arcsec
        Of one detector row.
    """
    wavelength = np.asarray(wavelength, float)
    one = wavelength if wavelength.ndim == 1 else wavelength[0]
    known = np.sort(one[np.isfinite(one)])
    return wavelength + np.interp(wavelength, known, np.gradient(known) * offset / scale)


def bootstrapped(image, reference, draws, seed, margin, **parameters):
    """Return the errors of a spectrum from the scatter of the image's pixels.

    The noise of each row is what its smooth surroundings along the dispersion leave. For each draw
    every row gets the noise of a row nearby, and extract_1d is run.

    Parameters
    ----------
    image, reference : Path
        The s2d, and the extract1d reference file.
    draws, seed, margin : int
        Draws, where random numbers begin, and rows beyond the spectrum that are smoothed into it.
    **parameters
        Of extract_1d.

    Returns
    -------
    ndarray, shape (n_wave,)
        In the order and the unit of the spectrum's flux.
    """
    with datamodels.open(image) as model:
        error = _errors(model)
        first, last = np.flatnonzero(np.isfinite(model.wavelength).any(axis=1))[[0, -1]]
        rows = slice(max(first - margin, 0), min(last + margin + 1, len(model.data)))
        noise = residuals(model.data, error)[rows] / np.sqrt(_seen(row_correlation(model)))
        limit = _OUTLIER * robust_scale(noise)  # bad pixels are no noise
        noise = np.clip(noise, -limit, limit)
        random = np.random.default_rng(seed)
        pool = _Pool(noise, np.isfinite(noise).any(axis=1))
        data, fluxes = model.data.copy(), []
        for number in range(draws + 1):  # the first as it is
            model.data = data.copy()
            if number:
                model.data[rows] += (pool.draw(random) * error[rows]).astype(data.dtype)
            result = Extract1dStep.call(
                model, configure_log=False, override_extract1d=str(reference), **parameters
            )
            spectrum = result.spec[0].spec_table
            fluxes.append(np.array(spectrum["FLUX"]))
            order = np.argsort(spectrum["WAVELENGTH"], kind="stable")
            result.close()
    found = np.empty(len(order))
    found[order] = np.std((np.array(fluxes[1:]) - fluxes[0])[:, order], axis=0, ddof=1)
    return found


def with_errors(table, error):
    """Put errors of the flux into a spectrum; those of the surface brightness change as much."""
    factor = np.divide(
        error, table["FLUX_ERROR"], out=np.full(len(error), np.nan), where=table["FLUX_ERROR"] > 0
    )
    table["FLUX_ERROR"] = error
    table["SB_ERROR"] = table["SB_ERROR"] * factor


def scaled_to_scatter(table):
    """Scale the errors of a time series to its scatter, by wavelength and by integration."""
    flux, error = (np.asarray(table[name], float) for name in ("FLUX", "FLUX_ERROR"))
    noisier = integration_scale(flux, error * _wavelength_scale(flux, error))
    error = error * noisier[:, np.newaxis]
    scale = _wavelength_scale(flux, error) * noisier[:, np.newaxis]
    for name in ("FLUX_ERROR", "SB_ERROR"):
        table[name] = table[name] * scale
