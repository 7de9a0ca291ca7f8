from keraunos.callbacks.event_list import event_list
from keraunos.core.run_events import Event


def test_markdown_in_names_is_escaped():
    stall = Event("stall", "in Python (__init__.py:3, *load* | a)", 7, 0.0)
    shown = event_list([stall], [])
    assert r"in Python (\_\_init\_\_.py:3, \*load\* \| a)" in shown
    assert shown.startswith("**Nothing is known to be wrong.**")


def test_current_problems_come_before_the_history_in_newest_first_order():
    events = [Event("stall", f"number {n}", n, 60.0 * n) for n in range(3)]
    now, _, history = event_list(events, events[1:2]).partition("**All events")
    assert "number 1" in now
    assert "number 2" not in now
    assert history.index("number 2") < history.index("number 1") < history.index("number 0")
    assert "*(1970-01-01 00:02:00 UTC, step 2)*" in history
