"""Secrets of many formats, put together at run time so that no secret-shaped text lies in the repository."""

from __future__ import annotations

import random
import string

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"


def draw(alphabet: str, length: int, seed: int = 7) -> str:
    """Random text that holds at least one letter and one digit where the alphabet has both."""
    dice = random.Random(f"{seed}/{length}/{alphabet}")
    while True:
        text = "".join(dice.choices(alphabet, k=length))
        if any(c.isdigit() for c in text) == any(c.isdigit() for c in alphabet) and any(c.isalpha() for c in text):
            return text


def private_key(kind: str = "RSA ", lines: int = 4, end: str = "\n") -> str:
    """A block shaped like a private key."""
    body = end.join(draw(ALNUM + "+/", 64, seed) for seed in range(lines))
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}{end}{body}{end}{dashes}END {kind}PRIVATE KEY{dashes}"


def planted(seed: int = 7) -> dict[str, str]:
    """One secret of each known format, by its kind."""

    def make(alphabet: str, length: int) -> str:
        return draw(alphabet, length, seed)

    def jwt_part() -> str:
        return "ey" + "J" + make(ALNUM + "_-", 30)

    return {
        "aws_access_key": "AK" + "IA" + make(BASE32, 16),
        "gcp_api_key": "AI" + "za" + make(ALNUM, 35),
        "gcp_oauth": "ya" + "29." + make(ALNUM, 60),
        "azure_secret": make(ALNUM, 3) + "8" + "Q" + "~" + make(ALNUM, 34),
        "azure_sas": "si" + "g=" + make(ALNUM, 43) + "%3D",
        "github_token": "gh" + "p_" + make(ALNUM, 36),
        "gitlab_token": "gl" + "pat-" + make(ALNUM, 20),
        "slack_token": "xo" + "xb-" + make(string.digits + "abc", 12) + "-" + make(ALNUM, 24),
        "slack_webhook": "hooks."
        "slack.com/services/T" + make(BASE32, 8) + "/B" + make(BASE32, 8) + "/" + make(ALNUM, 24),
        "anthropic_key": "sk" + "-ant-" + "api03-" + make(ALNUM + "_-", 90),
        "openai_key": "sk" + "-proj-" + make(ALNUM, 48),
        "huggingface_token": "hf" + "_" + make(string.ascii_letters, 34),
        "stripe_key": "sk" + "_live_" + make(ALNUM, 24),
        "pypi_token": "py" + "pi-" + "AgE" + make(ALNUM + "_-", 80),
        "npm_token": "np" + "m_" + make(ALNUM, 36),
        "sendgrid_key": "S" + "G." + make(ALNUM, 22) + "." + make(ALNUM, 43),
        "digitalocean_token": "do" + "p_v1_" + make(HEX, 64),
        "docker_token": "dck" + "r_pat_" + make(ALNUM, 27),
        "databricks_token": "da" + "pi" + make(HEX, 32),
        "vault_token": "hv" + "s." + make(ALNUM, 40),
        "grafana_token": "gl" + "sa_" + make(ALNUM, 41),
        "groq_key": "gs" + "k_" + make(ALNUM, 52),
        "replicate_token": "r" + "8_" + make(ALNUM, 37),
        "xai_key": "xa" + "i-" + make(ALNUM, 80),
        "shopify_token": "shp" + "at_" + make(HEX, 32),
        "twilio_key": "S" + "K" + make(HEX, 32),
        "mailgun_key": "ke" + "y-" + make(HEX, 32),
        "telegram_token": "123456789" + ":A" + "A" + make(ALNUM, 33),
        "atlassian_token": "ATA" + "TT3" + make(ALNUM, 60),
        "age_key": "AGE-SECRET-" + "KEY-1" + make(string.ascii_uppercase + string.digits, 58),
        "tailscale_key": "ts" + "key-auth-" + make(ALNUM, 17),
        "jwt": f"{jwt_part()}.{jwt_part()}.{make(ALNUM, 43)}",
        "private_key": private_key(),
    }
