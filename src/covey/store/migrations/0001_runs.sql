-- Runs, their append-only and hash-chained steps, and the index of their artifacts.
--
-- `content` is the very text whose SHA-256 is the hash (or genesis) beside it; `detail` is the whole object, volatile
-- fields included, and `checksum` its SHA-256. `number` is the order of writing; clocks decide nothing.

CREATE TABLE runs (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    genesis  TEXT NOT NULL,
    content  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    checksum TEXT NOT NULL,
    status   TEXT NOT NULL,
    error    TEXT NOT NULL DEFAULT '',
    head     TEXT NOT NULL,
    steps    INTEGER NOT NULL DEFAULT 0,
    metrics  TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE steps (
    number   INTEGER PRIMARY KEY,
    run      TEXT NOT NULL REFERENCES runs (id),
    seq      INTEGER NOT NULL,
    parent   TEXT NOT NULL,
    hash     TEXT NOT NULL,
    content  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    checksum TEXT NOT NULL,
    UNIQUE (run, seq)
);

CREATE TABLE artifacts (
    run    TEXT NOT NULL REFERENCES runs (id),
    name   TEXT NOT NULL,
    digest TEXT NOT NULL,
    size   INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    PRIMARY KEY (run, name)
);

CREATE INDEX artifacts_by_digest ON artifacts (digest);

CREATE TRIGGER steps_are_never_changed BEFORE UPDATE ON steps
BEGIN
    SELECT RAISE(ABORT, 'steps are append-only');
END;

CREATE TRIGGER steps_are_never_deleted BEFORE DELETE ON steps
BEGIN
    SELECT RAISE(ABORT, 'steps are append-only');
END;

CREATE TRIGGER steps_follow_the_head BEFORE INSERT ON steps
WHEN NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run AND steps = NEW.seq AND head = NEW.parent)
BEGIN
    SELECT RAISE(ABORT, 'a step must follow the head of its run');
END;

-- The head moves with the step that moves it, in one statement: neither can be there without the other.
CREATE TRIGGER steps_move_the_head AFTER INSERT ON steps
BEGIN
    UPDATE runs SET head = NEW.hash, steps = NEW.seq + 1 WHERE id = NEW.run;
END;

CREATE TRIGGER heads_move_only_with_a_step BEFORE UPDATE OF head, steps ON runs
WHEN NOT EXISTS (
    SELECT 1 FROM steps
    WHERE run = OLD.id AND seq = OLD.steps AND parent = OLD.head AND hash = NEW.head AND NEW.steps = OLD.steps + 1
)
BEGIN
    SELECT RAISE(ABORT, 'the head of a run moves only with a step');
END;

CREATE TRIGGER runs_keep_their_identity BEFORE UPDATE OF number, id, genesis, content, detail, checksum ON runs
BEGIN
    SELECT RAISE(ABORT, 'what a run is about never changes');
END;

CREATE TRIGGER runs_are_never_deleted BEFORE DELETE ON runs
BEGIN
    SELECT RAISE(ABORT, 'runs are append-only');
END;
