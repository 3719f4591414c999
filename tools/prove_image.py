"""Does in a bare Debian folder what the Dockerfile says, and serves from it: no Docker is needed.

    python tools/prove_image.py /tmp/image models/

Debian comes by debootstrap, with its own Python in the place of the base image's. The steps are
read from the Dockerfile: each stage is a copy of its base, and each RUN a command in a chroot. What
comes out is started as the image would be: read-only, as nobody's user, without any network but its
own loopback, with tokens as a secret and /data to write to. Root is needed, and the programs
debootstrap, unshare and ip.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

SUITE = "bookworm"
"""Debian's release of the Dockerfile's base images."""

MIRROR = "http://deb.debian.org/debian"

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Of this machine: a proxy may have certificates of its own. They are lent to each RUN."""

SECONDS = 120
"""That the service has to become healthy."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

TOKEN = "a-token-of-the-proof"  # noqa: S105 -- the service lives for seconds, without a network

PLACES = ("", "/opt/labelmend", "/models", "/var/lib/labelmend", "/usr/local/bin", "/data")
"""In which something is tried to be written; it may be in the last one alone."""

COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "make", "ld", "pip", "pip3")


class NotProvenError(Exception):
    """The image would not do what is promised."""


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile as far as it was executed.

    Attributes:
        root: its files.
        environment: of RUN and of the service.
        arguments: build arguments that it declared.
        folder: WORKDIR.
        user: USER; "" for root.
        settings: ENTRYPOINT, CMD, HEALTHCHECK and STOPSIGNAL.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH})
    arguments: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def expand(self, text: str, more: Mapping[str, str] | None = None) -> str:
        """Put values in the place of $NAME and ${NAME}, as the builder does."""
        known = {**(more or {}), **self.arguments, **self.environment}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), text)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the Dockerfile's instructions: a word, and what follows it, lines joined."""
    joined = re.sub(r"\\\n(?:\s*#.*\n)*", "", text)
    for line in joined.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def build(text: str, folder: Path, context: Path, given: Mapping[str, str]) -> Stage:
    """Execute a Dockerfile, and return its last stage.

    Args:
        text: of the Dockerfile.
        folder: for the stages; `base` in it is the base image.
        context: folder that COPY copies from.
        given: build arguments.
    """
    stages: dict[str, Stage] = {}
    outside: dict[str, str] = {}
    stage: Stage | None = None
    for word, rest in instructions(text):
        print(f"{word} {rest}"[:110], flush=True)
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            base = stages.get(image, Stage(folder / "base"))
            stage = replace(base, root=folder / name)
            copy(base.root, stage.root)
            # What was declared before is not known in a stage until it is declared again.
            stage = replace(stage, arguments={} if image not in stages else base.arguments)
        elif word == "ARG":
            name, _, default = rest.partition("=")
            value = given.get(name, default or outside.get(name, ""))
            if stage is None:
                outside[name] = value
            else:
                stage = replace(stage, arguments={**stage.arguments, name: value})
        elif stage is None:
            raise NotProvenError(f"{word} before the first FROM")
        else:
            stage = execute(stage, word, rest, stages, context)
        if stage is not None:
            stages[stage.root.name] = stage
    if stage is None:
        raise NotProvenError("no stage at all")
    return stage


def execute(
    stage: Stage, word: str, rest: str, stages: Mapping[str, Stage], context: Path
) -> Stage:
    """Execute an instruction, and return the stage after it."""
    if word == "ENV":
        pairs = dict(pair.split("=", 1) for pair in shlex.split(stage.expand(rest)))
        return replace(stage, environment={**stage.environment, **pairs})
    if word == "WORKDIR":
        place = stage.root / rest.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        return replace(stage, folder=rest)
    if word == "USER":
        return replace(stage, user=rest)
    if word == "COPY":
        *sources, target = shlex.split(stage.expand(rest))
        origin = context
        if sources[0].startswith("--from="):
            origin = stages[sources.pop(0).removeprefix("--from=")].root
        copy_into(origin, sources, inside(stage, target), is_folder=target.endswith("/"))
    elif word == "RUN":
        run(stage, rest)
    elif word in {"ENTRYPOINT", "CMD", "HEALTHCHECK", "STOPSIGNAL"}:
        return replace(stage, settings={**stage.settings, word: rest})
    elif word == "VOLUME":
        inside(stage, rest).mkdir(parents=True, exist_ok=True)
    elif word != "EXPOSE":
        raise NotProvenError(f"{word}: this script knows no such instruction")
    return stage


