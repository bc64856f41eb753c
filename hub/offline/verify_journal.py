"""Verify the journal of disclosures, or one person's proof, far from the hub: Python and ``cryptography``, nothing else.

    python verify_journal.py EXPORT.jsonl --key PUBLIC_KEY_HEX     a whole journal, as ``hub journal export`` writes it
    python verify_journal.py preuve.json  --key PUBLIC_KEY_HEX     a person's proof, as ``hub person access-report`` writes it

Exits 0 when everything holds, 1 when something does not (each fault on its own line), 2 when called wrongly.

The formats
-----------
An entry is sealed by ``sha256(previous_hash + json([position, at, partner, person, agreement, purpose, fields, message]))``:
``at`` is a Unix time with six decimals, as text; the JSON has no space and is UTF-8. The first entry follows 32 zero bytes.
A checkpoint signs (Ed25519) ``json([FORMAT, first, last, last_hash, root, previous_hash, at])``: hashes in hexadecimal, ``root``
the Merkle tree head (RFC 9162: leaves ``sha256(0x00 + entry_hash)``, nodes ``sha256(0x01 + left + right)``) of the seals of
entries ``first`` to ``last``. ``previous_hash`` is ``sha256(what was signed + its signature)`` of the checkpoint before.
A handover says that a key takes over from another; both sign ``json([HANDOVER, from, to, at])``, keys in hexadecimal. Whichever key
you trust, it leads to those before and after it; once a key has signed a checkpoint, those before it sign none.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = "hub-journal-checkpoint-1"
HANDOVER = "hub-journal-handover-1"
GENESIS = bytes(32)
FIELDS = ("position", "at", "partner", "person", "agreement", "purpose", "fields", "message")
LEAF, NODE = b"\x00", b"\x01"


def compact(value: Any) -> bytes:
    """The one JSON text of a value: no space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def seal(entry: dict[str, Any]) -> bytes:
    """The hash an entry should carry."""
    return sha256(bytes.fromhex(entry["previous_hash"]) + compact([entry[name] for name in FIELDS])).digest()


def signed_part(checkpoint: dict[str, Any]) -> bytes:
    """What the signature of a checkpoint is of."""
    names = ("first_position", "last_position", "last_hash", "root", "previous_hash", "at")
    return compact([FORMAT, *(checkpoint[name] for name in names)])


def hash_of(checkpoint: dict[str, Any]) -> bytes:
    """What the next checkpoint calls this one."""
    return sha256(signed_part(checkpoint) + bytes.fromhex(checkpoint["signature"])).digest()


class Tree:
    """A Merkle tree head, computed as leaves come, in memory that grows with their logarithm."""

    def __init__(self) -> None:
        self._heads: list[tuple[int, bytes]] = []

    def add(self, entry_hash: bytes) -> None:
        """One more leaf."""
        size, head = 1, sha256(LEAF + entry_hash).digest()
        while self._heads and self._heads[-1][0] == size:
            head = sha256(NODE + self._heads.pop()[1] + head).digest()
            size *= 2
        self._heads.append((size, head))

    def root(self) -> bytes:
        """The head of the leaves so far; there must be one."""
        head = self._heads[-1][1]
        for _, left in reversed(self._heads[:-1]):
            head = sha256(NODE + left + head).digest()
        return head


def root_by_path(entry_hash: bytes, path: Iterable[list[str]]) -> bytes:
    """The head a leaf leads to; each step says on which side its neighbour stands."""
    head = sha256(LEAF + entry_hash).digest()
    for side, neighbour in path:
        other = bytes.fromhex(neighbour)
        head = sha256(NODE + (other + head if side == "left" else head + other)).digest()
    return head


def signature_fault(checkpoint: dict[str, Any], key: Ed25519PublicKey) -> str | None:
    """What is wrong with the signature of a checkpoint."""
    try:
        key.verify(bytes.fromhex(checkpoint["signature"]), signed_part(checkpoint))
    except InvalidSignature:
        return f"point de contrôle {checkpoint['last_position']} : la signature ne tient pas"
    return None


def handed_over(handover: dict[str, Any]) -> bytes:
    """What both keys of a handover sign."""
    return compact([HANDOVER, handover["from"], handover["to"], handover["at"]])


def is_handover(handover: dict[str, Any]) -> bool:
    """Whether both keys signed it."""
    for name in ("from", "to"):
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(handover[name]))
        try:
            key.verify(bytes.fromhex(handover[f"signature_{name}"]), handed_over(handover))
        except InvalidSignature:
            return False
    return True


