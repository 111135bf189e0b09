"""`const` for both Pythons: MicroPython's compiler folds `_NAME = const(1)` away, CPython needs a function.

A board pays for every global name twice, in the module's table and among the interned strings; the limits of this
package would take 5 KB of heap otherwise.
"""

TICKS_MASK = 0x3FFFFFFF  # a board's milliseconds wrap at 2^30


def const(value):
    """The value itself."""
    return value
