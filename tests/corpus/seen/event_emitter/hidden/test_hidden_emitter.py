from events import Emitter


class Window(Emitter):
    pass


def test_subclasses_and_many_instances():
    windows = [Window() for _ in range(3)]
    for number, window in enumerate(windows):
        window.on("id", lambda n=number: n)
    assert [window.emit("id") for window in windows] == [[0], [1], [2]]
    windows[0].off("id", windows[0].on("id", len))
    assert [window.count("id") for window in windows] == [1, 1, 1]
    assert Emitter().count("id") == 0
