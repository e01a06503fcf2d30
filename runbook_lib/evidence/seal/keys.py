"""Keys that sign evidence: made here on first use for rehearsals and for people, held by AWS KMS for live runs.

The folder of keys is beside the run folders, never inside one. A private key is a file only its owner reads. Every public key
that has signed is pinned beside it, by mode, so that a rehearsal's key never passes for a live one.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key

from runbook_lib.base.documents import short
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import sync_folder, write_text
from runbook_lib.base.own_files import KIB, FileBroken, data_of
from runbook_lib.base.owner_only import private_folder
from runbook_lib.evidence.signatures import CryptoSigner, Key, SSlibKey

LARGEST = 64 * KIB
"""Bytes of a key's file."""


class KeyProblem(RunbookError):
    """A key cannot be read, or others may read it; the message names the file and what to do."""


def local_signer(folder: Path, name: str) -> CryptoSigner:
    """The signer of the P-256 key `name` in a folder of keys; the key is made when there is none. Raises KeyProblem."""
    path = folder / f"{name}.pem"
    if not path.exists():
        _make(path)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyProblem(f"{path}: others may read this private key; take their rights away (chmod 600) or make a new key")
        return CryptoSigner(load_pem_private_key(data_of(path, LARGEST), password=None))
    except ValueError:
        raise KeyProblem(
            f"{path}: cannot be read as a private key: it is not in PEM, from -----BEGIN PRIVATE KEY----- on"
        ) from None
    except (OSError, FileBroken, TypeError, UnsupportedAlgorithm) as error:
        raise KeyProblem(f"{path}: cannot be read as a private key: {short(str(error), 200)}") from None


def _make(path: Path) -> None:
    """Write a new private key, whole and for its owner only; when two processes make it at once, one key remains."""
    private_folder(path.parent)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(CryptoSigner.generate_ecdsa().private_bytes)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()
    sync_folder(path.parent)


def pem(key: Key) -> str:
    """A public key as openssl reads it."""
    said = str(key.keyval["public"])
    if key.keytype != "ed25519":
        return said
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(said))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def der_digest(text: str) -> str:
    """SHA-256 (hex) of a public key in PEM, as of `openssl pkey -pubin -outform DER`. Raises KeyProblem."""
    key = _loaded(text)
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_key(text: str) -> Key:
    """A public key from PEM. Raises KeyProblem."""
    try:
        return SSlibKey.from_crypto(_loaded(text))
    except ValueError as error:
        raise KeyProblem(f"no public key of a kind that signs here: {short(str(error), 200)}") from None


def _loaded(text: str) -> PublicKeyTypes:
    """What a text in PEM holds; the library's own words name neither the form nor the way to it."""
    try:
        return load_pem_public_key(text.encode())
    except UnsupportedAlgorithm as error:
        raise KeyProblem(f"no public key of a kind that is known here: {short(str(error), 200)}") from None
    except ValueError:
        raise KeyProblem("no public key in PEM, from -----BEGIN PUBLIC KEY----- on, as `openssl pkey -pubout` writes it") from None


def read_key(path: Path) -> Key:
    """A public key from a file. Raises KeyProblem that names the file."""
    try:
        return public_key(data_of(path, LARGEST).decode())
    except (KeyProblem, FileBroken, FileNotFoundError, UnicodeDecodeError) as error:
        raise KeyProblem(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None


def pin(folder: Path, mode: str, key: Key) -> None:
    """Keep the first public key of a mode beside the runs, so that they verify without the signer.

    Another one is not pinned by itself, or it would be enough to have any key. Raises KeyProblem saying how to accept it.
    """
    private_folder(folder)
    path = folder / f"{mode}-{key.keyid[:16]}.pub.pem"
    if path.exists():
        return
    # Another process may pin this very key at this moment: only other keys count.
    if any(each != path for each in folder.glob(f"{mode}-*.pub.pem")):
        offered = path.with_name(f"{path.name}.offered")
        write_text(offered, pem(key))
        raise KeyProblem(
            f"{offered}: is another key than the pinned one; if the key for {mode} was changed on purpose, "
            f"rename this file to {path.name}"
        )
    write_text(path, pem(key))


def pinned(folder: Path, mode: str, broken: dict[str, str] | None = None) -> tuple[Key, ...]:
    """The pinned public keys of one mode. `broken` takes the names of those that cannot be read, else KeyProblem is raised."""
    found = []
    for path in sorted(folder.glob(f"{mode}-*.pub.pem")):
        try:
            found.append(read_key(path))
        except KeyProblem as problem:
            if broken is None:
                raise
            broken[path.name] = str(problem).removeprefix(f"{path}: ")
    return tuple(found)
