"""Parcels as they come in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parcel:
    """One parcel. ``weight`` is in whole kilograms."""

    code: str
    weight: int
    zone: str = "A"


def read_parcels(text: str) -> list[Parcel]:
    """Read one parcel a line: code, weight and, if it is not A, its zone. Raises ValueError for anything else."""
    parcels = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) not in (2, 3) or not parts[1].isdigit():
            raise ValueError(f"line {number}: a parcel is a code, a weight and perhaps a zone")
        parcels.append(Parcel(parts[0], int(parts[1]), *parts[2:]))
    return parcels


def by_zone(parcels: list[Parcel]) -> dict[str, list[Parcel]]:
    """Group parcels by zone, zones in alphabetical order, parcels in their own."""
    zones: dict[str, list[Parcel]] = {}
    for parcel in sorted(parcels, key=lambda parcel: parcel.zone):
        zones.setdefault(parcel.zone, []).append(parcel)
    return zones
