"""Two conversations over a pipe that loses, doubles, delays and reorders: every call ends in exactly one way."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import (
    CallAbandoned,
    CallQueueFull,
    CallReceived,
    CallSent,
    CallTimedOut,
    Conversation,
    Limits,
    ResultReceived,
    Unexpected,
    Violation,
)
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.v16 import messages as v16
from gridlane.ocpp.v21 import messages as v21
from gridlane.ocpp.v201 import messages as v201
from gridlane.ocpp.version import Version

MESSAGES = {Version.V16: v16, Version.V201: v201, Version.V21: v21}
LIMITS = Limits(unanswered=4, queued_calls=3, remembered_calls=2, call_timeout=10.0)
NAMES = ("central", "station")


class LossyPipe(RuleBasedStateMachine):
    """The two sides, the frames under way to each, and a book of what became of every call."""

    @initialize(version=st.sampled_from(Version))
    def connect(self, version):
        self.messages = MESSAGES[version]
        self.now = 0.0
        self.sides = {
            "central": Conversation(version, Role.CENTRAL, LIMITS),
            "station": Conversation(version, Role.STATION, LIMITS),
        }
        self.under_way = {name: [] for name in NAMES}
        self.to_answer = {name: [] for name in NAMES}
        self.placed = {name: set() for name in NAMES}
        self.outcomes = Counter()
        self.given_up = set()
        self.answers_given = Counter()
        self.calls_taken = Counter()

    def request_of(self, name):
        if name == "central":
            return self.messages.ClearCacheRequest()
        return self.messages.DataTransferRequest(vendor_id="x")

    def response_to(self, call):
        if call.action == "ClearCache":
            return self.messages.ClearCacheResponse(status="Accepted")
        return self.messages.DataTransferResponse(status="Accepted")

    def note(self, name, events):
        """Write down what one side was told, and put what it sends under way to the other."""
        for event in events:
            if event.frame is not None:
                self.under_way[other(name)].append(event.frame)
            match event:
                case CallReceived():
                    self.to_answer[name].append(event)
                    self.calls_taken[name] += 1
                case ResultReceived():
                    key = (name, event.message_id)
                    assert event.message_id in self.placed[name]
                    assert event.late is (key in self.given_up)
                    self.outcomes[key] += not event.late
                case CallTimedOut() | CallAbandoned():
                    self.outcomes[name, event.message_id] += 1
                    self.given_up.add((name, event.message_id))
                case Violation():
                    self.to_answer[name].clear()
                case CallSent() | Unexpected():
                    pass
                case unforeseen:
                    raise AssertionError(unforeseen)

    @rule(name=st.sampled_from(NAMES))
    def place_a_call(self, name):
        side = self.sides[name]
        if side.is_over:
            return
        message_id = f"{name}-{len(self.placed[name])}"
        try:
            events = side.call(message_id, self.request_of(name), self.now)
        except CallQueueFull:
            return
        self.placed[name].add(message_id)
        self.note(name, events)

    @rule(name=st.sampled_from(NAMES), place=st.integers(0, 10), copies=st.integers(1, 3))
    def deliver(self, name, place, copies):
        frames = self.under_way[name]
        if frames:
            frame = frames.pop(place % len(frames))
            for _ in range(copies):
                self.note(name, self.sides[name].receive(frame, self.now))

    @rule(name=st.sampled_from(NAMES), place=st.integers(0, 10))
    def lose(self, name, place):
        frames = self.under_way[name]
        if frames:
            frames.pop(place % len(frames))

    @rule(name=st.sampled_from(NAMES), place=st.integers(0, 10), well=st.booleans())
    def answer(self, name, place, well):
        waiting = self.to_answer[name]
        if not waiting:
            return
        call = waiting.pop(place % len(waiting))
        side = self.sides[name]
        if well:
            frame = side.answer(call.message_id, self.response_to(call))
        else:
            frame = side.answer_error(call.message_id, Fault.INTERNAL)
        self.answers_given[name] += 1
        self.under_way[other(name)].append(frame)

    @rule(seconds=st.sampled_from([1.0, 5.0, 11.0]))
    def wait(self, seconds):
        self.now += seconds
        for name in NAMES:
            self.note(name, self.sides[name].tick(self.now))

    @rule(name=st.sampled_from(NAMES))
    def hang_up(self, name):
        self.note(name, self.sides[name].close())
        self.to_answer[name].clear()

    @invariant()
    def no_call_ends_twice(self):
        assert all(count <= 1 for count in self.outcomes.values())

    @invariant()
    def nobody_holds_more_than_the_limits(self):
        for side in self.sides.values():
            assert side.unanswered <= 2 * LIMITS.unanswered
            assert len(side._queue) <= LIMITS.queued_calls
            assert len(side._forgotten) <= LIMITS.remembered_calls

    @invariant()
    def what_is_unanswered_is_what_was_taken_and_not_yet_answered(self):
        for name, side in self.sides.items():
            assert side.unanswered == len(self.to_answer[name])

    def teardown(self):
        if not hasattr(self, "sides"):
            return
        for name, side in self.sides.items():
            self.note(name, side.close())
            ended = {message_id for owner, message_id in self.outcomes if owner == name}
            assert ended == self.placed[name]


def other(name):
    return "station" if name == "central" else "central"


LossyPipe.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestLossyPipe = LossyPipe.TestCase
