"""What may not be written down: e-mail addresses and credentials. The one table of how they look, for finding and for masking.

What comes from AWS or from people is masked where it enters (`masked`), so that an account named like an access key costs no
file; whatever is about to be sealed is searched all the same (`findings`), and a file with a finding is withheld as the last
resort. The two agree, which tests hold: a masked text has no finding, in none of the forms in which our files write it. Every
rule takes linear time on any text: a repeated class is bounded, or begins only where the character before is none of it.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.base.text import markdown_safe, spreadsheet_safe, visible

_OTHER = (
    "\u00aa\u00ad\u00b5\u00ba\u00c0-\u1fff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2c00-\u2fff\u3005-\u3007\u3040-\ud7ff"
    "\uf900-\ufdff\ufe20-\ufe2f\ufe70-\ufeff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc\U00010000-\U000effff"
)
"""Letters, marks and signs of other scripts, and characters that nobody sees; no punctuation."""
_LOCAL, _HOST, _LETTER = f"[A-Za-z0-9.!#$%*+^_~{_OTHER}-]", f"[A-Za-z0-9{_OTHER}-]", f"[A-Za-z{_OTHER}]"
_AT, _DOT = "(?:[@\uff20\ufe6b]|%(?:25)*40)", "[.\u3002\uff0e\uff61]"
_QUOTED = r'\\?"(?=[^"]{0,62}\w)[^"\\\r\n,:=<>]{1,64}\\?"'
_BEFORE = rf"(?:(?<!{_LOCAL})(?:{_LOCAL}{{1,64}}['&]){{0,2}}{_LOCAL}+|{_QUOTED}){_AT}"
LOGIN = re.compile(rf"{_BEFORE}{_HOST}+(?:{_DOT}{_HOST}+)*")
"""An e-mail address, or a sign-in name of its form at a domain without a dot: where a text names a person."""
ADDRESS = re.compile(rf"{_BEFORE}{_HOST}+(?:{_DOT}{_HOST}+)*{_DOT}{_LETTER}{{2}}{_HOST}*")
"""An e-mail address anywhere: its domain ends in letters, so that boto3@1.44.5 is none."""

SIGNS = ("@", "\uff20", "\ufe6b", "%40", "%2540", "%252540")
_ROUNDS = 16
_LONG = 4096


@dataclass(frozen=True)
class Rule:
    """One kind of what may not be written down.

    `near`: texts in lower case, one of which is in every text that the rule finds something in. `mark`: what is written instead.
    `wider`: what masking takes out, where that is more than what is a finding. The group `label`, where there is one, stays.
    """

    name: str
    near: tuple[str, ...]
    mark: str
    pattern: re.Pattern[str]
    wider: re.Pattern[str]


def _rule(name: str, near: tuple[str, ...], mark: str, pattern: str, wider: str = "") -> Rule:
    return Rule(name, near, mark, re.compile(pattern), re.compile(wider or pattern))


_LABELLING = (
    r"(?P<label>(?ai:secret[_ ]?access[_ ]?key|session[_ ]?token|security[_ ]?token|aws_secret\w{0,40}|password)(?:\\{0,4}[\"'])?+"
    r"\s{0,20}+[:=]\s{0,20}+(?:\\{0,4}[\"'])?+)"
)
_VALUE = r"(?:[^\s\"',;}{\]\[<\\]|\\(?![\"']))"
RULES = (
    # https://name:password@host (RFC 3986, userinfo)
    _rule(
        "Basic Auth Credentials", ("://",), "secret",
        r"(?P<label>://)[^\s:@{}\"'<>\[\]]{0,128}:[^\s@{}\"'<>\[\]]{1,256}(?=@)",
        r"(?P<label>://)[^\s:@{}\"'<>]{0,128}:[^\s@{}\"'<>]{1,256}(?=@)",
    ),
    _rule("e-mail address", SIGNS, "e-mail address", ADDRESS.pattern),
    # Prefixes of unique ids: IAM User Guide, "IAM identifiers".
    _rule(
        "AWS access key id", ("akia", "asia", "abia", "acca", "a3t"), "AWS key id",
        r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}",
    ),
    _rule(
        "AWS session token", ("iqojb3", "fwogzx", "fqogzx"), "session token",
        r"(?:IQoJb3|FwoGZX|FQoGZX)[A-Za-z0-9+/=_%-]{20,}",
    ),
    # Query parameters of Signature Version 4, and of version 2.
    _rule(
        "presigned address", ("x-amz-", "signature"), "secret",
        r"(?P<label>(?ai:X-Amz-(?:Security-Token|Signature|Credential)|[?&](?:amp;)?Signature)(?:=|%3[Dd]))[^&\s\"'<>\[\]]{8,}",
        r"(?P<label>(?ai:X-Amz-(?:Security-Token|Signature|Credential)|[?&](?:amp;)?Signature)(?:=|%3[Dd]))[^&\s\"'<>\[\]]+",
    ),
    _rule(
        "labelled secret", ("secret", "token", "password"), "secret",
        _LABELLING + _VALUE + "{8,}",
        # An empty end counts too: what is written behind the text would be taken for the value.
        rf"{_LABELLING}(?:{_VALUE}+|\Z)",
    ),
    _rule(
        "AWS secret access key", ("aws",), "secret",
        r"(?P<label>(?ai:aws.{0,20}?(?:key|pw|pass|token).{0,20}?)\\{0,4}[\"'])[0-9A-Za-z/+]{40}(?=\\{0,4}[\"'])",
    ),
    _rule(
        "authorization header", ("bearer", "aws4-hmac-sha256"), "authorization header",
        r"(?ai:bearer\s{1,20}[A-Za-z0-9._~+/-]{20,}=*|AWS4-HMAC-SHA256\s{1,20}Credential=)",
        r"(?ai:bearer(?:\s{1,20}[A-Za-z0-9._~+/-]{20,}=*|\s*\Z)|AWS4-HMAC-SHA256\s{1,20}Credential=[^\s,\"'<>\[\]]*)",
    ),
    # RFC 7468, PGP and PuTTY.
    _rule(
        "Private Key", ("private key", "putty-user-key-file"), "private key",
        r"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|PuTTY-User-Key-File-[0-9]",
        r"(?:-----)?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?(?:-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z0-9 ]{0,50}-----)?)?"
        r"|PuTTY-User-Key-File-[0-9]",
    ),
    _rule(
        "JSON Web Token", ("eyj",), "token",
        r"eyJ[A-Za-z0-9_=-]{1,500}+\.[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_.+/=-]*)?",
    ),
    _rule(
        "GitHub Token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), "token",
        r"(?:gh[pousr]_\w{36,}|github_pat_\w{30,})",
    ),
    _rule(
        "GitLab Token", ("gl", "gr1348941"), "token",
        r"(?:gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas|ffct)-|GR1348941)[A-Za-z0-9_-]{20,}",
    ),
    _rule(
        "Slack Token", ("xox", "hooks.slack.com"), "token",
        r"(?ai:xox[a-z](?:-[0-9]+)+-[a-z0-9]+|hooks\.slack\.com/services/T\w{1,40}/B\w{1,40}/\w+)",
    ),
    _rule(
        "NPM token", ("npm_", "_authtoken"), "token",
        r"(?P<label>_authToken=\s{0,20})(?:npm_[^\s\"'<>\[\]]+|[A-Fa-f0-9-]{36})|npm_[A-Za-z0-9]{30,}",
    ),
    _rule("PyPI Token", ("pypi-ag",), "token", r"pypi-Ag[A-Za-z0-9_-]{70,}"),
    _rule("Stripe Access Key", ("k_live_",), "token", r"[rs]k_live_[0-9A-Za-z]{24,}"),
    _rule("SendGrid API Key", ("sg.",), "token", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
)  # fmt: skip
"""How credentials look of which one can tell: AWS's, and the tokens of services that stand beside a cloud account."""

