from numbers_l10n.locales import LOCALES


def parse_number(text, language="en"):
    locale = LOCALES[language]
    text = text.strip()
    text = text.replace(locale.decimal, ".")
    text = text.replace(locale.thousands, "")
    return float(text)


def format_number(number, language="en", places=2):
    locale = LOCALES[language]
    text = f"{number:,.{places}f}"
    return text.translate({ord(","): locale.thousands, ord("."): locale.decimal})


def format_price(number, symbol, language="en"):
    text = format_number(number, language)
    return f"{symbol}{text}" if LOCALES[language].currency_first else f"{text} {symbol}"
