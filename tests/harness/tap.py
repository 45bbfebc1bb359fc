# SPDX-License-Identifier: Apache-2.0
"""Test Anything Protocol for Python tests: functions registered with @test, run in order by main()."""

import sys
import traceback

_tests = []


class Skip(Exception):
    """Raised by a fixture or a test that lacks something it needs; says what."""


def test(words):
    """Registers a function as a test point of this description."""

    def register(function):
        _tests.append((words, function))
        return function

    return register


def note(text):
    """A diagnostic line (or several): shown in the log, never parsed."""
    for line in str(text).splitlines():
        print("#", line, flush=True)


def check_equal(seen, wanted, what=""):
    if seen != wanted:
        raise AssertionError(f"{what or 'value'}: {seen!r} instead of {wanted!r}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def _run(number, words, function, arguments):
    try:
        function(*arguments)
    except Skip as reason:
        print(f"ok {number} - {words} # SKIP {reason}", flush=True)
        return True
    except Exception:
        print(f"not ok {number} - {words}", flush=True)
        note(traceback.format_exc())
        return False
    print(f"ok {number} - {words}", flush=True)
    return True


def main(fixture=None):
    """Runs the registered tests and exits. A fixture is a context manager's factory; what it yields is each test's
    argument. Its closing is a test point of its own: it fails when the VMM does not leave cleanly."""
    total = len(_tests) + (1 if fixture else 0)
    if not fixture:
        print(f"1..{total}", flush=True)
        passed = [_run(number, *each, ()) for number, each in enumerate(_tests, 1)]
        sys.exit(not all(passed))

    try:
        context = fixture()
        yielded = context.__enter__()
    except Skip as reason:
        print(f"1..0 # SKIP {reason}", flush=True)
        sys.exit(0)
    except Exception:
        print(f"1..1\nnot ok 1 - start", flush=True)
        note(traceback.format_exc())
        sys.exit(1)
    print(f"1..{total}", flush=True)
    passed = [_run(number, *each, (yielded,)) for number, each in enumerate(_tests, 1)]
    passed.append(_run(total, "leaves cleanly", lambda: context.__exit__(None, None, None), ()))
    sys.exit(not all(passed))
