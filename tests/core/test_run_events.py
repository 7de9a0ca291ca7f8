import threading

import pytest
from keraunos.core.run_events import KINDS, Event, Events


def event(text, kind="stall"):
    return Event(kind, text, step=3, time=1.5)


def test_event_serializes_to_json_and_requires_a_known_kind():
    assert event("no step").as_dict() == {
        "kind": "stall",
        "text": "no step",
        "subject": "",
        "step": 3,
        "time": 1.5,
    }
    with pytest.raises(ValueError, match=KINDS[0]):
        Event("earthquake", "", 0, 0.0)


def test_events_before_the_first_listener_are_kept():
    events, seen = Events(), []
    events.report(event("first"))
    events.listen(seen.append)
    events.report(event("second"))
    assert [each.text for each in seen] == ["first", "second"]


def test_event_reported_during_delivery_is_delivered_next():
    events, seen = Events(), []

    def hear(each):
        if each.text == "first":
            events.report(event("second"))
        seen.append(each.text)

    events.listen(hear)
    events.report(event("first"))
    assert seen == ["first", "second"]


def test_report_does_not_wait_for_delivery_but_settle_does():
    events, seen = Events(), []
    is_heard, may_continue = threading.Event(), threading.Event()

    def hear(each):
        is_heard.set()
        may_continue.wait(60)
        seen.append(each.text)

    events.listen(hear)
    thread = threading.Thread(target=events.report, args=(event("slow"),))
    thread.start()
    assert is_heard.wait(60)
    events.report(event("at once"))
    assert not seen
    may_continue.set()
    events.settle()
    assert seen == ["slow", "at once"]
    thread.join()
