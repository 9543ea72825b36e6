"""FSx for Lustre and EFS: the rules of CreateFileSystem, and that every suggestion is itself legal."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.catalog.efs import PERFORMANCE_MODES, THROUGHPUT_MODES, ThroughputMode, throughput_problem
from infra.catalog.lustre import (
    DEPLOYMENTS,
    EFA_MULTIPLE_GIB,
    MAX_ASSOCIATIONS,
    THROUGHPUTS,
    association_problem,
    capacity_problem,
    capacity_rule,
    metadata_iops,
    metadata_problem,
    tiering_throughput_problem,
)
from infra.catalog.lustre import throughput_problem as per_unit_problem

KINDS = [
    (deployment, storage, unit)
    for (deployment, storage), units in THROUGHPUTS.items()
    if storage != "INTELLIGENT_TIERING"
    for unit in (units or (None,))
]


@given(st.sampled_from(KINDS), st.integers(min_value=-10, max_value=300_000), st.booleans())
def test_suggested_capacities_are_legal_and_nearest(kind, capacity, efa):
    deployment, storage, unit = kind
    assume(not efa or (deployment, storage) == ("PERSISTENT_2", "SSD"))
    problem = capacity_problem(deployment, storage, capacity, per_unit=unit, efa=efa)
    rule = capacity_rule(deployment, storage, unit, efa=efa)
    assert rule is not None
    if rule.allows(capacity):
        assert problem is None
        return
    suggested = rule.around(capacity)
    assert suggested
    assert problem is not None
    for size in suggested:
        assert capacity_problem(deployment, storage, size, per_unit=unit, efa=efa) is None
        assert str(size) in problem
    # Nothing legal lies between the suggestions.
    low, high = (suggested[0], suggested[-1]) if len(suggested) == 2 else (0, suggested[0])
    assert low < capacity < high or capacity <= 0
    assert not any(rule.allows(size) for size in range(max(low, 0) + 1, high))


@pytest.mark.parametrize(
    ("deployment", "storage", "unit", "legal", "illegal"),
    [
        ("SCRATCH_1", "SSD", None, (1200, 2400, 6000, 9600), (3600, 4800, 0)),
        ("SCRATCH_2", "SSD", None, (1200, 2400, 4800, 7200), (3600, 1000)),
        ("PERSISTENT_1", "HDD", 12, (6000, 12000), (1200, 9000)),
        ("PERSISTENT_1", "HDD", 40, (1800, 3600), (1200, 6000)),
        ("PERSISTENT_2", "SSD", 250, (1200, 2400, 4800), (3600,)),
    ],
)
def test_capacities_of_the_user_guide(deployment, storage, unit, legal, illegal):
    for size in legal:
        assert capacity_problem(deployment, storage, size, per_unit=unit) is None, size
    for size in illegal:
        assert capacity_problem(deployment, storage, size, per_unit=unit) is not None, size


@pytest.mark.parametrize(("unit", "step"), [(125, 38_400), (250, 19_200), (500, 9_600), (1000, 4_800)])
def test_an_efa_file_system_has_its_own_minimum_and_multiple(unit, step):
    assert EFA_MULTIPLE_GIB[unit] == step
    assert capacity_problem("PERSISTENT_2", "SSD", step, per_unit=unit, efa=True) is None
    problem = capacity_problem("PERSISTENT_2", "SSD", step // 2, per_unit=unit, efa=True)
    assert problem is not None
    assert problem.endswith(f"nearest: {step} GiB")


def test_a_wrong_throughput_is_told_before_the_capacity():
    assert capacity_problem("PERSISTENT_2", "SSD", 1200, per_unit=300) == (
        "300 MB/s per TiB is not one PERSISTENT_2 SSD has: use 125, 250, 500, 1000"
    )
    assert per_unit_problem("SCRATCH_2", "SSD", 200) == "SCRATCH_2 SSD takes no throughput per unit"
    assert per_unit_problem("PERSISTENT_2", "HDD", 12) == (
        "PERSISTENT_2 does not go with HDD; use SSD or INTELLIGENT_TIERING"
    )
    assert "cannot be EFA-enabled" in (per_unit_problem("PERSISTENT_1", "SSD", 50, efa=True) or "")
    assert "is needed" in (per_unit_problem("PERSISTENT_1", "SSD", None) or "")


def test_intelligent_tiering_may_be_efa_enabled():
    # FSx for Lustre user guide, "Working with EFA-enabled file systems": Persistent 2, Intelligent-Tiering included.
    assert per_unit_problem("PERSISTENT_2", "INTELLIGENT_TIERING", None, efa=True) is None
    assert capacity_problem("PERSISTENT_2", "INTELLIGENT_TIERING", None, efa=True) is None


def test_intelligent_tiering_takes_no_capacity_and_steps_of_throughput():
    assert capacity_problem("PERSISTENT_2", "INTELLIGENT_TIERING", None) is None
    assert capacity_problem("PERSISTENT_2", "INTELLIGENT_TIERING", 1200) is not None
    assert tiering_throughput_problem(4000) is None
    assert tiering_throughput_problem(2_000_000) is None
    assert tiering_throughput_problem(None) is not None


@given(st.integers(min_value=-1, max_value=3_000_000))
def test_a_suggested_tiering_throughput_is_legal(mbps):
    problem = tiering_throughput_problem(mbps)
    if problem:
        assert tiering_throughput_problem(int(problem.rpartition(" ")[2])) is None


def test_metadata_configurations():
    def problem(mode, iops, *, deployment="PERSISTENT_2", storage="SSD", efa=False):
        return metadata_problem(deployment, storage, mode=mode, iops=iops, efa=efa)

    assert problem(None, None) is None
    assert problem("AUTOMATIC", None) is None
    assert problem("USER_PROVISIONED", 6000) is None
    assert problem("USER_PROVISIONED", 24_000) is None
    assert problem("USER_PROVISIONED", 192_000) is None
    assert problem("USER_PROVISIONED", 2000) == "2000 metadata IOPS cannot be had; nearest: 1500 or 3000"
    assert "needs its IOPS" in problem("USER_PROVISIONED", None)
    assert "takes no IOPS" in problem("AUTOMATIC", 1500)
    assert "is not a metadata mode" in problem("MANUAL", None)
    assert "needs a metadata configuration" in problem(None, None, efa=True)
    assert "use PERSISTENT_2" in problem("AUTOMATIC", None, deployment="SCRATCH_2")
    assert problem("USER_PROVISIONED", 6000, storage="INTELLIGENT_TIERING") is None
    assert problem("USER_PROVISIONED", 1500, storage="INTELLIGENT_TIERING") is not None
    assert "USER_PROVISIONED" in problem("AUTOMATIC", None, storage="INTELLIGENT_TIERING")
    assert metadata_iops() == (1500, 3000, 6000, 12_000, *range(24_000, 192_001, 12_000))


@given(st.lists(st.sampled_from(["/", "/a", "/a/b", "/ab", "/c/", "/c/d", "e"]), unique=True, max_size=4))
def test_association_paths_do_not_overlap(paths):
    problem = association_problem("PERSISTENT_2", tuple(paths))
    bare = [path.rstrip("/") + "/" for path in paths]
    overlap = any(a != b and b.startswith(a) for a in bare for b in bare)
    assert (problem is None) == (not overlap and all(path.startswith("/") for path in paths))


def test_association_limits():
    paths = tuple(f"/{n}" for n in range(MAX_ASSOCIATIONS + 1))
    assert association_problem("PERSISTENT_2", paths[:-1]) is None
    assert association_problem("PERSISTENT_2", paths) == "9 associations; a file system takes 8"
    assert "SCRATCH_1" in (association_problem("SCRATCH_1", ("/a",)) or "")
    assert association_problem("PERSISTENT_2", ("/a", "/a/b")) == "paths overlap: /a and /a/b"
    assert association_problem("PERSISTENT_2", ("/a", "/a/")) == "paths overlap: /a and /a"
    assert {"SCRATCH_2", "PERSISTENT_2"} <= set(DEPLOYMENTS)


def test_efs_throughput():
    for mode in THROUGHPUT_MODES:
        for performance in PERFORMANCE_MODES:
            mibps = 100.0 if mode == "provisioned" else None
            problem = throughput_problem(mode, performance=performance, provisioned_mibps=mibps)
            assert (problem is None) == ((mode, performance) != ("elastic", "maxIO"))
    wrong: dict[tuple[ThroughputMode, float | None], str] = {
        ("provisioned", None): "needs its MiB/s",
        ("provisioned", 4000.0): "not between 1 and 3414",
        ("bursting", 10.0): "takes no provisioned",
    }
    for (asked, mibps), said in wrong.items():
        problem = throughput_problem(asked, performance="generalPurpose", provisioned_mibps=mibps)
        assert said in (problem or "")
