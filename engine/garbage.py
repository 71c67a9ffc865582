"""Python's garbage collector, set for processes that work on rows by the hundred.

A batch makes tens of thousands of objects, hardly any of them in circles, and all of them garbage a
moment later by their counts alone. By default the collector walks them dozens of times meanwhile,
and everything that was imported with them: a quarter of the time of a batch.
"""

import gc

_YOUNG = 50_000
"""Objects made, and not yet gone, before the young ones are looked through: some megabytes."""


def settle() -> None:
    """Call it once a process has imported what it needs: that is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
