"""The page of the button's gestures, drawn from their table.

    python3 -m firmware.truck.button.diagram > docs/gestures.md

tests/truck/test_gesture.py holds that docs/gestures.md is what this draws.
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter()

from firmware.truck.button.gesture import BEGINS, DUE_S, TRANSITIONS

PAGE = """# The button's gestures

Drawn from the table in `firmware/truck/button/gesture.py` by
`python3 -m firmware.truck.button.diagram > docs/gestures.md`.
At an arrow: what happens, and behind `/` the gesture that is made of it. What a gesture means for the incident at hand
stands in `presses.py` beside it; what becomes of the incident, in [states.md](states.md).

```mermaid
stateDiagram-v2
    [*] --> {begins}
{arrows}
```
"""


def gestures_page() -> str:
    """The whole page as text."""
    arrows = []
    for (state, trigger), (to, gesture) in TRANSITIONS.items():
        happens = f"{DUE_S[state]:g} s" if trigger == "due" else trigger.replace("_", " ")
        arrows.append(f"    {state} --> {to}: {happens}" + (f" / {gesture}" if gesture else ""))
    return PAGE.format(begins=BEGINS, arrows="\n".join(arrows))


if __name__ == "__main__":
    print(gestures_page(), end="")
