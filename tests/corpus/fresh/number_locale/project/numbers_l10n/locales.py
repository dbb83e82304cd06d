from dataclasses import dataclass


@dataclass(frozen=True)
class Locale:
    decimal: str
    thousands: str
    currency_first: bool = True


LOCALES = {"en": Locale(".", ","), "de": Locale(",", ".", False), "fr": Locale(",", "\u202f", False)}
