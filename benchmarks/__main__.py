"""Run every benchmark, or those named: `python -m benchmarks catalogue`."""

import sys
from importlib import import_module
from pathlib import Path

names = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
for name in sys.argv[1:] or names:
    if name not in names:
        sys.exit(f"no benchmark {name!r}; there are: {', '.join(names)}")
    print(f"{name}: {(import_module(f'benchmarks.{name}').__doc__ or '').splitlines()[0]}")
    import_module(f"benchmarks.{name}").main()
