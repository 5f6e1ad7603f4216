"""Run every benchmark, or those named: `python -m benchmarks catalogue`. `estate --small` takes a minute."""

import sys
from importlib import import_module
from pathlib import Path

names = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
chosen = [argument for argument in sys.argv[1:] if argument != "--small"]
options = {"small": True} if "--small" in sys.argv[1:] else {}
if options and chosen != ["estate"]:
    sys.exit("--small goes with the benchmark `estate` alone")
for name in chosen or names:
    if name not in names:
        sys.exit(f"no benchmark {name!r}; there are: {', '.join(names)}")
    module = import_module(f"benchmarks.{name}")
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    module.main(**options)
