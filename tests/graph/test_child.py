"""Programs that misbehave, each in a real child process (without torch): one sentence each, and nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from visualizer.base.errors import UserError
from visualizer.experiments.graph.child import group
from visualizer.experiments.graph.child.parent import run_in_child
from visualizer.experiments.graph.model import Capture, Edges, Graph
from visualizer.experiments.graph.requests import Source

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is kept on Linux only")
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    """The runner without torch, and captures that are a text: its title."""
    fake = ModuleType("visualizer.experiments.graph.capture_file")

    def read_capture(path):
        yield None
        none = np.zeros(0, dtype=np.int32)
        return Capture(Graph((), Edges(none, none, none, none), title=Path(path).read_text()))

    fake.read_capture = read_capture
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def started(program, time_limit=20.0, memory_limit=1.0, path=""):
    source = Source("code", code=textwrap.dedent(program), path=path, time_limit=time_limit, memory_limit=memory_limit)
    return run_in_child(source, "child_stand_in")


def ran(program, **options):
    run = started(program, **options)
    while True:
        try:
            assert next(run) is None
        except StopIteration as end:
            return end.value


def refused(program, **options):
    with pytest.raises(UserError) as error:
        ran(program, **options)
    return error.value


def numbers_in(file, count=1):
    """Waits until the file has so many lines."""
    while not file.exists() or file.read_text().count("\n") < count:
        yield None


def gone(process):
    """Whether a process has ended: it is not there, or waits to be reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def test_a_program_leaves_its_capture_and_what_it_printed_in_order():
    capture = ran("""
        import sys
        print("first")
        print("second", file=sys.stderr)
        print("thïrd \\ud800")
        answer = "the graph"
        """)
    assert capture.graph.title == "the graph"
    assert capture.graph.output == "first\nsecond\nthïrd \\ud800\n"


def test_the_first_step_comes_at_once_and_every_step_waits_a_little():
    run = started("time.sleep(0.3)")
    began = time.monotonic()
    next(run)
    assert time.monotonic() - began < 0.25
    steps = sum(1 for _ in run)
    run.close()
    assert 20 < steps < 1000


@pytest.mark.parametrize(("program", "sentence"), [
    ("1 / 0", "The program's graph could not be captured: ZeroDivisionError: division by zero"),
    ("raise SystemExit(3)", "The program ended itself with sys.exit(3), before its graph could be captured."),
    ("raise KeyboardInterrupt", "The program raised KeyboardInterrupt, as Ctrl-C does."),
    ("import os; os._exit(5)", "The program ended the process with exit status 5, before its graph could be captured."),
    ("import os; os._exit(0)", "The program ended the process with exit status 0, before its graph could be captured."),
    ("input()", "The program's graph could not be captured: EOFError: EOF when reading a line"),
    ("class Odd(BaseException): pass\nraise Odd('end')", "The program's graph could not be captured: Odd: end"),
    ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
     "The program's graph could not be captured: Odd: its message cannot be read"),
    ("\n\nwhile True: pass", "The program was stopped: it took longer than its limit of 1 s, at line 3."),
    pytest.param("import os\nos.abort()", "The program was ended by abort() (SIGABRT), at line 2.", marks=posix),
    pytest.param("import ctypes\nctypes.string_at(0)",
                 "The program crashed: it touched memory that is not its own (SIGSEGV), at line 2.", marks=posix),
    pytest.param("import os\nos.kill(os.getpid(), 9)",
                 "The program was killed from outside, as a system does that is short of memory (SIGKILL).", marks=posix),
    pytest.param("import signal\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: time.sleep(1)",
                 "The program was stopped: it took longer than its limit of 1 s, at line 3.", marks=posix),
    ("import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
     "The program was stopped: it took longer than its limit of 1 s, at line 2."),  # the interpreter's lock is never released
])
def test_each_way_to_fail_is_one_sentence(program, sentence):
    assert refused(program, time_limit=1.0).sentence == sentence


@linux
def test_a_list_of_a_hundred_gigabytes_is_an_error_in_words():
    error = refused("x = bytearray(100 * 2**30)")
    assert error.sentence == "The program needed more memory than its limit of 1 GiB."
    assert "line 1" in error.details


@linux
def test_memory_that_grows_in_many_processes_is_limited_together():
    error = refused("""
        import os
        for _ in range(3):
            if os.fork() == 0:
                break
        x = bytearray(300 * 2**20)
        while True: time.sleep(1)
        """)
    assert error.sentence == "The program was stopped: it took more memory than its limit of 1 GiB."


@linux
def test_a_fork_bomb_is_stopped_and_none_of_its_processes_stays(tmp_path):
    error = refused(f"""
        import os
        open({str(tmp_path / "group")!r}, "w").write(str(os.getpid()))
        while True: os.fork()
        """)
    assert error.sentence.startswith("The program was stopped: it ")
    wait_for(lambda: all(map(gone, group.members(int((tmp_path / "group").read_text())))))


def test_of_output_without_end_the_last_part_is_kept():
    error = refused("""
        number = 0
        while True:
            number += 1
            print(number, "x" * 1000)
        """, time_limit=1.0)
    assert error.sentence.startswith("The program was stopped: it took longer than its limit of 1 s, at line ")
    assert 50_000 < len(error.details) <= 100_000


def test_a_program_may_close_what_it_likes_and_delete_its_folder():
    capture = ran("""
        import os, shutil
        answer = "still here"
        os.closerange(0, 64)
        shutil.rmtree(job.folder, ignore_errors=True)
        os.chdir("/")
        """)
    assert capture.graph.title == "still here"


def test_threads_that_go_on_do_not_hold_the_answer_up():
    assert ran("import threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()\nanswer = 1").graph.title == "1"


