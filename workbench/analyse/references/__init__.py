"""References: what one object of an estate depends on another by.

``references`` brings together what catalogues, people, statements and names tell; ``Structure`` holds the
tables it looks in, and ``Graph`` what follows from the references that are accepted.
"""

from workbench.analyse.references.graph import Graph
from workbench.analyse.references.structure import Structure, read_structure
from workbench.analyse.references.whole import References, references

__all__ = ["Graph", "References", "Structure", "read_structure", "references"]
