"""Time series of several exposures: each is a series of its own, until they are joined."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from lrs_explorer.model.files.recognition import Exposure, ProductFile, root_of
from lrs_explorer.model.observation.reductions import Reduction

__all__ = ["apart", "exposure_notes", "exposures_of"]


def exposures_of(products: Iterable[ProductFile]) -> dict[Exposure, list[ProductFile]]:
    """Return the science products of single exposures, by exposure, whatever their segment."""
    found: dict[Exposure, list[ProductFile]] = {}
    for product in products:
        if product.mode is not None and not product.combined:
            found.setdefault(product.exposure[:-1], []).append(product)
    return dict(sorted(found.items()))


def apart(reduction: Reduction) -> list[Reduction]:
    """Return a reduction for each exposure of a time series, and one for level 3.

    What is of no exposure, target acquisition images, belongs to all of them. A series of one
    exposure stays as it is.
    """
    parts = list(exposures_of(reduction.products).values())
    if len(parts) < 2:
        return [reduction]
    combined = [p for p in reduction.products if p.combined and p.mode is not None]
    common = [product for product in reduction.products if product.mode is None]
    return [
        dataclasses.replace(
            reduction,
            products=[*own, *common],
            label=", ".join(filter(None, (reduction.label, _label(own[0])))),
            shared=[product for product in reduction.shared if product in own],
            name=_name(own[0]),
        )
        for own in (*parts, combined)
        if own
    ]


def _name(product: ProductFile) -> str:
    """Return the file name root of an exposure, without its segment; "" for level 3."""
    if product.combined:
        return ""
    return root_of(product.path).removesuffix("_mirimage").partition("-seg")[0]


def _label(product: ProductFile) -> str:
    """Return what an exposure is called among others of its observation."""
    if product.combined:
        return "level 3"
    _, _, visit, *_, exposure, _ = product.exposure
    return f"visit {visit}, exposure {exposure}"


def exposure_notes(chosen: Reduction, parts: Iterable[Reduction]) -> list[str]:
    """Say that there are exposures besides the chosen one, and how to come by them."""
    others = [f"{one.label}: {one.representative.path}" for one in parts if one is not chosen]
    if not others:
        return []
    return [
        "this is one of several time series of its observation, and not joined with the others "
        f"({'; '.join(others)}): open one by its file, or all as one (join=True, --join, or join "
        "exposures under open…)."
    ]
