"""Any change to what was recorded is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.core.errors import CoveyError
from covey.core.run import Step
from covey.store.records import (
    RunRecord,
    StepRecord,
    chain_faults,
    decode_run,
    decode_step,
    encode_run,
    encode_step,
    run_fault,
    step_record,
)
from support_store import make_chain, make_run

RUN = make_run()
RECORDS = [encode_step(step) for step in make_chain(RUN, 5, size=2)]
HEAD: RunRecord = replace(encode_run(RUN), head=RECORDS[-1].hash, steps=5)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def changed(text: str, where: int, by: int) -> str:
    raw = bytearray(text.encode("utf-8"))
    raw[where % len(raw)] ^= by
    return raw.decode("latin-1")


def test_the_chain_without_any_change_has_no_fault() -> None:
    assert list(chain_faults(HEAD, RECORDS)) == []
    assert run_fault(HEAD) == ""


@given(
    st.integers(0, 4),
    st.sampled_from(["content", "detail", "hash", "parent", "checksum"]),
    st.integers(0, 100_000),
    st.integers(1, 255),
)
def test_any_changed_byte_of_a_step_is_found(seq: int, column: str, where: int, by: int) -> None:
    record = replace(RECORDS[seq], **{column: changed(getattr(RECORDS[seq], column), where, by)})  # type: ignore[arg-type]
    assert list(chain_faults(HEAD, [*RECORDS[:seq], record, *RECORDS[seq + 1 :]])) != []
    with pytest.raises(CoveyError):
        decode_step(RUN.id, record)


@given(st.sampled_from(["content", "detail", "genesis", "checksum", "id"]), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_of_a_run_is_found(column: str, where: int, by: int) -> None:
    record = replace(HEAD, **{column: changed(getattr(HEAD, column), where, by)})  # type: ignore[arg-type]
    assert run_fault(record) != ""
    with pytest.raises(CoveyError):
        decode_run(record)


@given(st.permutations(range(5)), st.integers(0, 5))
def test_any_lost_or_moved_step_is_found(order: list[int], count: int) -> None:
    kept = order[:count]
    faults = list(chain_faults(HEAD, [RECORDS[seq] for seq in kept]))
    assert bool(faults) == (kept != [0, 1, 2, 3, 4])


def test_a_step_swapped_for_another_sealed_one_is_found() -> None:
    forged = encode_step(make_chain(RUN, 3, size=3)[2])
    assert list(chain_faults(HEAD, [*RECORDS[:2], forged, *RECORDS[3:]])) != []


@given(json_values, json_values, st.text())
def test_any_json_comes_back_as_it_was_recorded(output: object, detail: object, name: str) -> None:
    step = Step.model_validate(
        {"seq": 0, "parent": "p", "name": name, "inputs": "", "output": output, "detail": detail}
    ).sealed()
    record = encode_step(step)
    assert decode_step("r", record) == step
    assert step_record(step.model_dump(mode="json")) == StepRecord(
        0, "p", step.hash, record.content, record.detail, record.checksum
    )
