"""The planner's desk: questions in a row, and a stop at any moment."""

from queue import SimpleQueue

import pytest

from gridlane.planning.answering import Desk, hand_over

PLACES = [(k % 8, k // 8) for k in range(64)]
FILES = {
    "demand.csv": "id,x_m,y_m,weight\n" + "\n".join(f"d{x}-{y},{x}00,{y}00,{1 + x + y}" for x, y in PLACES),
    "sites.csv": "id,x_m,y_m\n" + "\n".join(f"s{x}-{y},{x}30,{y}20" for x, y in PLACES),
}
PLAN = {
    "do": "plan",
    "page": {
        "tables": {"demand": "demand.csv", "candidates": "sites.csv"},
        "aim": {"sites": 5, "objective": "access"},
    },
    "files": {name: text.encode() for name, text in FILES.items()},
}


def test_a_plan_under_way_stops_when_asked_and_keeps_its_best():
    heard = []

    def stop_at_the_first_word(word):
        heard.append(word)
        desk.stop.set()

    desk = Desk(stop_at_the_first_word)
    plan = desk.answer(PLAN)["plan"]
    assert len(heard) == 1
    assert plan["certificate"]["stopped_early"]
    assert len(plan["sites"]) == 5
    assert plan["certificate"]["bound"] <= plan["certificate"]["value"]


@pytest.mark.parametrize("frames", [[PLAN, {"do": "stop"}], [PLAN | {"stop_asked": True}]])
def test_a_stop_that_comes_before_the_work_has_begun_is_not_lost(frames):
    desk, questions = Desk(lambda _: None), SimpleQueue()
    for frame in frames:
        hand_over(frame, desk, questions)
    assert desk.answer(questions.get())["plan"]["certificate"]["stopped_early"]


def test_a_stop_counts_for_one_question_only():
    desk, questions = Desk(lambda _: None), SimpleQueue()
    for frame in (PLAN, {"do": "stop"}, PLAN):
        hand_over(frame, desk, questions)
    assert not desk.answer(questions.get())["plan"]["certificate"]["stopped_early"]
