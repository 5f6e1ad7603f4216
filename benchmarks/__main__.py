"""Run every benchmark, or those named: `python -m benchmarks catalogue`. `estate --small` takes a minute.

`references FOLDER` measures on the sets of another folder.
"""

import sys
from importlib import import_module
from pathlib import Path

names = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
chosen = [argument for argument in sys.argv[1:] if argument != "--small"]
options: dict[str, object] = {"small": True} if "--small" in sys.argv[1:] else {}
if options and chosen != ["estate"]:
    sys.exit("--small goes with the benchmark `estate` alone")
if chosen[:1] == ["references"] and len(chosen) == 2 and chosen[1] not in names:
    options["folder"] = Path(chosen.pop())
for name in chosen or names:
    if name not in names:
        sys.exit(f"no benchmark {name!r}; there are: {', '.join(names)}")
    module = import_module(f"benchmarks.{name}")
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    module.main(**options)
