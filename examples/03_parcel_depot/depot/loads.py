"""Loads of vans."""

from __future__ import annotations

from depot.parcels import Parcel, by_zone


def split_loads(weights: list[int], limit: int) -> list[list[int]]:
    """Put weights into loads, in the order they come, so that no load is heavier than ``limit``."""
    loads: list[list[int]] = []
    load: list[int] = []
    for weight in weights:
        if weight > limit:
            raise ValueError(f"{weight} kg is more than a van carries ({limit} kg)")
        load.append(weight)
        if sum(load) > limit:
            loads.append(load)
            load = []
    if load:
        loads.append(load)
    return loads


def plan(parcels: list[Parcel], limit: int) -> dict[str, list[list[int]]]:
    """Loads for each zone."""
    return {zone: split_loads([parcel.weight for parcel in found], limit) for zone, found in by_zone(parcels).items()}