_SIGNED = tuple((sign, rule) for rule in RULES for sign in rule.near)
_NEAR = tuple(dict.fromkeys(sign for rule in RULES for sign in rule.near))
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_LABELLED = re.compile(r"(?i)secret_?access_?key|session_?token|security_?token|password|^aws_secret")
_NUMBERED = re.compile(rf"\[({'|'.join(sorted({re.escape(rule.mark) for rule in RULES}))}) [0-9]+\]")

Mark = Callable[[Rule, str], str]
"""What is written instead of a value that a rule found."""


def plain(rule: Rule, value: str) -> str:
    """The same mark for every value of a kind."""
    return f"[{rule.mark}]"


def findings(text: str, held: Iterable[str] = ()) -> list[tuple[int, str]]:
    """(line, rule) of everything in a text that may not be kept, in order. `held`: credentials to be looked for as they are."""
    found = set[tuple[int, str]]()
    literal = [("a credential that this process holds", re.compile(re.escape(value))) for value in held]
    for form in _forms(text):
        lowered = form.lower()
        patterns = [(rule.name, rule.pattern) for rule in rules_near(lowered)]
        for name, pattern in (*patterns, *literal):
            line, counted = 1, 0
            for match in pattern.finditer(form):
                line += form.count("\n", counted, match.start())
                counted = match.start()
                found.add((line, name))
    return sorted(found)


