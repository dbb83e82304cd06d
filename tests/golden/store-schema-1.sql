BEGIN TRANSACTION;
CREATE TABLE artifacts (
    run    TEXT NOT NULL REFERENCES runs (id),
    name   TEXT NOT NULL,
    digest TEXT NOT NULL,
    size   INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    PRIMARY KEY (run, name)
);
INSERT INTO "artifacts" VALUES('20261120-101502-3f9a2c','before.log','687a0b68092fc02dcbdb066d5caeedfa22088209f6cc6d2c752eee5df49409cc',9,'log');
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
INSERT INTO "runs" VALUES(1,'20261120-101502-3f9a2c','cfe43078f2f81b47e25364e08365f99a1c7a896c28910ba68e67541539703caf','{"seed":7,"settings":{"budget":300.0,"policy":"pipeline","python":null},"task":{"base":"3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f","context":{"issue":12,"ratio":0.1},"description":"ValueError: na\u00efve \u201cquotes\u201d in parse()","holdout":["tests/test_c.py"],"parent":null,"repository":"/home/user/project","result":null,"role":null,"status":"pending","test_command":"pytest -q"}}','{"covey_version":"0.1.0","created_at":1795169702.5,"error":"","genesis":"cfe43078f2f81b47e25364e08365f99a1c7a896c28910ba68e67541539703caf","head":"","id":"20261120-101502-3f9a2c","seed":7,"settings":{"budget":300.0,"policy":"pipeline","python":null},"status":"running","steps":0,"task":{"base":"3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f","context":{"issue":12,"ratio":0.1},"description":"ValueError: na\u00efve \u201cquotes\u201d in parse()","holdout":["tests/test_c.py"],"id":"task","parent":null,"repository":"/home/user/project","result":null,"role":null,"status":"pending","test_command":"pytest -q"}}','255df608ee10c3f3c744535fd1d4a6fe5827dce424559d175badaf3ee028adf3','plausible','','3c95a1dac37f241f63d5a0b9d8253cd1daeef5e9ea7bc0141db70eeb51fb1da7',3,'{"candidates":17,"wall_s":1.25}');
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
INSERT INTO "steps" VALUES(1,'20261120-101502-3f9a2c',0,'cfe43078f2f81b47e25364e08365f99a1c7a896c28910ba68e67541539703caf','2849f50513d9cd473bc0db89618adc1de365a04d83cf46796cfa43a1a17b9d6d','{"inputs":"4d3d5e4328fdbdcf661db718293755813cb5ef0c7d24a69cc1c4dd139b5695c4","messages":[{"content":"{\"tests\":[\"tests/test_a.py::test_b\"]}","metadata":{"step":"localise"},"receiver":"localiser","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"lines\":[3,14,15],\"path\":\"src/na\\u00efve.py\",\"scores\":{\"crash\":1.0,\"ochiai\":0.6666666666666666}}","metadata":{"step":"localise"},"receiver":"coordinator","sender":"localiser","task_id":"cfe43078f2f81b47"}],"name":"localise","output":{"lines":[3,14,15],"path":"src/na\u00efve.py","scores":{"crash":1.0,"ochiai":0.6666666666666666}},"parent":"cfe43078f2f81b47e25364e08365f99a1c7a896c28910ba68e67541539703caf","schema_version":1,"seq":0,"tool_calls":[],"tool_results":[]}','{"detail":{"duration_s":0.92,"lines":[3,14,15],"path":"src/na\u00efve.py","scores":{"crash":1.0,"ochiai":0.6666666666666666}},"duration_s":7.49099990571267e-06,"hash":"2849f50513d9cd473bc0db89618adc1de365a04d83cf46796cfa43a1a17b9d6d","inputs":"4d3d5e4328fdbdcf661db718293755813cb5ef0c7d24a69cc1c4dd139b5695c4","messages":[{"content":"{\"tests\":[\"tests/test_a.py::test_b\"]}","metadata":{"step":"localise"},"receiver":"localiser","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"lines\":[3,14,15],\"path\":\"src/na\\u00efve.py\",\"scores\":{\"crash\":1.0,\"ochiai\":0.6666666666666666}}","metadata":{"step":"localise"},"receiver":"coordinator","sender":"localiser","task_id":"cfe43078f2f81b47"}],"name":"localise","output":{"lines":[3,14,15],"path":"src/na\u00efve.py","scores":{"crash":1.0,"ochiai":0.6666666666666666}},"parent":"cfe43078f2f81b47e25364e08365f99a1c7a896c28910ba68e67541539703caf","schema_version":1,"seq":0,"started_at":1795170397.2115536,"tool_calls":[],"tool_results":[],"usage":{"generated":0,"prefilled":0,"reused":0}}','d68b556a35daaa748ab957bbd7b1a5e2febf77e628d08618085af1336e07dc80');
INSERT INTO "steps" VALUES(2,'20261120-101502-3f9a2c',1,'2849f50513d9cd473bc0db89618adc1de365a04d83cf46796cfa43a1a17b9d6d','f43eab321231a3acc45d222668b2bd74a9455708111cfe6487f5976e5e803e2f','{"inputs":"6d4bbc6d07326cf60f2a1054ce55707e333ebed29101e3b0dd32e09d6bb4015e","messages":[{"content":"{\"attempt\":1,\"path\":\"src/na\\u00efve.py\"}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"label\":null,\"reasons\":[\"tests/test_a.py::test_b is red: 1 != 2\"]}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"coordinator","task_id":"cfe43078f2f81b47"}],"name":"verify","output":{"label":null,"reasons":["tests/test_a.py::test_b is red: 1 != 2"]},"parent":"2849f50513d9cd473bc0db89618adc1de365a04d83cf46796cfa43a1a17b9d6d","schema_version":1,"seq":1,"tool_calls":[],"tool_results":[]}','{"detail":{"label":null,"reasons":["tests/test_a.py::test_b is red: 1 != 2"],"tokens":65},"duration_s":5.137999778526137e-06,"hash":"f43eab321231a3acc45d222668b2bd74a9455708111cfe6487f5976e5e803e2f","inputs":"6d4bbc6d07326cf60f2a1054ce55707e333ebed29101e3b0dd32e09d6bb4015e","messages":[{"content":"{\"attempt\":1,\"path\":\"src/na\\u00efve.py\"}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"label\":null,\"reasons\":[\"tests/test_a.py::test_b is red: 1 != 2\"]}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"coordinator","task_id":"cfe43078f2f81b47"}],"name":"verify","output":{"label":null,"reasons":["tests/test_a.py::test_b is red: 1 != 2"]},"parent":"2849f50513d9cd473bc0db89618adc1de365a04d83cf46796cfa43a1a17b9d6d","schema_version":1,"seq":1,"started_at":1795170397.212651,"tool_calls":[],"tool_results":[],"usage":{"generated":65,"prefilled":0,"reused":0}}','95f8c959115f213753e6267b8930eeb54b8648e03ebd425dba59999855829bac');
INSERT INTO "steps" VALUES(3,'20261120-101502-3f9a2c',2,'f43eab321231a3acc45d222668b2bd74a9455708111cfe6487f5976e5e803e2f','3c95a1dac37f241f63d5a0b9d8253cd1daeef5e9ea7bc0141db70eeb51fb1da7','{"inputs":"af287149b3c8731de0e2a681d23bf73900a051402c9c53035e905b0e62357fd6","messages":[{"content":"{\"attempt\":2,\"because\":[\"tests/test_a.py::test_b is red: 1 != 2\"]}","metadata":{"step":"verify"},"receiver":"verifier","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"label\":\"plausible\",\"reasons\":[]}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"verifier","task_id":"cfe43078f2f81b47"}],"name":"verify","output":{"label":"plausible","reasons":[]},"parent":"f43eab321231a3acc45d222668b2bd74a9455708111cfe6487f5976e5e803e2f","schema_version":1,"seq":2,"tool_calls":[],"tool_results":[]}','{"detail":{"label":"plausible","reasons":[],"tokens":0},"duration_s":3.6950000321667176e-06,"hash":"3c95a1dac37f241f63d5a0b9d8253cd1daeef5e9ea7bc0141db70eeb51fb1da7","inputs":"af287149b3c8731de0e2a681d23bf73900a051402c9c53035e905b0e62357fd6","messages":[{"content":"{\"attempt\":2,\"because\":[\"tests/test_a.py::test_b is red: 1 != 2\"]}","metadata":{"step":"verify"},"receiver":"verifier","sender":"coordinator","task_id":"cfe43078f2f81b47"},{"content":"{\"label\":\"plausible\",\"reasons\":[]}","metadata":{"step":"verify"},"receiver":"coordinator","sender":"verifier","task_id":"cfe43078f2f81b47"}],"name":"verify","output":{"label":"plausible","reasons":[]},"parent":"f43eab321231a3acc45d222668b2bd74a9455708111cfe6487f5976e5e803e2f","schema_version":1,"seq":2,"started_at":1795170397.2134206,"tool_calls":[],"tool_results":[],"usage":{"generated":0,"prefilled":0,"reused":0}}','2eca1897952ffb1511167a5e3a1757292c9317d82a8466d991efcdb9d4406015');
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
COMMIT;
