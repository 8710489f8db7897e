"""Signed notes and checkpoints: what is accepted is exactly what was signed."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gongzhi.audit.merkle import EMPTY_ROOT
from gongzhi.audit.notes import Checkpoint, PublicKey, open_checkpoint
from gongzhi.errors import AuditBroken, InvalidInput


@pytest.fixture
def checkpoint(public_key: PublicKey) -> Checkpoint:
    return Checkpoint(origin=public_key.name, size=20_852_163, root=EMPTY_ROOT)


def test_a_public_key_reads_back_in_the_form_that_go_writes() -> None:
    """The verifier key that the documentation of Go's note package gives."""
    key = PublicKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert key.id.hex() == "c74f20a3"
    assert str(key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_signed_checkpoint_opens_with_its_key(
    checkpoint: Checkpoint, signing_key: Ed25519PrivateKey, public_key: PublicKey
) -> None:
    """Three lines, a blank one, one signature line."""
    note = checkpoint.sign(signing_key)
    assert checkpoint == open_checkpoint(note.encode(), public_key)
    assert note.splitlines()[:4] == [
        "gongzhi.test/audit",
        "20852163",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "",
    ]


def test_every_flipped_bit_of_a_checkpoint_is_caught(
    checkpoint: Checkpoint, signing_key: Ed25519PrivateKey, public_key: PublicKey
) -> None:
    """Even the bits of base64 that carry nothing, which a lenient reader passes over."""
    note = checkpoint.sign(signing_key).encode()
    for bit in range(len(note) * 8):
        flipped = bytearray(note)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AuditBroken):
            open_checkpoint(bytes(flipped), public_key)


def test_signatures_of_others_are_passed_over(
    checkpoint: Checkpoint, signing_key: Ed25519PrivateKey, public_key: PublicKey
) -> None:
    """A witness may add its line; alone it proves nothing to us."""
    witness = Ed25519PrivateKey.generate()
    key = PublicKey.of("witness.example/w1", witness)
    line = base64.b64encode(key.id + witness.sign(checkpoint.text.encode())).decode()
    note = checkpoint.sign(signing_key) + f"— witness.example/w1 {line}\n"
    assert checkpoint == open_checkpoint(note.encode(), public_key)
    with pytest.raises(AuditBroken):
        open_checkpoint(f"{checkpoint.text}\n— witness.example/w1 {line}\n".encode(), public_key)


@pytest.mark.parametrize(
    "text",
    [
        "gongzhi.test/audit\n007\n{root}\n",
        "gongzhi.test/audit\n-1\n{root}\n",
        "gongzhi.test/audit\n7\n",
        "gongzhi.test/audit\n7\nAAAA\n",
        "gongzhi.test/other\n7\n{root}\n",
        "gongzhi.test/audit\n7\n{root}\n\nmore\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(
    text: str, signing_key: Ed25519PrivateKey, public_key: PublicKey
) -> None:
    """A signature makes a text genuine, not a checkpoint."""
    body = text.format(root=base64.b64encode(EMPTY_ROOT).decode())
    line = base64.b64encode(public_key.id + signing_key.sign(body.encode())).decode()
    with pytest.raises(AuditBroken):
        open_checkpoint(f"{body}\n— {public_key.name} {line}\n".encode(), public_key)


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "a+00000000+AQ==", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"],
)
def test_a_public_key_that_is_not_one_is_refused(text: str) -> None:
    """Its id must be that of its bytes."""
    with pytest.raises(InvalidInput):
        PublicKey.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u00a0b", "a\nb", "a\x00b"])
def test_a_log_s_name_has_no_blanks_and_no_plus(name: str) -> None:
    """Such a name could not be told from the rest of a signature line."""
    with pytest.raises(InvalidInput):
        PublicKey(name=name, raw=bytes(32))