class Keys:
    """The keys a journal may be signed with, in the order they took over: the one you trust, and those handovers lead to."""

    def __init__(self, trusted: bytes, handovers: Iterable[dict[str, Any]] = ()) -> None:
        held = [each for each in handovers if is_handover(each)]
        after = {each["from"]: each["to"] for each in held}
        before = {each["to"]: each["from"] for each in held}
        self.order = [trusted.hex()]
        while (found := before.get(self.order[0])) and found not in self.order:
            self.order.insert(0, found)
        while (found := after.get(self.order[-1])) and found not in self.order:
            self.order.append(found)
        self._trusted, self._reached = trusted.hex(), 0

    def fault(self, checkpoint: dict[str, Any]) -> str | None:
        """What is wrong with who signed a checkpoint; they are asked about in order."""
        signer = checkpoint["public_key"] if checkpoint["public_key"] in self.order else self._trusted
        if fault := signature_fault(checkpoint, Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))):
            return fault
        place = self.order.index(signer)
        if place < self._reached:
            return f"point de contrôle {checkpoint['last_position']} : signé d'une clé qui avait été remplacée"
        self._reached = place
        return None


def faults_of_journal(lines: Iterable[dict[str, Any]], keys: Keys) -> Iterator[str]:
    """Every fault of an exported journal: entries in order, each checkpoint after the last entry it covers."""
    expected, previous, tree, before = 1, GENESIS, Tree(), GENESIS
    covered = 0
    for line in lines:
        if line["kind"] == "handover":
            continue
        if line["kind"] == "entry":
            if line["position"] != expected:
                yield f"entrée {expected} : absente, ou déplacée"
            if bytes.fromhex(line["previous_hash"]) != previous:
                yield f"entrée {line['position']} : ne suit pas celle qui la précède"
            if seal(line) != bytes.fromhex(line["entry_hash"]):
                yield f"entrée {line['position']} : modifiée"
            previous = bytes.fromhex(line["entry_hash"])
            expected = line["position"] + 1
            tree.add(previous)
        else:
            yield from faults_of_checkpoint(line, keys, tree=tree, previous=previous, before=before)
            if (line["first_position"], line["last_position"]) != (covered + 1, expected - 1):
                yield f"point de contrôle {line['last_position']} : ne couvre pas les entrées qui le précèdent"
            before, tree, covered = hash_of(line), Tree(), line["last_position"]


def faults_of_checkpoint(
    line: dict[str, Any], keys: Keys, *, tree: Tree, previous: bytes, before: bytes
) -> Iterator[str]:
    """What does not hold of a checkpoint, given the entries read since the one before."""
    where = f"point de contrôle {line['last_position']}"
    if fault := keys.fault(line):
        yield fault
    if bytes.fromhex(line["previous_hash"]) != before:
        yield f"{where} : ne suit pas le point de contrôle précédent"
    if bytes.fromhex(line["last_hash"]) != previous or bytes.fromhex(line["root"]) != tree.root():
        yield f"{where} : les entrées {line['first_position']} à {line['last_position']} ne sont pas celles qui ont été signées"


def faults_of_proof(proof: dict[str, Any], keys: Keys) -> Iterator[str]:
    """Every fault of a person's proof: each entry is whole, about that person, and under a signed checkpoint."""
    checkpoints = {each["last_position"]: each for each in proof["checkpoints"]}
    for _, each in sorted(checkpoints.items()):
        if fault := keys.fault(each):
            yield fault
    for entry in proof["entries"]:
        where = f"entrée {entry['position']}"
        if entry["person"] not in proof["persons"]:
            yield f"{where} : ne parle pas de cette personne"
        if seal(entry) != bytes.fromhex(entry["entry_hash"]):
            yield f"{where} : modifiée"
        checkpoint = checkpoints.get(entry["checkpoint"])
        if checkpoint is None:
            yield f"{where} : sous aucun point de contrôle signé"
        elif root_by_path(bytes.fromhex(entry["entry_hash"]), entry["path"]) != bytes.fromhex(checkpoint["root"]):
            yield f"{where} : n'est pas sous le point de contrôle {entry['checkpoint']}"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of an export, one at a time."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def main(arguments: list[str] | None = None) -> int:
    """Verify the file named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verify a journal of disclosures, or a person's proof.")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--key", required=True, help="a public key of the hub, 64 hexadecimal digits, from a place you trust"
    )
    given = parser.parse_args(arguments)
    try:
        trusted = bytes.fromhex(given.key)
        Ed25519PublicKey.from_public_bytes(trusted)
    except ValueError:
        parser.error("--key: 64 hexadecimal digits are expected")
    try:
        if given.file.suffix == ".json":
            proof = json.loads(given.file.read_text(encoding="utf-8"))
            keys = Keys(trusted, proof.get("handovers", ()))
            count, faults = len(proof["entries"]), list(faults_of_proof(proof, keys))
        else:
            keys = Keys(trusted, (line for line in read_lines(given.file) if line["kind"] == "handover"))
            faults = list(faults_of_journal(read_lines(given.file), keys))
            count = sum(line["kind"] == "entry" for line in read_lines(given.file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{given.file.name}: unreadable ({type(error).__name__})\n")
        return 1
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{count} entries, {len(faults)} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
