"""Whoever asks how the provider is gets an answer soon, also if the provider gives none."""

import asyncio
import threading
from dataclasses import replace

from ca_core.authority.pulse import Pulse
from ca_core.contract.answers import Credential, Health
from ca_core.testing.clock import START

WELL = Health(ok=True, credential=Credential(ends=START))


class Moody:
    """A provider's health that hangs while its gate is shut."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.answer = WELL
        self.asked = 0

    def __call__(self):
        self.asked += 1
        self.gate.wait(10)
        return self.answer


def test_each_question_gets_the_answer_of_now():
    """Nothing is kept from the last time."""

    async def scenario():
        moody = Moody()
        pulse = Pulse(moody)
        assert pulse.credential is None
        assert await pulse.taken() == WELL
        moody.answer = replace(WELL, credential=Credential(ends=START, failures=1))
        assert (await pulse.taken()).credential.failures == 1
        assert pulse.credential.failures == 1

    asyncio.run(scenario())


def test_a_question_that_raises_is_answered_and_the_next_one_asked():
    """A provider that was closed between two looks at it does not silence health for ever."""

    async def scenario():
        answers = [None, WELL]

        def ask():
            if (answer := answers.pop(0)) is None:
                raise RuntimeError
            return answer

        pulse = Pulse(ask, patience=10)
        assert (await pulse.taken()).message == "asking the provider raised RuntimeError"
        assert await pulse.taken() == WELL

    asyncio.run(scenario())


def test_a_provider_that_hangs_is_late_and_what_it_said_last_is_kept():
    """It is asked by one thread, however many want to know, and asked again once it answers."""

    async def scenario():
        moody = Moody()
        pulse = Pulse(moody, patience=0.01)
        pulse._patience = 10
        await pulse.taken()
        pulse._patience = 0.01
        moody.gate.clear()
        told = await asyncio.gather(*(pulse.taken() for _ in range(5)))
        assert {(one.ok, one.credential) for one in told} == {(False, WELL.credential)}
        assert "does not say within 10 ms" in told[0].message
        assert moody.asked == 2
        moody.gate.set()
        pulse._patience = 10
        assert await pulse.taken() == WELL

    asyncio.run(scenario())


def test_the_loop_turns_while_a_provider_hangs():
    """A scrape does not stop the server."""

    async def scenario():
        moody = Moody()
        moody.gate.clear()
        asked = asyncio.ensure_future(Pulse(moody).taken())
        for _ in range(3):
            await asyncio.sleep(0)
        assert not asked.done()
        moody.gate.set()
        assert await asked == WELL

    asyncio.run(scenario())


def test_a_loop_that_ended_meanwhile_is_no_error_of_the_thread():
    """The answer of a server that has stopped is for nobody."""
    moody, before = Moody(), threading.active_count()
    moody.gate.clear()
    late = asyncio.run(Pulse(moody, patience=0).taken())
    assert not late.ok
    moody.gate.set()
    for thread in threading.enumerate():
        if thread.name == "ca-health":
            thread.join(5)
    assert threading.active_count() <= before
