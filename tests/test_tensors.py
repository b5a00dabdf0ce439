"""A tensor as text: what is typed, what spreadsheets copy, what torch and numpy print."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors
from visualizer.base.errors import ParameterError, UserError
from visualizer.base.tensors import MOST_ELEMENTS, Tensor, TensorData, element_text
from visualizer.cli.parameter_options import export_parser
from visualizer.cli.states import state_from
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.state import LossesState
from visualizer.sessions.files import parse_session, session_bytes
from visualizer.sessions.schema import Session

PARAMETER = Tensor(name="target", label="Target", help="What is right.", default=TensorData((0,), ()))


def vector(*values: float) -> TensorData:
    return TensorData((len(values),), tuple(values))


@pytest.mark.parametrize(("text", "shape", "values"), [
    ("1,2,3", (3,), (1, 2, 3)),
    ("1, 2,3 ", (3,), (1, 2, 3)),
    ("1 2 3", (3,), (1, 2, 3)),
    ("1,2,", (2,), (1, 2)),
    ("-1,\u22122e-3,+.5", (3,), (-1, -0.002, 0.5)),
    ("inf,-INF", (2,), (math.inf, -math.inf)),
    ("1,2,3;4,5,6", (2, 3), (1, 2, 3, 4, 5, 6)),
    ("1,2;\n3,4;\n", (2, 2), (1, 2, 3, 4)),
    ("1,2,3;", (1, 3), (1, 2, 3)),
    ("1;2", (2, 1), (1, 2)),
    ("", (0,), ()),
    (" ; \n", (0,), ()),
    ("True,false", (2,), (1, 0)),
    # spreadsheets
    ("1\t2\t3\r\n", (3,), (1, 2, 3)),
    ("1,5\t2\r\n3\t-4,25\r\n", (2, 2), (1.5, 2, 3, -4.25)),
    ("1\r\n2\r\n3\r\n", (3, 1), (1, 2, 3)),
    ("1\t2\n\n3\t4\n", (2, 2), (1, 2, 3, 4)),
    # Python
    ("[1, 2.5]", (2,), (1, 2.5)),
    ("[[1, 2], [3, 4]]", (2, 2), (1, 2, 3, 4)),
    ("[[1, 2]]", (1, 2), (1, 2)),
    ("[ [1, 2] ]", (1, 2), (1, 2)),
    ("[[1],\n [2]]", (2, 1), (1, 2)),
    ("[[1, 2], [3, 4],]", (2, 2), (1, 2, 3, 4)),
    ("[]", (0,), ()),
    ("torch.tensor([1., 2.], requires_grad=True)", (2,), (1, 2)),
    ("Parameter containing:\ntensor([[1., -2.]], requires_grad=True)", (1, 2), (1, -2)),
    ("tensor([0.5, nan], dtype=torch.float64, grad_fn=<MulBackward0>)", (2,), (0.5, math.nan)),
])
def test_a_text_is_read(text: str, shape: tuple[int, ...], values: tuple[float, ...]) -> None:
    assert PARAMETER.parse(text) == TensorData(shape, tuple(map(float, values)))


@pytest.mark.parametrize(("text", "named"), [
    ("1,x,3", "'x'"),
    ("1,2;3", "'row 2 with 1 element after rows with 2'"),
    ("1;2,3", "'row 2 with 2 elements after rows with 1'"),
    ("1,,3", "an empty place between two elements"),
    (",1", "an empty place"),
    ("1\t\t3", "an empty cell"),
    ("1\t2\n\t4", "an empty cell"),
    ("[[[1, 2]], [[3, 4]]]", "more than two dimensions"),
    ("[[[1, 2], [3, 4]]]", "more than two dimensions"),
    ("[1, 2", "an opening bracket without its closing one"),
    ("[1], [2]", "brackets that do not match"),
    ("[[1, 2], 3]", "brackets that do not match"),
    ("tensor(3.)", "tensor(3.)"),
    ("1_000", "1_000"),
    ("\u0663", "\u0663"),
    ("0x10", "0x10"),
    ("1," * (MOST_ELEMENTS + 1), "10,001 numbers"),
    ("1" * 2_000_000, "2,000,000 characters"),
])
def test_a_wrong_text_is_refused_with_what_is_wrong_in_it(text: str, named: str) -> None:
    with pytest.raises(ParameterError) as caught:
        PARAMETER.parse(text)
    assert caught.value.sentence.startswith("--target: ")
    assert named in caught.value.sentence
    assert "allowed is at most 10,000 numbers" in caught.value.sentence


def test_as_many_elements_as_are_allowed_are_taken() -> None:
    assert PARAMETER.parse("1," * MOST_ELEMENTS).shape == (MOST_ELEMENTS,)
    with pytest.raises(ParameterError, match="10,001 numbers"):
        PARAMETER.check(vector(*[0.0] * (MOST_ELEMENTS + 1)))


@given(tensors())
def test_a_tensor_survives_being_typed_and_stored(tensor: TensorData) -> None:
    assert PARAMETER.parse(PARAMETER.format(tensor)) == tensor
    stored = json.loads(json.dumps(PARAMETER.to_json(tensor)))
    assert PARAMETER.check(stored) == tensor
    assert hash(PARAMETER.check(stored)) == hash(tensor)
    signs = [math.copysign(1.0, value) for value in PARAMETER.check(stored).values if value == value]
    assert signs == [math.copysign(1.0, value) for value in tensor.values if value == value]


@given(tensors(most=4).filter(lambda tensor: bool(tensor.values)))
def test_what_torch_and_numpy_print_is_read_back(tensor: TensorData) -> None:
    here = torch.tensor(tensor.nested(), dtype=torch.float32)
    for made in (here, here.requires_grad_(), torch.nn.Parameter(here), here.detach().numpy()):
        read = PARAMETER.parse(repr(made))
        assert read.shape == tensor.shape
        # Four digits are printed, with an exponent or all in one scale.
        printed = np.array(read.nested())
        held = here.detach().double().numpy()
        finite = np.isfinite(held)
        assert np.array_equal(printed[~finite], held[~finite], equal_nan=True)
        largest = np.abs(held[finite]).max(initial=0.0)
        assert np.all(np.abs(printed[finite] - held[finite]) <= 1e-4 * max(largest, 1.0))


@given(tensors())
def test_rows_of_numbers_become_the_tensor_that_torch_makes_of_them(tensor: TensorData) -> None:
    assert TensorData.of(tensor.nested()) == tensor
    assert tuple(torch.tensor(tensor.nested()).shape) == tensor.shape


def test_rows_that_differ_in_length_are_no_tensor() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        TensorData.of([[1, 2], [3]])
    with pytest.raises(ValueError, match="do not make a tensor of shape"):
        TensorData((2, 2), (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match="do not make a tensor of shape"):
        TensorData((1, 1, 1), (1.0,))


def test_one_element_is_replaced_and_no_other_touched() -> None:
    tensor = PARAMETER.parse("1,2,3;4,5,6")
    assert tensor.replaced(4, -1) == PARAMETER.parse("1,2,3;4,-1,6")
    assert tensor == PARAMETER.parse("1,2,3;4,5,6")
    for index in (-1, 6):
        with pytest.raises(IndexError):
            tensor.replaced(index, 0.0)


def test_tensors_with_nan_are_equal_to_their_copies() -> None:
    first, second = (TensorData((2,), (float("nan"), 1.0)) for _ in range(2))
    assert first == second
    assert first.replaced(1, 2.0) != second
    assert TensorData((2,), (math.inf, -math.inf)).values == (math.inf, -math.inf)


def test_rows_and_columns_are_those_of_the_table() -> None:
    assert (vector(1.0, 2.0).rows, vector(1.0, 2.0).columns) == (1, 2)
    assert (vector().rows, vector().columns) == (0, 0)
    assert (PARAMETER.parse("1;2;3").rows, PARAMETER.parse("1;2;3").columns) == (3, 1)


def test_an_empty_matrix_is_taken_as_the_empty_vector() -> None:
    for shape in ((0, 3), (2, 0)):
        assert PARAMETER.check(TensorData(shape, ())) == vector()


@pytest.mark.parametrize("value", [3, None, [1.0, 2.0], (1.0,)])
def test_only_text_and_tensors_are_taken(value: object) -> None:
    with pytest.raises(ParameterError, match="--target"):
        PARAMETER.check(value)


@given(st.floats())
def test_an_element_is_written_with_every_digit(value: float) -> None:
    read = float(element_text(value))
    assert read == value or (math.isnan(read) and math.isnan(value))


def test_whole_numbers_are_written_without_a_point() -> None:
    assert vector(1.0, -20.0, 0.0, -0.0, 1e15, 0.1).text == "1,-20,0,-0.0,1000000000000000.0,0.1"


# In the command line and in sessions.


def typed(*words: str) -> LossesState:
    """The state that an export with these words would compute."""
    state = state_from(vars(export_parser(Losses()).parse(words)), Losses(), (Losses(),))
    assert isinstance(state, LossesState)
    return state


@pytest.mark.parametrize("text", ["1,2,3;4,5,6", "-1,2,3", "-1,-2;-3,-4", "\u22121 2", "-inf,nan", "[[1, 2]]", "-.5", ""])
def test_a_tensor_is_an_option_of_the_command_line(text: str) -> None:
    for words in (("--prediction", text), (f"--prediction={text}",), ("--target", "1", "--prediction", text)):
        assert typed(*words).prediction == PARAMETER.parse(text)


def test_the_command_line_says_what_is_wrong_and_what_is_expected() -> None:
    with pytest.raises(UserError, match=r"^--prediction: 'x' was given; allowed is at most 10,000 numbers"):
        typed("--prediction", "1,x")
    with pytest.raises(UserError, match=r"^--prediction: no value was given; allowed is at most"):
        typed("--prediction")
    shown = export_parser(Losses()).format_help()
    assert "--prediction NUMBERS" in shown
    assert "Default: 1,2,3." in " ".join(shown.split())
    assert "Default: none." in " ".join(shown.split())


@given(tensors())
def test_a_tensor_survives_a_session_of_ones_own_and_of_others(tensor: TensorData) -> None:
    state = LossesState().changed(prediction=tensor)
    data = session_bytes(Session(states={"losses": state}, active="losses"), (Losses(),))
    for foreign in (False, True):
        assert parse_session(data, (Losses(),), foreign=foreign).states["losses"] == state


@pytest.mark.parametrize("value", [[1, 2], 3, "1,x", None])
def test_a_session_with_a_wrong_tensor_is_refused_with_its_place(value: object) -> None:
    data = session_bytes(Session(states={"losses": LossesState()}, active="losses"), (Losses(),))
    document = json.loads(data)
    document["experiments"]["losses"]["prediction"] = value
    for foreign in (False, True):
        with pytest.raises(UserError, match=r"losses\.prediction") as caught:
            parse_session(json.dumps(document).encode(), (Losses(),), foreign=foreign)
        assert caught.value.sentence.startswith("The session file is refused: ")


@pytest.mark.parametrize("text", ["1," * 499_999, "1\t" * 499_999, "1\n" * 499_999, "1 " * 499_999, "1;" * 499_999])
def test_a_megabyte_of_numbers_is_refused_without_being_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: Tensor, line: str, state: object) -> list[float]:
        raise AssertionError("this held the window for half a second")

    monkeypatch.setattr(Tensor, "_row", read)
    with pytest.raises(ParameterError, match="more than 10,000 numbers"):
        PARAMETER.parse(text)