def masked(text: str, mark: Mark = plain) -> str:
    """The text with a mark for everything that may not be written down.

    What shows only once the text is unescaped, or escaped, is masked too; the text then stays in that form. The numbered marks
    of `Numbered` become plain ones, so that a name comes out the same whether it was masked before or not.
    """
    if mark is plain and "[" in text:
        text = _NUMBERED.sub(r"[\1]", text)
    if not suspicious(text):
        return text
    for _ in range(_ROUNDS):
        before, text = text, _substituted(text, mark)
        if text != before:
            continue  # a mark has ends of its own, at which another rule may begin to hold
        exposed = _exposed(text)
        if exposed is None:
            return text
        text = exposed
    return "[secret]"


def masked_data(value: Any, mark: Mark = plain) -> Any:
    """The same for every text inside JSON-like data, keys included; what JSON does not know becomes text.

    Of a value under a key that names a secret nothing is left.
    """
    if isinstance(value, str):
        return masked(value, mark)
    if isinstance(value, Mapping):
        return {
            masked(str(key), mark): "[secret]" if _LABELLED.search(str(key)) else masked_data(item, mark)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [masked_data(item, mark) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    return value if value is None or isinstance(value, bool | int | float) else masked(str(value), mark)


def suspicious(text: str) -> bool:
    """Whether a text may hold something that is masked: False is certain, and quickly known."""
    lowered = text.lower()
    return any(sign in lowered for sign in _NEAR) or "&" in text or "\\u" in text


class Numbered:
    """A mark that tells values apart: the same value has the same number, so that comparisons come out as they did."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def __call__(self, rule: Rule, value: str) -> str:
        if (rule.mark, value) not in self._marks:
            self._counts[rule.mark] += 1
            self._marks[rule.mark, value] = f"[{rule.mark} {self._counts[rule.mark]}]"
        return self._marks[rule.mark, value]


def _substituted(text: str, mark: Mark) -> str:
    lowered = text.lower()
    for rule in rules_near(lowered):
        text = rule.wider.sub(partial(_instead, rule, mark), text)
    return text


def rules_near(lowered: str) -> list[Rule]:
    """The rules that may find something in a text, in their order."""
    return list({rule.name: rule for sign, rule in _SIGNED if sign in lowered}.values())


def _instead(rule: Rule, mark: Mark, match: re.Match[str]) -> str:
    label = match.groupdict().get("label") or ""
    return label + mark(rule, match.group(0)[len(label) :])


def _exposed(text: str) -> str | None:
    """The form of a masked text that holds what is to be masked: unescaped, or escaped as one of our files has it."""
    unescaped = next((form for form in _forms(text) if _holds_any(form, wider=True)), None)
    return unescaped if unescaped is not None else next((form for form in _escaped(text) if _holds_any(form, wider=False)), None)


def _holds_any(form: str, *, wider: bool) -> bool:
    lowered = form.lower()
    return any((rule.wider if wider else rule.pattern).search(form) for rule in rules_near(lowered))


def _forms(text: str) -> Iterator[str]:
    """A text as it stands, and as HTML and JSON would show it."""
    yield text
    if "&" in text and (shown := html.unescape(text)) != text:
        yield shown
    if "\\u" in text:
        yield _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)


def _escaped(text: str) -> Iterator[str]:
    """A text in all forms in which our files may write it; none of a long one, which is not a name."""
    if len(text) > _LONG:
        return
    for escape in (visible, html.escape, json.dumps, repr, markdown_safe, spreadsheet_safe):
        yield from _forms(escape(text))
