"""Popular packages, and faults put into them by hand: mistakes that a developer might make there.

Each fault is a few lines of the original (``before``) and what a slip made of them (``after``). The issue text is
what a user of the package would write, who has never seen its source.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One fault. ``before`` occurs exactly once in ``file`` (relative to the source distribution)."""

    name: str
    file: str
    before: str
    after: str
    title: str
    issue: str


class Package(NamedTuple):
    """One source distribution, pinned by version and SHA-256.

    ``tests`` are the requirements of its own tests, ``source`` the folder that holds its importable code.
    """

    name: str
    version: str
    sha256: str
    faults: tuple[Fault, ...]
    tests: tuple[str, ...] = ("pytest==8.3.4",)
    source: str = "."


PACKAGES = (
    Package(
        "toolz",
        "1.0.0",
        "2c86e3d9a04798ac556793bced838816296a2f085017664e4995cb40a1047a02",
        (
            Fault(
                "unique_by_key",
                "toolz/itertoolz.py",
                "            if val not in seen:\n                seen_add(val)",
                "            if item not in seen:\n                seen_add(val)",
                "unique(key=...) returns duplicates",
                "unique() with a key function gives back items whose keys are equal. Without a key it works.",
            ),
            Fault(
                "last_of_keys",
                "toolz/dicttoolz.py",
                "    rv = factory()\n    for d in dicts:\n        rv.update(d)\n    return rv",
                "    rv = factory()\n    for d in reversed(dicts):\n        rv.update(d)\n    return rv",
                "merge prefers the first dictionary",
                "Of several values for one key merge() keeps the one of the first dictionary. The last should win.",
            ),
            Fault(
                "update_in_default",
                "toolz/dicttoolz.py",
                "        inner[k] = func(default)",
                "        inner[k] = default",
                "update_in does not apply the function to the default",
                "update_in({}, ['a'], str, default=1) stores 1, not '1': the function is not called for a new key.",
            ),
        ),
    ),
    Package(
        "inflection",
        "0.5.1",
        "1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417",
        (
            Fault(
                "thirteenth",
                "inflection/__init__.py",
                "number % 100 in (11, 12, 13):",
                "number % 100 in (11, 12):",
                "13rd",
                "ordinalize(13) says '13rd', and 113 is '113rd'. 11 and 12 are fine.",
            ),
            Fault(
                "parameterize_case",
                "inflection/__init__.py",
                "    return string.lower()\n\n\ndef pluralize",
                "    return string\n\n\ndef pluralize",
                "parameterize keeps capital letters",
                "parameterize('Donald E. Knuth') should give a slug in lower case; the capitals stay.",
            ),
            Fault(
                "camelize_first",
                "inflection/__init__.py",
                "return string[0].lower() + camelize(string)[1:]",
                "return string[0].lower() + camelize(string)",
                "camelize doubles the first letter",
                "camelize('device_type', False) returns 'dDeviceType'.",
            ),
        ),
    ),
    Package(
        "humanize",
        "4.11.0",
        "e66f36020a2d5a974c504bd2555cf770621dbdbb6d82f94a6857c0b1ea2608be",
        (
            Fault(
                "negative_size",
                "src/humanize/filesize.py",
                "        if abs_bytes < unit:",
                "        if bytes_ < unit:",
                "naturalsize of negative numbers",
                "naturalsize(-1000000) says '-1000.0 kB'; the unit stays kB however large the negative number is.",
            ),
            Fault(
                "no_digits",
                "src/humanize/number.py",
                "    if ndigits is not None:\n",
                "    if ndigits:\n",
                "intcomma(value, 0) does not round",
                "Asking intcomma for 0 digits gives all of them; 1 digit and more work.",
            ),
            Fault(
                "old_dates",
                "src/humanize/time.py",
                "    delta = _abs_timedelta(value - dt.date.today())",
                "    delta = value - dt.date.today()",
                "naturaldate without year for old dates",
                "naturaldate() leaves the year out for dates that are long gone. Dates in the far future have it.",
            ),
        ),
        tests=("pytest==8.3.4", "pytest-cov==6.0.0", "freezegun==1.5.1"),
        source="src",
    ),
    Package(
        "boltons",
        "25.0.0",
        "e110fbdc30b7b9868cb604e3f71d4722dd8f4dcb4a5ddd06028ba8f1ab0b5ace",
        (
            Fault(
                "evicted_stays",
                "boltons/cacheutils.py",
                "                    super().__delitem__(evicted)\n",
                "                    super().__delitem__(key)\n",
                "LRI raises KeyError when it is full",
                "Adding one item too many to an LRI or LRU raises KeyError with the new key, instead of evicting one.",
            ),
            Fault(
                "last_chunk",
                "boltons/iterutils.py",
                "        yield (i, min(i + chunk_size, input_stop))\n\n        if i + chunk_size >= input_stop:",
                "        yield (i, min(i + chunk_size, input_stop))\n\n        if i + chunk_size > input_stop:",
                "chunk_ranges with overlap gives one range too many",
                "With an overlap, when the last chunk ends exactly at the end of the input, a range follows it that "
                "only holds the overlap.",
            ),
            Fault(
                "stripped_inside",
                "boltons/iterutils.py",
                "            yield from cache\n        yield i",
                "        yield i",
                "rstrip loses values in the middle",
                "iterutils.rstrip() drops values in the middle of the list, not only those at its end.",
            ),
        ),
    ),
    Package(
        "parse",
        "1.20.2",
        "b41d604d16503c79d81af5165155c0b20f6c8d6c559efa66b4b695c3e5a0a0ce",
        (
            Fault(
                "noon",
                "parse.py",
                '        elif am == "PM" and H == 12:\n            # no correction needed: 12PM is midday, '
                '12:00 by 24 hour clock\n            pass\n        elif am == "PM":',
                '        elif am == "PM":',
                "12 PM cannot be parsed",
                'Parsing "12:15 PM" fails with "hour must be in 0..23". 1 PM and 12 AM are right.',
            ),
            Fault(
                "nested_names",
                "parse.py",
                "                    k = subkey[1:-1]",
                "                    k = subkey[1:]",
                "bracket in the names of nested fields",
                "The keys of nested results end with a bracket: parse('{a[b]}', 'x').named is {'a': {'b]': 'x'}}.",
            ),
            Fault(
                "zone_hours",
                "parse.py",
                "            offset = int(tzm) + int(tzh) * 60",
                "            offset = int(tzm) + int(tzh)",
                "time zones are off",
                "A time with '+1000' gets an offset of ten minutes, not ten hours.",
            ),
        ),
    ),
    Package(
        "tabulate",
        "0.9.0",
        "0095b12bf5966de529c0feb1fa08671671b3368eec77d7ef7ab114be2c068b3c",
        (
            Fault(
                "zero_is_missing",
                "tabulate/__init__.py",
                '    """  # noqa\n    if val is None:\n        return missingval',
                '    """  # noqa\n    if not val:\n        return missingval',
                "Zeros vanish from tables",
                "Cells that hold 0 (or False) are printed empty, as if the value were missing.",
            ),
            Fault(
                "after_the_point",
                "tabulate/__init__.py",
                "                return len(string) - pos - 1",
                "                return len(string) - pos",
                "Decimal points are not aligned",
                "In a column with whole numbers and decimals the points are no longer below each other.",
            ),
            Fault(
                "wrapped_numbers",
                "tabulate/__init__.py",
                "            if _isnumber(cell) and numparse:\n                new_row.append(cell)",
                "            if _isnumber(cell):\n                new_row.append(cell)",
                "disable_numparse is ignored with maxcolwidths",
                "Long numbers given as text are not wrapped to maxcolwidths when disable_numparse is set.",
            ),
        ),
    ),
    Package(
        "more-itertools",
        "10.5.0",
        "5482bfef7849c25dc3c6dd53a6173ae4795da2a41a80faea6700d9f5846c5da6",
        (
            Fault(
                "prepend_order",
                "more_itertools/more.py",
                "        self._cache.extendleft(reversed(items))",
                "        self._cache.extendleft(items)",
                "peekable.prepend turns the order round",
                "After p.prepend(11, 12), next(p) is 12. It should be 11.",
            ),
            Fault(
                "nth_or_last",
                "more_itertools/more.py",
                "    return last(islice(iterable, n + 1), default=default)",
                "    return last(islice(iterable, n), default=default)",
                "nth_or_last is one too early",
                "nth_or_last([0, 1, 2, 3], 2) is 1 instead of 2.",
            ),
            Fault(
                "range_step",
                "more_itertools/more.py",
                "            step = self._step if key.step is None else key.step * self._step",
                "            step = self._step if key.step is None else key.step",
                "Slices of a numeric_range have the wrong step",
                "numeric_range(0, 20, 2)[::3] steps by 3, not by 6.",
            ),
        ),
    ),
    Package(
        "cachetools",
        "5.5.0",
        "2cc24fb4cbe39633fb7badd9db9ca6295d766d9c2995f245725a46715d050f2a",
        (
            Fault(
                "replaced_size",
                "src/cachetools/__init__.py",
                "            diffsize = size - self.__size[key]",
                "            diffsize = size",
                "currsize grows when a value is replaced",
                "Setting the same key again adds its size to currsize once more.",
            ),
            Fault(
                "least_frequently",
                "src/cachetools/__init__.py",
                "        if key in self:  # __missing__ may not store item\n            self.__counter[key] -= 1",
                "        if key in self:  # __missing__ may not store item\n            self.__counter[key] += 1",
                "LFUCache evicts what is used most",
                "Reading an item of an LFUCache makes it more likely to be evicted, not less.",
            ),
            Fault(
                "still_alive",
                "src/cachetools/__init__.py",
                "            link = self.__links[key]  # no reordering\n        except KeyError:\n"
                "            return False\n        else:\n            return self.timer() < link.expires",
                "            link = self.__links[key]  # no reordering\n        except KeyError:\n"
                "            return False\n        else:\n            return self.timer() <= link.expires",
                "TTLCache holds items one tick too long",
                "`key in cache` is True at the very moment when the item expires, but cache[key] raises KeyError.",
            ),
        ),
        source="src",
    ),
)
"""Eight packages with three faults each."""
