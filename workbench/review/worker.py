"""One notebook in a process of its own: ``python -P worker.py JOB.json``.

It lives as long as its starter: when the pipe on its standard input closes, it ends its kernel and itself,
so that no kernel outlives a review that was killed. Run as a file, it loads nothing of the workbench.
"""

import json
import os
import sys
import threading
from pathlib import Path

KERNEL = "workbench"


def main() -> None:
    """Run the notebook that the job names; a notebook that raises ends this process with an error."""
    threading.Thread(target=_end_with_starter, daemon=True).start()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # A grammar that jsonschema builds, in a second, for a format that no notebook has; it does without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    def execute() -> None:
        papermill.execute_notebook(
            job["notebook"],
            job["output"],
            parameters=job["parameters"],
            kernel_name=KERNEL,
            progress_bar=False,
            start_timeout=job["start_timeout"],
        )

    try:
        execute()
    except RuntimeError as failure:
        # Kernels that start at once may draw the same port: no cell has run yet, and nothing is lost.
        if "Kernel died before replying" not in str(failure):
            raise
        execute()


def _end_with_starter() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


if __name__ == "__main__":
    main()
