"""One table of what may not be written down: finding and masking agree, in every form of a text, and take linear time."""

import html
import importlib
import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.apply.journal import brief
from runbook_lib.audit.redaction import Redactor
from runbook_lib.base.identity import written
from runbook_lib.base.privacy import LOGIN, RULES, Numbered, Rule, findings, masked, masked_data, rules_near, suspicious
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.base.text import markdown_safe, spreadsheet_safe, visible

KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2Vj" + "A" * 60
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJ4In0.c2ln"
ADDRESSES = [
    "someone@example.com",
    "user%40bank.example",
    "user%2540bank.example",
    "jürg@bücher.example",
    "ju\u0308rg@bu\u0308cher.example",
    "jürg@xn--bcher-kva.example",
    "info@उदाहरण.परीक्षा",
    "postmaster@例え。テスト",
    "jane\uff20\uff45xample\uff0ecom",
    "jane\ufe6bexample.com",
    "zero\u200bwidth@exam\u200bple.com",
    '"john doe"@example.com',
    "o'neil@example.com",
    "a.b+c!#$%*^_~-d@sub.domain.example",
]
FINDINGS = [
    *((address, "e-mail address") for address in ADDRESSES),
    (f"key {KEY_ID}", "AWS access key id"),
    (f"x{KEY_ID}X", "AWS access key id"),
    (f"token {TOKEN}", "AWS session token"),
    (f'"SecretAccessKey": "{SECRET}"', "labelled secret"),
    (json.dumps(json.dumps({"SecretAccessKey": SECRET})), "labelled secret"),
    (f"aws_session_token = {TOKEN}", "labelled secret"),
    ("https://bucket.s3.amazonaws.com/k?X-Amz-Signature=" + "ab" * 32, "presigned address"),
    ("https://b.s3.amazonaws.com/k?a=1&amp;X-Amz-Security-Token=abcdefghij", "presigned address"),
    ("https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Signature=abcdefghij%3D", "presigned address"),
    ("someone&#64;example.com", "e-mail address"),
    ("someone&commat;example.com", "e-mail address"),
    ('"someone\\u0040example.com"', "e-mail address"),
    (json.dumps("jürg@bücher.example"), "e-mail address"),
    ("-----BEGIN EC PRIVATE KEY-----", "Private Key"),
    ("https://user:password1@proxy.example", "Basic Auth Credentials"),
    ("Authorization: Bearer " + "a" * 40, "authorization header"),
    ("AWS4-HMAC-SHA256 Credential=x", "authorization header"),
    ("ghp_" + "a" * 36, "GitHub Token"),
    ("glpat-" + "a" * 20, "GitLab Token"),
    ("xoxb-1234-1234-abcdef", "Slack Token"),
    ("npm_" + "a" * 36, "NPM token"),
    ("pypi-AgEIcHlwaS5vcmc" + "a" * 70, "PyPI Token"),
    ("sk_live_" + "a" * 24, "Stripe Access Key"),
    (f"SG.{'a' * 22}.{'b' * 43}", "SendGrid API Key"),
    (f"id_token={JWT}", "JSON Web Token"),
]
HARMLESS = [
    "arn:aws:sts::111111111111:assumed-role/RunbookManagement/runbook-20261123T165451Z-rehearsal-51de",
    "d35938e26ef7763ae356b05d61d23e9491ce8b74f82b0ac5afb46a3e270586a4",
    "pkg:pypi/boto3@1.44.5",
    "@media print { body { margin: 0 } }",
    '["a", "@type.of"]',
    '<a class="x" title="@example.com">',
    '{"request_id":"dffcd010-9a68-48d1-8d36-a814f5437edc","date":"Mon, 23 Nov 2026 16:55:15 GMT"}',
    "12abc34d567e8fa901bc2d34e56789f0",
    "[e-mail address] [session token]",
    "https://b.s3.amazonaws.com/k?X-Amz-Signature=[secret]&X-Amz-Security-Token=[secret]",
    "aws_secret_access_key = [secret]",
    "commit 34c5280298effa40dde2716beb71dc060a20e1c2 of aws key rotation",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "the password policy: see the token of the session",
]
WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": str, "shown": visible, "HTML": lambda text: html.escape(visible(text)), "JSON": json.dumps, "Python": repr,
    "Markdown": markdown_safe, "CSV": spreadsheet_safe, "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "beside another value": lambda text: f"{text} r-root/ou-root-0123456789abcdef",
}  # fmt: skip
MARKS = "@.:=/&#;%\\\"'<>[]{}`*|-_ \n\t\x07\u200b"
NAMES = st.lists(
    st.one_of(
        st.sampled_from([text for text, _ in FINDINGS] + ADDRESSES + [sign for rule in RULES for sign in rule.near]),
        st.sampled_from([*MARKS, "password", "Bearer ", "://", "&#64;", "\\u0040", "\ud83d"]),
        st.text(max_size=6),
    ),
    max_size=6,
).map("".join)


@pytest.mark.parametrize(("text", "rule"), FINDINGS)
def test_what_may_not_be_kept_is_found_with_its_line(text: str, rule: str) -> None:
    assert (2, rule) in findings(f"first line\n{text}\n")


