from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from covey.core.redact import find_secrets, redact, redact_json, visible
from support_secrets import ALNUM, HEX, draw, planted, private_key

pytestmark = pytest.mark.requirement("E12")

PLANTED = planted()
RANDOM = draw(ALNUM, 20)
MARK = re.compile(r"\[REDACTED:[a-z_]+\]")


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_each_known_format_is_replaced_by_its_kind(kind: str) -> None:
    secret = PLANTED[kind]
    assert redact(f"before ({secret}) after\n") == f"before ({'[REDACTED:' + kind + ']'}) after\n"
    assert redact(secret) == f"[REDACTED:{kind}]"


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_a_secret_one_character_short_of_its_prefix_is_left_alone(kind: str) -> None:
    """The positive control of the rules: they know formats, they do not swallow everything that is long."""
    secret = PLANTED[kind]
    assert redact("zz" + secret[2:]) == "zz" + secret[2:] or kind in ("jwt", "azure_secret", "private_key")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('password = "{}"', "password"),
        ("password={}", "password"),
        ("DB_PASSWORD={}", "password"),
        ('{{"user": "x", "password": "{}"}}', "password"),
        ("{{'client_secret': '{}'}}", "secret"),
        ("  token: {}", "token"),
        ('+token: str = "{}"', "token"),
        ("export AWS_SECRET_ACCESS_KEY={}", "secret"),
        ("--password {}", "password"),
        ("--api-key={}", "key"),
        ("X-Api-Key: {}", "key"),
        ("AccountKey={};EndpointSuffix=x", "key"),
        ("_authToken={}", "token"),
        ('\\"api_key\\": \\"{}\\"', "key"),
        ("passphrase := '{}'", "password"),
        ("'private_key' => '{}'", "key"),
        ("Authorization: Bearer {}", "authorization"),
        ("'authorization': 'Basic {}'", "authorization"),
        ("Authorization: {}", "authorization"),
        ('curl -H "Authorization: token {}"', "authorization"),
        ("sent bearer {} to it", "authorization"),
        ("postgres://me:{}@localhost/db", "url_credentials"),
        ("https://{}@host/simple", "url_credentials"),
        ("redis://:{}@localhost", "url_credentials"),
    ],
)
def test_a_random_value_is_replaced_where_its_name_says_secret(text: str, kind: str) -> None:
    before, after = text.replace("{{", "{").replace("}}", "}").split("{}")
    assert redact(before + RANDOM + after) == f"{before}[REDACTED:{kind}]{after}"


@pytest.mark.parametrize(
    "text",
    [
        "token = tokens[0]",
        "token = tokens2x9q8[0]",
        "token = tokenizer.next_token2",
        "token = get_token_2x9z8y7(a)",
        'token: str = "identifier"',
        "password = input('Password2: ')",
        "password = os.environ['DB_PASSWORD_1']",
        "secret = settings.SECRET_KEY_2",
        "secret = Base64Encoder2Factory",
        'password = "correct horse battery staple 1"',
        'api_key = "YOUR_API_KEY_1"',
        "api_key = ${API_KEY_12345x6}",
        'f"https://{user}:{password}@host/"',
        "git clone git@host:group/project2.git",
        "https://localhost:8080/a1b2c3@x",
        "token_count: 12345678",
        "password_file = /etc/app/x9y8z7w6v5",
        "assert token == 'a1b2c3d4e5f6'",
        "the password was wrong at 10:15:31",
        "pass",
        "risk-free-desk-task-sk-learn",
        "sk-learn-has-a-long-name-with-words",
        "class TestTokenParser2: ...",
        'if line.startswith("-----BEGIN ' + 'PRIVATE KEY-----"):\n    return parse(line)\n',
        "bearer authentication is required",
        "tests/test_token.py::test_secret_2[password-1a2b3c4d]",
        "key=lambda item: item.score2",
        "sort(key=operator.itemgetter1)",
        "authorization = base64.decodebytes(authorization)",
        "authorization = authorization.split()",
        "Authorization: header is required",
        "postgres://user:password@localhost/db",
        "data-id=eyJust-a-word",
    ],
)
def test_ordinary_code_is_left_alone(text: str) -> None:
    assert redact(text) == text
    assert find_secrets(text) == ()


@pytest.mark.parametrize(
    "value",
    [draw(HEX, 40), draw(HEX, 64), draw(HEX, 32), "sha256:" + draw(HEX, 64), "123e4567-e89b-12d3-a456-426614174000"],
)
@pytest.mark.parametrize("text", ["commit {}", "index {}..", '"sha256": "{}"', "token: {}", "id={}", "key {}"])
def test_hashes_and_uuids_are_left_alone(text: str, value: str) -> None:
    assert redact(text.format(value)) == text.format(value)


def test_a_hash_that_is_called_a_password_is_replaced() -> None:
    assert draw(HEX, 40) not in redact(f"password={draw(HEX, 40)}")
    assert draw(HEX, 40) in redact(f"password_hash={draw(HEX, 40)}")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\n+", "\n    "])
@pytest.mark.parametrize("kind", ["RSA ", "", "OPENSSH ", "EC ", "ENCRYPTED "])
def test_a_private_key_goes_as_a_whole(kind: str, end: str) -> None:
    assert redact(f"x = '{private_key(kind, end=end)}'\nnext") == "x = '[REDACTED:private_key]'\nnext"


