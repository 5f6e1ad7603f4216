"""References that no foreign key declares, inferred from names, types, keys and habits.

``words`` reads names aloud, ``naming`` learns how an estate writes them, ``estate`` is the structure so
read; ``lookup`` and ``candidates`` find what each column could mean, ``evidence`` says what speaks for each,
``weights`` how much, ``choice`` forms an opinion and forms it again with what it says of the rest of the
estate; ``shapes`` adds composite and polymorphic references, ``explain`` the reason in one line.
"""

from workbench.analyse.references.inference.infer import Inferred, Known, infer

__all__ = ["Inferred", "Known", "infer"]
