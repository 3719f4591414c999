"""Batches: who is in which, who is refused, and that one text takes no other down."""

import asyncio
import threading

import pytest
from fixtures.served import Words, loaded

from labelmend.serve.batcher import Batcher, Bounds, FullError, Job


class Silent:
    def __init__(self):
        self.batches = []

    def batch(self, texts, seconds):
        self.batches.append(texts)

    def predicted(self, role, model, scored):
        pass


def run(work, **bounds):
    """Run a coroutine function with a batcher, which is closed after it."""
    batcher = Batcher(Bounds(**{"most_waiting": 20, "wait": 0, "most_batch": 4} | bounds), Silent())

    async def whole():
        try:
            return await work(batcher)
        finally:
            await asyncio.to_thread(batcher.close)

    return asyncio.run(whole())


def job(texts, model, is_gone=lambda: False):
    done = asyncio.get_running_loop().create_future()
    return Job(texts, {"main": model}, near=False, is_gone=is_gone, done=done)


async def held(batcher, engine, *jobs):
    """Submit jobs while the engine is held at a first text, let it go, and wait for all."""
    engine.gate.clear()
    first = job(["first"], loaded(engine))
    batcher.submit(first)
    while batcher.waiting:
        await asyncio.sleep(0.001)
    for one in jobs:
        batcher.submit(one)
    engine.gate.set()
    await asyncio.gather(first.done, *(one.done for one in jobs))


def test_a_long_request_lets_short_ones_pass():
    engine = Words()

    async def work(batcher):
        model = loaded(engine)
        long = job([f"long {i}" for i in range(9)], model)
        await held(batcher, engine, long, job(["a"], model), job(["b"], model))

    run(work)
    # Of four places a batch, each of three jobs has one; what is left goes to the first again.
    assert [len(batch) for batch in engine.batches] == [1, 4, 4, 3]
    assert {"a", "b"} <= set(engine.batches[1])


def test_texts_come_back_in_their_order_whatever_their_lengths():
    async def work(batcher):
        one = job(["time and time again", "card", "money money"], loaded())
        batcher.submit(one)
        await one.done
        return [said.label for said in one.said["main"]]

    assert run(work, most_batch=2) == ["time", "card", "money"]


def test_what_is_too_much_is_refused_and_told_when_to_come_again():
    engine = Words()

    async def work(batcher):
        model = loaded(engine)
        engine.gate.clear()
        first = job(["first"], model)
        batcher.submit(first)
        while batcher.waiting:
            await asyncio.sleep(0.001)
        many = job(["x"] * 50, model)  # finds nothing waiting, so it is let in
        batcher.submit(many)
        with pytest.raises(FullError) as full:
            batcher.submit(job(["y"], model))
        engine.gate.set()
        await asyncio.gather(first.done, many.done)
        last = job(["y"], model)
        batcher.submit(last)
        await last.done
        return full.value.retry_after, batcher.waiting

    assert run(work) == (1, 0)


def test_a_text_that_can_t_be_read_takes_no_other_down():
    engine = Words()

    async def work(batcher):
        model = loaded(engine)
        bad, good = job([engine.poison], model), job(["card"], model)
        await held(batcher, engine, bad, good)
        return bad.said["main"], good.said["main"][0].label

    assert run(work) == ([None], "card")


def test_who_left_is_not_computed_for():
    engine = Words()

    async def work(batcher):
        model = loaded(engine)
        gone = job(["nobody waits"] * 3, model, is_gone=lambda: True)
        batcher.submit(gone)
        stays = job(["card"], model)
        batcher.submit(stays)
        await stays.done
        await gone.done
        return gone.is_dropped, batcher.waiting

    assert run(work) == (True, 0)
    assert engine.batches == [["card"]]


def test_a_lone_text_waits_for_company_and_not_for_long():
    engine = Words()

    async def work(batcher):
        model = loaded(engine)
        jobs = [job([name], model) for name in "abcd"]
        for one in jobs:
            batcher.submit(one)
            await asyncio.sleep(0.001)
        await asyncio.gather(*(one.done for one in jobs))
        lone = job(["lone"], model)
        batcher.submit(lone)
        await asyncio.wait_for(lone.done, 5)

    run(work, wait=0.3)
    assert engine.batches == [list("abcd"), ["lone"]]


def test_models_of_one_space_read_a_text_once():
    both, other = Words(), Words(space="other")

    async def work(batcher):
        models = {"main": loaded(both), "against": loaded(Words(space=both.space))}
        done = asyncio.get_running_loop().create_future()
        one = Job(["card"], models, near=False, is_gone=lambda: False, done=done)
        models = {"main": loaded(both), "against": loaded(other)}
        done = asyncio.get_running_loop().create_future()
        two = Job(["money"], models, near=False, is_gone=lambda: False, done=done)
        await held(batcher, both, one, two)
        return one.said, two.said

    one, two = run(work)
    assert both.batches == [["first"], ["card", "money"]]
    assert other.batches == [["money"]]
    assert [said[0].label for said in (one["against"], two["against"])] == ["card", "money"]


def test_closing_computes_what_waits():
    engine = Words()

    async def work():
        batcher = Batcher(Bounds(20, 0, 4), Silent())
        engine.gate.clear()
        jobs = [job([str(i)], loaded(engine)) for i in range(6)]
        for one in jobs:
            batcher.submit(one)
        threading.Timer(0.05, engine.gate.set).start()
        await asyncio.to_thread(batcher.close)
        await asyncio.gather(*(one.done for one in jobs))

    asyncio.run(work())
    assert sorted(text for batch in engine.batches for text in batch) == list("012345")
