"""What the collector of garbage does once a process has settled."""

import subprocess
import sys

CIRCLES = """
import gc, weakref
from engine.garbage import settle

class Node:
    pass

settle()
node = Node()
node.itself, seen = node, weakref.ref(node)
del node
grown = [[n] for n in range(60_000)]
print(gc.get_freeze_count() > 1_000, seen() is None)
"""


def test_what_was_imported_is_left_alone_and_circles_still_go() -> None:
    """Imports are frozen; a circle made later is collected by itself once enough was made."""
    said = subprocess.run(
        [sys.executable, "-c", CIRCLES], capture_output=True, text=True, check=False
    )
    assert said.stdout.split() == ["True", "True"], said.stderr
