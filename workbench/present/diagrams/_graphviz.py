"""Lays out graphs in a process of its own: graphviz can take for ever, or take its process with it.

Reads a JSON list of DOT texts, writes a JSON list of graphviz's ``json0`` for each. Imports nothing of the
workbench, so that it starts at once.
"""

import json
import sys


def main() -> None:
    """Lay out what stands on stdin."""
    from pygraphviz import AGraph

    found = []
    for text in json.load(sys.stdin):
        graph = AGraph(string=text)
        drawn = graph.draw(format="json0", prog="dot")
        found.append(json.loads(drawn))
        graph.close()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
