from outline import Node


def test_every_node_of_a_deep_tree_is_found():
    root = Node("0")
    node = root
    for depth in range(1, 20):
        node.append(Node(f"side {depth}"))
        node = node.append(Node(str(depth)))
    for wanted in root.walk():
        assert root.find(wanted.title) is wanted
    assert root.find("20") is None


def test_the_first_one_in_document_order():
    tree = Node("r", Node("a", Node("x")), Node("x"))
    assert tree.find("x").path() == "r/a/x"