def test_nothing_waits_for_the_user_and_the_folder_for_modules_is_the_present_one(tmp_path, monkeypatch):
    (tmp_path / "beside.py").write_text("answer = 'found'")
    monkeypatch.chdir(tmp_path)
    assert ran("from beside import answer; import os; assert os.getcwd() == " + repr(str(tmp_path))).graph.title == "found"


@posix
def test_closing_the_run_kills_the_child_and_all_that_it_started(tmp_path):
    file = tmp_path / "processes"
    run = started(f"""
        import os, subprocess, sys
        other = subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(1000)"])
        with open({str(file)!r}, "w") as out:
            print(os.getpid(), other.pid, sep="\\n", file=out)
        time.sleep(1000)
        """)
    for _ in numbers_in(file, 2):
        next(run)
    began = time.monotonic()
    run.close()
    assert time.monotonic() - began < 0.5
    child, other = map(int, file.read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)  # reaped
    wait_for(lambda: gone(other))


@posix
def test_what_a_finished_program_left_running_is_killed(tmp_path):
    file = tmp_path / "process"
    ran(f"""
        import subprocess, sys
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        open({str(file)!r}, "w").write(str(other.pid))
        """)
    wait_for(lambda: gone(int(file.read_text())))


@linux
@pytest.mark.parametrize("after", ["", "while True: time.sleep(1)", "os._exit(3)"])
def test_what_has_left_the_session_of_the_program_is_killed_as_well(tmp_path, after):
    """As daemons do it: a child of a child, in a session of its own."""
    file = tmp_path / "process"
    program = f"""
        import os
        if not os.fork():
            os.setsid()
            if not os.fork():
                open({str(file)!r}, "w").write(str(os.getpid()))
                time.sleep(1000)
            os._exit(0)
        while not os.path.exists({str(file)!r}) or not os.path.getsize({str(file)!r}):
            time.sleep(0.01)
        {after}
        """
    if after:
        refused(program, time_limit=2.0)
    else:
        ran(program)
    wait_for(lambda: gone(int(file.read_text())))


@posix
def test_the_child_dies_with_the_window_even_if_it_never_lets_go_of_the_interpreter(tmp_path):
    file = tmp_path / "child"
    program = f"import os, re\nopen({str(file)!r}, 'w').write(str(os.getpid()) + chr(10))\nre.match('(a+)+$', 'a' * 60 + 'b')"
    window = subprocess.Popen([sys.executable, "-c", textwrap.dedent(f"""
        from visualizer.experiments.graph.child.parent import run_in_child
        from visualizer.experiments.graph.requests import Source
        for _ in run_in_child(Source("code", code={program!r}, time_limit=100.0, memory_limit=1.0), "child_stand_in"): pass
        """)])
    try:
        wait_for(lambda: file.exists() and file.read_text().endswith("\n"))
        child = int(file.read_text())
        assert not gone(child)
    finally:
        window.kill()
        window.wait()
    wait_for(lambda: gone(child))


def test_what_failed_runs_again_only_when_it_is_asked_for_again(tmp_path):
    program = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n1 / 0"
    for asked, runs in ((1, "x"), (1, "x"), (2, "xx")):
        source = Source("code", code=program, time_limit=20.0, memory_limit=1.0, asked=asked)
        with pytest.raises(UserError, match="division by zero"):
            list(run_in_child(source, "child_stand_in"))
        assert (tmp_path / "runs").read_text() == runs


def test_no_thread_and_no_folder_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = threading.active_count()
    refused("1 / 0")
    ran("answer = 1")
    run = started("time.sleep(1000)")
    next(run)
    assert list(tmp_path.iterdir())
    run.close()
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_a_python_that_cannot_be_started_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert refused("answer = 1").sentence.startswith("The process for the program could not be started: ")


def test_a_runner_that_cannot_be_imported_is_a_sentence():
    with pytest.raises(UserError) as error:
        list(run_in_child(Source("code", time_limit=5.0, memory_limit=1.0), "no_such_runner"))
    assert error.value.sentence == "The program could not be run: the Python beside the window did not get as far."
    assert "No module named 'no_such_runner'" in error.value.details


def test_what_a_terminal_would_take_as_a_command_is_no_part_of_the_output():
    capture = ran(r"""
        import sys
        print("\x1b[31mred\x1b[0m \x1b]0;title\x07plain \x1b[2K")
        for done in range(0, 101, 25):
            print(f"\r{done:3} %", end="")
        sys.stdout.flush()
        print()
        sys.stdout.buffer.write(b"one\r\ntwo\x00\x07\xff\n")
        """)
    assert capture.graph.output == "red plain \n100 %\none\ntwo\\x07\ufffd\n"


def test_a_graph_that_comes_back_damaged_is_a_sentence_of_its_own_and_is_not_asked_for_again(monkeypatch, tmp_path):
    def broken(path):
        raise UserError("The capture run.graph.json cannot be opened: it is empty.")
        yield

    monkeypatch.setattr(sys.modules["visualizer.experiments.graph.capture_file"], "read_capture", broken)
    witness = tmp_path / "ran"
    source = Source("code", code=f"open({str(witness)!r}, 'a').write('x')", time_limit=20.0, memory_limit=1.0, asked=1)
    for _ in range(2):
        with pytest.raises(UserError, match="its graph came back damaged") as error:
            list(run_in_child(source, "child_stand_in"))
        assert "it is empty" in error.value.details
    assert witness.read_text() == "x"


def test_a_path_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "beside.py").write_text("number = 7\n")
    capture = ran("import beside\nanswer = (beside.number, job.path)", path="~/model.py")
    assert capture.graph.title == str((7, str(tmp_path / "model.py")))
