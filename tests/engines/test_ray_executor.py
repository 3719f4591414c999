"""The contract of `Executor`, kept by tasks and actors of a real Ray cluster."""

import os
import pickle
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from labelmend.engines.ray_executor import RayExecutor
from labelmend.errors import ClusterError, ModelError
from labelmend.parallel import LOCAL, usable_cores


@pytest.fixture
def executor(ray_cluster):
    made = RayExecutor(ray_cluster)
    yield made
    made.close()


@pytest.mark.parametrize("one_core", [False, True])
def test_results_come_in_the_order_of_the_blocks(executor, one_core):
    def work(number):
        time.sleep(0.02 * (3 - number % 4))
        return number * number

    assert list(executor.map_blocks(work, range(9), one_core=one_core)) == [i * i for i in range(9)]


def test_blocks_that_keep_one_core_busy_run_side_by_side(executor, tmp_path):
    def work(number):
        (tmp_path / str(number)).touch()
        until = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        return len(list(tmp_path.iterdir()))

    assert list(executor.map_blocks(work, range(2), one_core=True)) == [2, 2]


@pytest.mark.parametrize(("one_core", "cores"), [(True, 1), (False, 2)])
def test_a_block_is_held_to_the_cores_that_it_was_given(executor, one_core, cores):
    def work(_):
        from threadpoolctl import threadpool_info

        threads = {pool["num_threads"] for pool in threadpool_info()}
        return usable_cores(), max(threads)

    there = min(cores, usable_cores())
    found = list(executor.map_blocks(work, range(2), one_core=one_core))
    assert found == [(there, cores)] * 2


def test_few_blocks_are_on_their_way(executor):
    taken = []

    def blocks():
        for number in range(20):
            taken.append(number)
            yield number

    done = executor.map_blocks(lambda number: number, blocks(), one_core=True)
    assert next(done) == 0
    assert taken == [0, 1, 2]  # two cores, and the one that is waiting
    assert list(done) == list(range(1, 20))


def test_the_work_is_put_into_the_store_once_a_call(executor, ray_cluster):
    class Counted:
        pickled = 0

        def __init__(self):
            self.values = np.arange(300_000.0)

        def __getstate__(self):
            Counted.pickled += 1
            return self.__dict__

    held = Counted()
    found = executor.map_blocks(lambda n: held.values[n], range(8), one_core=True)
    assert list(found) == [float(n) for n in range(8)]
    assert Counted.pickled == 1


def test_the_same_process_reads_the_work_once(executor, tmp_path):
    class Read:
        def __setstate__(self, state):
            (tmp_path / f"{os.getpid()}-{time.monotonic_ns()}").touch()

    read = Read()
    read.something = 1
    list(executor.map_blocks(lambda n: (read, n)[1], range(12), one_core=True))
    assert 1 <= len(list(tmp_path.iterdir())) <= 2


@pytest.mark.parametrize("error", [ZeroDivisionError("by nought"), ModelError("no such model")])
def test_an_error_of_the_work_comes_out_as_it_is_locally(executor, error):
    def work(number):
        if number:
            raise error
        return number

    for each in (executor, LOCAL):
        with pytest.raises(type(error), match=str(error)) as raised:
            list(each.map_blocks(work, [0, 1, 2], one_core=True))
        assert type(raised.value) is type(error)
    with pytest.raises(type(error)) as raised:
        list(executor.map_loaded(work, [0, 1, 2]))
    assert type(raised.value) is type(error)


def test_a_process_that_is_killed_is_no_loss(executor, tmp_path):
    died = tmp_path / "died"

    def work(number):
        if number == 3 and not died.exists():
            died.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return number + 1

    assert list(executor.map_blocks(work, range(6), one_core=True)) == [1, 2, 3, 4, 5, 6]
    died.unlink()
    assert list(executor.map_loaded(work, range(6))) == [1, 2, 3, 4, 5, 6]
    assert int(died.read_text()) != os.getpid()


def test_a_block_that_kills_whatever_carries_it_ends_in_a_line(executor, tmp_path):
    def work(_):
        with (tmp_path / "tries").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(ClusterError, match=r"^the Ray cluster lost the same block of work 4 times"):
        list(executor.map_loaded(work, [0]))
    assert (tmp_path / "tries").read_text() == "xxxx"
    with pytest.raises(ClusterError, match=r"^the Ray cluster lost the same block") as raised:
        list(executor.map_blocks(work, [0]))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("way", ["map_blocks", "map_loaded"])
def test_no_more_blocks_are_begun_for_a_consumer_that_leaves(executor, tmp_path, way):
    def work(number):
        time.sleep(0.05)
        (tmp_path / str(number)).touch()
        return number

    done = getattr(executor, way)(work, range(100))
    assert next(done) == 0
    done.close()
    assert list(executor.map_blocks(lambda n: n, range(4))) == [0, 1, 2, 3]
    assert len(list(tmp_path.iterdir())) < 6


def test_errors_again_and_again_do_no_harm(executor):
    def work(number):
        if number:
            raise ZeroDivisionError
        return number

    for _ in range(40):
        with pytest.raises(ZeroDivisionError):
            list(executor.map_blocks(work, range(4), one_core=True))


class Loading:
    """Loads once a process; what it has loaded does not travel."""

    def __init__(self, folder):
        self.folder, self.model = folder, None

    def __getstate__(self):
        return {"folder": self.folder, "model": None}

    def __call__(self, block):
        if self.model is None:
            self.model = os.getpid()
            (self.folder / str(self.model)).touch()
        return self.model, block


def test_a_model_is_loaded_once_an_actor_and_kept_for_the_next_call(ray_cluster, tmp_path):
    kind = type("Here", (), dict(Loading.__dict__))  # travels by value: workers see no tests
    work = kind(tmp_path)
    executor = RayExecutor(ray_cluster, model_cores=1)
    first = list(executor.map_loaded(work, [1, None, 2, 3, None, 4, 5]))
    assert [r if r is None else r[1] for r in first] == [1, None, 2, 3, None, 4, 5]
    second = list(executor.map_loaded(work, range(4)))
    processes = {int(path.name) for path in tmp_path.iterdir()}
    assert {model for model, _ in second} <= processes
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    # Other work needs their cores, and gets them.
    assert list(executor.map_blocks(lambda n: n, [7])) == [7]
    executor.close()


def test_no_actor_starts_where_there_is_nothing_to_do(executor):
    began = time.monotonic()
    assert list(executor.map_loaded(lambda n: n, [None] * 1000)) == [None] * 1000
    assert time.monotonic() - began < 1


def test_a_model_that_no_node_has_room_for(ray_cluster):
    executor = RayExecutor(ray_cluster, model_cores=64)
    with pytest.raises(ClusterError, match=r"no node of the Ray cluster has the 64 cores that"):
        list(executor.map_loaded(lambda n: n, [1]))
    executor = RayExecutor(ray_cluster, model_cores=1, model_gpus=0.5)
    with pytest.raises(ClusterError, match=r"the 1 cores and 0.5 GPUs that a model is to have"):
        list(executor.map_loaded(lambda n: n, [1]))


def test_work_that_cannot_travel_ends_in_a_line(executor):
    lock = threading.Lock()
    with pytest.raises(ClusterError, match=r"can't be sent to Ray's workers .*; leave --exec") as e:
        list(executor.map_blocks(lambda n: (lock, n), [1]))
    assert "\n" not in str(e.value)


def test_an_executor_that_travels_is_the_threads_of_its_process(executor):
    assert pickle.loads(pickle.dumps(executor)) is LOCAL
    assert Path(__file__).exists()
