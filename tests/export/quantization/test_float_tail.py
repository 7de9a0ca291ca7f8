from keraunos.export.quantization.float_tail import Node, float_tail


def network(name: str) -> list[Node]:
    """A residual convolution and a head."""
    return [
        Node(f"{name}stem", ["images"], [f"{name}a"], has_weights=True),
        Node(f"{name}conv", [f"{name}a"], [f"{name}b"], has_weights=True),
        Node(f"{name}add", [f"{name}a", f"{name}b"], [f"{name}c"]),
        Node(f"{name}dense", [f"{name}c"], [f"{name}logits"], has_weights=True),
        Node(f"{name}softmax", [f"{name}logits"], [f"{name}out"]),
    ]


def test_float_tail_starts_at_the_last_layer_with_weights():
    assert float_tail(network("")) == ["dense", "softmax"]


def test_correction_after_the_model_stays_in_float():
    corrected = [
        Node("log", ["out"], ["logarithms"]),
        Node("scale", ["logarithms", "constant"], ["scaled"]),
        Node("again", ["scaled"], ["corrected"]),
    ]
    tail = ["dense", "softmax", "log", "scale", "again"]
    assert float_tail([*network(""), *corrected]) == tail


def test_each_ensemble_member_has_its_own_float_tail():
    mean = Node("mean", ["1out", "2out"], ["mean"])
    tail = ["1dense", "1softmax", "2dense", "2softmax", "mean"]
    assert float_tail([*network("1"), *network("2"), mean]) == tail