def inside(stage: Stage, target: str) -> Path:
    """Return the place of a path in a stage's root."""
    return stage.root / os.path.join(stage.folder, target).lstrip("/")  # noqa: PTH118 -- . and ..


def copy(source: Path, target: Path) -> None:
    """Copy a whole root with owners, times and links."""
    subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)


def copy_into(origin: Path, sources: Sequence[str], target: Path, *, is_folder: bool) -> None:
    """Copy as COPY does: a folder's content, or files into a folder."""
    for name in sources:
        source = origin / name.lstrip("/")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "--archive", f"{source}/.", target], check=True)
            subprocess.run(["chown", "--recursive", "0:0", target], check=True)
        else:
            place = target / source.name if is_folder or target.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def run(stage: Stage, command: str) -> None:
    """Run a command in a chroot, with this machine's network, names and certificates."""
    lent = f"{stage.root}/etc/resolv.conf {stage.root}{CERTIFICATES}".split()
    script = [f"mount -t proc proc {stage.root}/proc", f"mount --rbind /dev {stage.root}/dev"]
    for path in lent:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
        host = path.removeprefix(str(stage.root))
        script.append(f"mount --bind {shlex.quote(host)} {shlex.quote(path)}")
    script.append('exec chroot "$1" /bin/sh -c "cd $2 && $3"')
    environment = {
        **{name: str(CERTIFICATES) for name in ("PIP_CERT", "SSL_CERT_FILE")},
        **{k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")},
        "HOME": "/root",
        "DEBIAN_FRONTEND": "noninteractive",
        **stage.arguments,
        **stage.environment,
    }
    ran = subprocess.run(
        [
            *("unshare", "--mount", "--pid", "--fork", "sh", "-ec", "\n".join(script)),
            *("sh", str(stage.root), stage.folder, command),
        ],
        env=environment,
        check=False,
    )
    if ran.returncode:
        raise NotProvenError(f"RUN ended with {ran.returncode}: {command[:200]}")


def debian(folder: Path) -> None:
    """Make what stands for the base image: Debian and its Python."""
    subprocess.run(
        [
            *("debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates"),
            *(SUITE, folder, MIRROR),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def serve(stage: Stage) -> dict[str, object]:
    """Start what was built, alone in its namespaces, and ask it."""
    with tempfile.TemporaryDirectory() as place:
        secret = Path(place) / "tokens"
        secret.write_text(f"{TOKEN}\n")
        secret.chmod(0o444)
        told = Path(place) / "told.json"
        facts = {
            "root": str(stage.root),
            "environment": dict(stage.environment),
            "user": stage.user,
            "command": [
                *json.loads(stage.settings["ENTRYPOINT"]),
                *json.loads(stage.settings["CMD"]),
            ],
            "check": json.loads(stage.settings["HEALTHCHECK"].partition("CMD ")[2]),
            "secret": str(secret),
            "told": str(told),
        }
        ran = subprocess.run(
            [
                *("unshare", "--mount", "--net", "--pid", "--fork", "--ipc", "--uts"),
                *(sys.executable, __file__, "--inside", json.dumps(facts)),
            ],
            check=False,
        )
        if ran.returncode or not told.exists():
            raise NotProvenError("the service did not do what is promised; see above")
        found: dict[str, object] = json.loads(told.read_text())
        return found


def alone(facts: Mapping[str, Any]) -> None:
    """In namespaces of its own: mount the root read-only, start the service, ask and stop it."""
    root = Path(str(facts["root"]))
    mounts: list[Sequence[str | Path]] = [
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", root, root],
        ["mount", "-t", "proc", "proc", root / "proc"],
        ["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / "tmp"],
        ["mount", "-t", "tmpfs", "-o", "uid=10001,gid=10001", "tmpfs", root / "data"],
        ["mount", "-t", "tmpfs", "tmpfs", root / "run"],
        ["mkdir", root / "run/secrets"],
        ["cp", "--preserve=mode", str(facts["secret"]), root / "run/secrets/labelmend_tokens"],
        ["mount", "--rbind", "/dev", root / "dev"],
        ["mount", "-o", "remount,bind,ro", root],
        ["ip", "link", "set", "lo", "up"],
    ]
    for mount in mounts:
        subprocess.run([str(part) for part in mount], check=True)
    environment: dict[str, str] = facts["environment"]

    def chrooted(words: Sequence[str]) -> list[str]:
        return ["chroot", f"--userspec={facts['user']}", str(root), *words]

    def ask(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            chrooted(words), env=environment, check=False, capture_output=True, text=True
        )

    began = time.monotonic()
    service = subprocess.Popen(chrooted(facts["command"]), env=environment)
    try:
        while ask(facts["check"]).returncode:
            if service.poll() is not None or time.monotonic() - began > SECONDS:
                raise NotProvenError(f"not healthy: {ask(facts['check']).stderr[-500:]}")
            time.sleep(0.5)
        ready = time.monotonic() - began
        answer = ask(["python", "-c", QUESTION, TOKEN])
        if answer.returncode:
            raise NotProvenError(f"asked, it says: {answer.stderr[-800:]}")
        tools = [
            name for name in COMPILERS if not ask(["sh", "-c", f"command -v {name}"]).returncode
        ]
        written = [place for place in PLACES if not ask(["touch", f"{place}/x"]).returncode]
        told = {
            "ready_seconds": round(ready, 1),
            "answer": json.loads(answer.stdout),
            "tools": tools,
            "user": ask(["id", "-u"]).stdout.strip(),
            "writable": written,
            "network": ask(["sh", "-c", "cat /proc/net/route"]).stdout.strip().splitlines()[1:],
        }
    finally:
        service.terminate()
        try:
            code = service.wait(timeout=60)
        except subprocess.TimeoutExpired:
            service.kill()
            raise
    if code:
        raise NotProvenError(f"stopped, it ended with {code}")
    Path(str(facts["told"])).write_text(json.dumps(told))


QUESTION = """
import json, sys, urllib.error, urllib.request as u
def ask(path, body=None, token=None):
    r = u.Request('http://127.0.0.1:8378' + path)
    if body is not None: r.data = json.dumps(body).encode()
    r.add_header('content-type', 'application/json')
    if token: r.add_header('authorization', 'Bearer ' + token)
    try:
        with u.urlopen(r, timeout=30) as said: return said.status, said.read().decode()
    except urllib.error.HTTPError as e: return e.code, ''
asked = {'texts': ['I lost my card', 'what is the weather']}
status, said = ask('/v1/predict', asked, sys.argv[1])
without = ask('/v1/predict', asked)[0]
metrics = 'labelmend_texts_total' in ask('/metrics', token=sys.argv[1])[1]
said = json.loads(said)
print(json.dumps({'status': status, 'said': said, 'without': without, 'metrics': metrics}))
"""


def main() -> None:
    """Build and serve."""
    if sys.argv[1:2] == ["--inside"]:
        alone(json.loads(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for all that is built; made anew")
    parser.add_argument("models", type=Path, help="folder with model/, as the Dockerfile wants it")
    parser.add_argument("--base", type=Path, help="what debootstrap made before, to be copied")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / ".proof").exists():
        parser.error(f"{folder} holds something else")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / ".proof").touch()
    context = folder / "context"
    context.mkdir()
    subprocess.run(
        ["git", "-C", ROOT, "archive", "--format=tar", f"--output={folder}/context.tar", "HEAD"],
        check=True,
    )
    subprocess.run(["tar", "-xf", folder / "context.tar", "-C", context], check=True)
    shutil.copytree(asked.models, context / "models")
    if asked.base is None:
        debian(folder / "base")
    else:
        copy(asked.base, folder / "base")
    (folder / "base/usr/local/bin/python").symlink_to("/usr/bin/python3")
    text = (context / "Dockerfile").read_text("utf-8")
    given = dict(pair.split("=", 1) for pair in asked.build_arg)
    stage = build(text, folder, context, given)
    found = serve(stage)
    size = subprocess.run(["du", "-sm", stage.root], capture_output=True, text=True, check=True)
    print(json.dumps({**found, "megabytes": int(size.stdout.split()[0])}, indent=2))
    check(found)


def check(found: Mapping[str, object]) -> None:
    """Hold what was seen to what is promised."""
    answer = found["answer"]
    assert isinstance(answer, dict)
    promised = {
        "it answers": answer["status"] == 200,
        "it answers nobody without a token": answer["without"] == 401,
        "its figures can be read": answer["metrics"],
        "it is nobody's user": found["user"] == "10001",
        "it can write to /data alone": found["writable"] == ["/data"],
        "there are no compilers": not found["tools"],
        "there is no network": not found["network"],
    }
    broken = [what for what, holds in promised.items() if not holds]
    if broken:
        raise NotProvenError("; ".join(broken))
    print("proven: " + "; ".join(promised))


if __name__ == "__main__":
    main()