def test_a_private_key_cut_short_loses_its_lines_and_nothing_else() -> None:
    cut = private_key(lines=5)[:200]
    rest = redact(cut + "\nand ordinary words (after it)\n")
    assert rest.startswith("[REDACTED:private_key]")
    assert rest.endswith("\nand ordinary words (after it)\n")
    assert not any(line in rest for line in cut.splitlines())


def test_secrets_are_found_with_kind_and_line_but_never_with_their_value() -> None:
    text = (
        f"one\n{PLANTED['github_token']}\nthree\n+password = '{RANDOM}'\n{PLANTED['private_key']}\n{PLANTED['jwt']}\n"
    )
    found = find_secrets(text)
    lines = text.split("\n")
    assert [(item.kind, item.line) for item in found] == [
        ("github_token", 2),
        ("password", 4),
        ("private_key", 5),
        ("jwt", 1 + lines.index(PLANTED["jwt"])),
    ]
    assert RANDOM not in repr(found)


def test_the_most_specific_name_wins_where_rules_overlap() -> None:
    assert redact(f"token={PLANTED['github_token']}") == "token=[REDACTED:github_token]"
    assert redact(f"Authorization: Bearer {PLANTED['jwt']}") == "Authorization: Bearer [REDACTED:jwt]"


_PIECES = st.sampled_from(
    [
        *PLANTED.values(),
        *(f"{RANDOM[:n]}" for n in (3, 8, 16)),
        *"=:;,. -_/@'\"[](){}\\\n\t+~%",
        *("password", "token", "secret_key", "api-key", "str = ", "Bearer ", "Authorization: ", "https://", "--"),
        *(
            "://",
            "[REDACTED:",
            "[REDACTED:token]",
            "-----BEGIN ",
            "PRIVATE KEY-----",
            "-----END ",
            "eyJ",
            "sk-",
            "A1b2",
        ),
    ]
)
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=6)), max_size=14).map("".join)


@settings(max_examples=400, deadline=None)
@given(_TEXTS)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@settings(max_examples=200, deadline=None)
@given(_TEXTS)
def test_each_secret_found_is_one_mark_more(text: str) -> None:
    assert len(MARK.findall(redact(text))) - len(MARK.findall(text)) <= len(find_secrets(text))
    assert (redact(text) == text) == (not find_secrets(text))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(PLANTED)), st.text(alphabet=" \n.,;()'\"ab", max_size=40), st.text(max_size=40))
def test_a_planted_secret_never_survives_between_any_neighbours(kind: str, before: str, after: str) -> None:
    secret = PLANTED[kind]
    assert secret not in redact(f"{before} {secret} {after}")


_ATTACKS = [
    "password",
    "eyJ-",
    "ey" + "Jaaaaaaaaa.",
    "-----BEGIN " + "PRIVATE KEY-----\n",
    "sk-",
    '"password": "',
    "https://a:",
    "authorization: ",
    "secret=password=",
    "dapi" + "a1" * 16 + "-",
    "token: str[",
    "--password ",
    "bearer ",
    "xo" + "xb-1-",
    "-----END " + "PRIVATE KEY-----",
]


@pytest.mark.parametrize("attack", _ATTACKS)
def test_hostile_text_of_a_megabyte_is_done_with(attack: str) -> None:
    """Work that grows with the square of the length would take hours here and run into the time limit of the suite."""
    text = attack * (1_000_000 // len(attack))
    assert len(redact(text)) > 0


def test_json_is_redacted_by_value_and_by_the_name_of_the_field() -> None:
    value: JsonValue = {"a": [PLANTED["jwt"], 1, None, True], "db": {"password": RANDOM}, "id": RANDOM, "token": "x"}
    assert redact_json(value) == {
        "a": ["[REDACTED:jwt]", 1, None, True],
        "db": {"password": "[REDACTED:password]"},
        "id": RANDOM,
        "token": "x",
    }
    assert redact_json(redact_json(value)) == redact_json(value)


def test_visible_shows_what_a_terminal_would_obey() -> None:
    text = "a\x1b[31mred\x1b]0;title\x07\x9b2J\x00\x7f\rover\u202eabc\u2066\u200b\ufeff\u2028\U000e0041\ud800"
    shown = visible(text)
    assert shown == (
        "a\\x1b[31mred\\x1b]0;title\\x07\\x9b2J\\x00\\x7f\\x0dover\\u202eabc\\u2066\\u200b\\ufeff\\u2028\\U000e0041\\ud800"
    )


def test_visible_leaves_ordinary_text_tabs_and_line_ends_alone() -> None:
    text = "déjà vu → 漢字 🙂\tindent\r\nnext\n\\x1b is text"
    assert visible(text) == text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_visible_text_can_always_be_encoded_and_holds_no_control_character(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert visible(shown) == shown
    left = shown.replace("\r\n", "\n")
    assert all(char in "\n\t" or (char.isprintable() or ord(char) >= 0xA0) for char in left)
    assert not set(left) & set("\x1b\x9b\u202e\u2066\u200b\u2028\r")


def test_every_source_file_of_the_house_passes_through_unchanged() -> None:
    root = Path(__file__).parents[3] / "src"
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert redact(text) == text, path


def test_code_of_other_people_passes_through_unchanged() -> None:
    names = ("argparse", "ast", "configparser", "ftplib", "getpass", "hashlib", "hmac", "netrc", "secrets", "smtplib")
    for name in (*names, "ssl", "token", "tokenize", "urllib.request", "uuid", "http.cookies", "http.server"):
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        text = Path(spec.origin).read_text(encoding="utf-8")
        assert redact(text) == text, name
