from events import Emitter


def test_emit():
    emitter = Emitter()
    emitter.on("add", lambda a, b: a + b)
    assert emitter.emit("add", 1, 2) == [3]


def test_nobody_listens():
    assert Emitter().emit("silence") == []


def test_once():
    emitter = Emitter()
    emitter.once("ping", lambda: "pong")
    assert emitter.emit("ping") == ["pong"]
    assert emitter.emit("ping") == []


def test_off():
    emitter = Emitter()
    handler = emitter.on("x", lambda: 1)
    emitter.off("x", handler)
    assert emitter.count("x") == 0


def test_emitters_are_independent():
    first, second = Emitter(), Emitter()
    first.on("move", lambda: "first")
    assert second.emit("move") == []
    assert second.count("move") == 0