def test_credentials_that_are_held_are_found_as_they_are() -> None:
    assert findings("a\nb held-value c", ["held-value"]) == [(2, "a credential that this process holds")]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_belongs_there_is_no_finding_and_stays(text: str) -> None:
    assert findings(text) == []
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        *((f"mail {address}, please", "mail [e-mail address], please") for address in ADDRESSES),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [AWS key id] used"),
        ("ASIAIOSFODNN7EXAMPLE", "[AWS key id]"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [secret]"),
        ('"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG"', '"SecretAccessKey": "[secret]"'),
        ("password: short", "password: [secret]"),
        ("?X-Amz-Signature=abc123&X-Amz-Date=1", "?X-Amz-Signature=[secret]&X-Amz-Date=1"),
        ("token IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3Qt", "token [session token]"),
        ("assumed-role/Admin/jane@example.com", "assumed-role/Admin/[e-mail address]"),
        ("https://user:password1@proxy.example/x", "https://[secret]@proxy.example/x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n+/=\n-----END RSA PRIVATE KEY-----\nrest", "[private key]\nrest"),
        ("account 111111111111 in us-east-1", "account 111111111111 in us-east-1"),
        ("detector 12abc34d567e8fa901bc2d34e56789f0", "detector 12abc34d567e8fa901bc2d34e56789f0"),
        ("Automation AKIAIOSFODNN7EXAMPLE", "Automation [AWS key id]"),
        ("[AWS key id 12] of [e-mail address 3]", "[AWS key id] of [e-mail address]"),
        # What would be taken for the value is written behind it.
        ("password:", "password:[secret]"),
        ("Flag Bearer", "Flag [authorization header]"),
    ],
)
def test_a_mark_takes_the_place_of_what_is_found_and_the_rest_stays(text: str, clean: str) -> None:
    assert masked(text) == clean


def test_data_is_masked_at_any_depth() -> None:
    assert masked_data({"a@example.com": [("AKIAIOSFODNN7EXAMPLE", 1, None, True)], "SecretAccessKey": "x"}) == {
        "[e-mail address]": [["[AWS key id]", 1, None, True]],
        "SecretAccessKey": "[secret]",
    }


def test_numbered_marks_tell_values_apart_and_become_plain_ones() -> None:
    mark = Numbered()
    text = masked(f"a@example.com {KEY_ID} b@example.com a@example.com", mark)
    assert text == "[e-mail address 1] [AWS key id 1] [e-mail address 2] [e-mail address 1]"
    assert masked(text) == "[e-mail address] [AWS key id] [e-mail address] [e-mail address]"


@given(NAMES)
def test_a_masked_text_has_no_finding_in_any_form(text: str) -> None:
    for clean in (masked(text), masked(text, Numbered()), written(text), brief(text)):
        for form, write in WRITERS.items():
            assert findings(write(clean)) == [], (form, clean)


@given(NAMES)
def test_masking_again_changes_nothing_whichever_came_first(text: str) -> None:
    clean = masked(text)
    assert masked(clean) == clean
    assert masked(masked(text, Numbered())) == clean, "coverage is recomputed from answers that were masked with numbers"


@pytest.mark.parametrize("rule", [each for each in RULES if each.name != "e-mail address"], ids=lambda rule: rule.name)
def test_no_finding_is_without_its_signs(rule: Rule) -> None:
    @settings(max_examples=40)
    @given(st.from_regex(rule.wider, alphabet=st.characters(max_codepoint=126)))
    def holds(text: str) -> None:
        assert rule in rules_near(text.lower())
        assert suspicious(text)

    holds()


AROUND = "\"'<>[]{} "
"""What ends a value in our files; the looser two of detect-secrets' patterns take it in."""
DETECTORS = (
    ("aws", "AWSKeyDetector", ""), ("private_key", "PrivateKeyDetector", ""), ("jwt", "JwtTokenDetector", ""),
    ("slack", "SlackDetector", ""), ("basic_auth", "BasicAuthDetector", AROUND), ("github_token", "GitHubTokenDetector", ""),
    ("gitlab_token", "GitLabTokenDetector", ""), ("npm", "NpmDetector", AROUND), ("pypi_token", "PypiTokenDetector", ""),
    ("stripe", "StripeDetector", ""), ("sendgrid", "SendGridDetector", ""),
)  # fmt: skip


@pytest.mark.parametrize(("module", "name", "around"), DETECTORS)
def test_what_detect_secrets_knows_is_found(module: str, name: str, around: str) -> None:
    """Its own patterns are no gate: three of them take quadratic time, and loading them costs every kernel a moment."""
    detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()
    printable = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=around)
    for pattern in detector.denylist:

        @settings(max_examples=40)
        @given(st.from_regex(pattern, fullmatch=True, alphabet=printable))
        def holds(text: str) -> None:
            assert findings(text), text

        holds()


BEGINNINGS = "a a@ a%40 a. a@b. a' AKIA IQoJb3 ://a: a: eyJ eyJa. eyJ- é a@b.c0 ?Signature password: aws_secret= xoxa-1 SG.a awskey"
UNITS = sorted(
    {
        *(sign for rule in RULES for sign in rule.near), *(f"{sign} " for rule in RULES for sign in rule.near), *MARKS,
        *(text for text, _ in FINDINGS), *BEGINNINGS.split(), '"a', '\\"a', "&amp;", "&#64;", "a&#64;b.cc ", "\\\\u0040",
        "AWS4-HMAC-SHA256 ", "BEGIN ", "-----BEGIN", "-----BEGIN PRIVATE KEY-----", "_authToken= ", "password:  ",
    }
)  # fmt: skip


def long(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def seconds(unit: str, length: int) -> float:
    text, began = long(unit, length), time.process_time()
    findings(text)
    masked(text)
    written(text)
    brief(text)
    LOGIN.search(text)
    Redactor(Pseudonyms(b"a key of the tests"), (), {}).text(text)
    return time.process_time() - began


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    assert seconds(unit, 20_000) < 5, "about 0.04 s; where it grew with the square, it took half a minute"


@pytest.mark.soak
@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_takes_seconds(unit: str) -> None:
    assert seconds(unit, 1_000_000) < 60
