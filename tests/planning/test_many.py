"""Many plans at once: the same plans on this machine and on a Ray cluster, and one that fails does not stop the others."""

import json
import os
import subprocess
import sys

import pytest

from gridlane.kernel.errors import Refusal
from gridlane.planning import many

DEMAND = "id,x_m,y_m,weight\n" + "\n".join(
    f"d{k},{37 * k % 1000},{61 * k % 1000},{1 + k % 9}" for k in range(60)
)
SITES = "id,x_m,y_m\n" + "\n".join(f"s{k},{53 * k % 1000},{29 * k % 1000}" for k in range(20))
PAGE = '[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\n[aim]\nsites = 3\nradius_m = 200\n'


@pytest.fixture
def tasks(make, tmp_path):
    page = make.folder(tmp_path, plan=PAGE, demand=DEMAND, candidates=SITES) / "plan.toml"
    return [many.task_of(page, sites=sites, seed=4, seconds=None) for sites in (None, 5, 99)]


def sites_of(made):
    return [site["id"] for site in json.loads(made.plan)["sites"]]


def test_plans_are_made_in_processes_of_this_machine_in_the_order_asked_for(tasks):
    three, five, impossible = many.here(workers=2)(tasks)
    assert [len(sites_of(three)), len(sites_of(five))] == [3, 5]
    assert "proved optimal" in three.sentence
    assert three.report.startswith(b"<!doctype html>")
    assert impossible.refused == (
        "This plan cannot be made: 99 sites are asked for and 20 candidates may be built on."
    )


def test_a_seed_gives_the_same_plan_in_every_process(tasks):
    made = next(iter(many.here(workers=1)(tasks[:1])))
    assert sites_of(made) == sites_of(many.make(tasks[0]))


def test_a_table_that_is_not_there_is_said_before_any_work(make, tmp_path):
    page = make.folder(tmp_path, plan=PAGE, demand=DEMAND) / "plan.toml"
    with pytest.raises(Refusal, match=r"candidates\.csv cannot be read: No such file"):
        many.task_of(page, sites=None, seed=0, seconds=None)


def test_a_ray_cluster_makes_the_same_plans(tasks):
    """In a process of its own, because Ray leaves warnings and threads behind."""
    pytest.importorskip("ray")
    script = (
        "import pickle, sys\n"
        "from gridlane.planning import many\n"
        "tasks = pickle.load(sys.stdin.buffer)\n"
        "print(*(one.refused or one.sentence for one in many.on_cluster()(tasks)), sep='\\n')\n"
    )
    import pickle

    quiet = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    told = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(tasks), capture_output=True, env=quiet, check=True
    )
    same = [one.refused or one.sentence for one in map(many.make, tasks)]
    assert told.stdout.decode().strip().splitlines()[-3:] == same


@pytest.mark.skipif("ray" in sys.modules, reason="Ray is here")
def test_without_ray_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(many.ClusterMissing, match=r"pip install 'gridlane\[cluster\]'"):
        many.on_cluster()
