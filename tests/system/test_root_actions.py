"""Actions as clients ask for them on the socket: documentation, unloading, and wrong requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pid1.sexp import Symbol, write
from tests.system.live import LiveDaemon, eventually, live_daemon

CONFIGURATION = """
(define (refuse-to-stop . _) (error "no"))
(register-services (list
  (service '(plain other-name) #:documentation "First line.\\nSecond line."
    #:start (const #t) #:stop (const #f)
    #:actions (actions (hi "Say hi.\\nTwice." (lambda (running . words) (display words) 'done))
                       (slow "Later." (lambda (running) (sleep 0.01) 'late))
                       (fail "Fails." (lambda _ (throw 'my-key 1 "x")))
                       (lost "Fails." (lambda _ (start-service (lookup-service 'needs))))))
  (service '(needs) #:requirement '(nowhere) #:start (const #t))
  (service '(dependent) #:requirement '(plain) #:start (const #t) #:stop (const #f))))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(CONFIGURATION) as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], ["First line.", "Second line."]),
        (["full"], ["First line.", "Second line."]),
        (["action", "hi", "slow"], ["hi: Say hi.", "Twice.", "slow: Later."]),
        (["list-actions"],
         ["hi:", "  Say hi.", "Twice.", "", "slow:", "  Later.", "",
          "fail:", "  Fails.", "", "lost:", "  Fails.", ""]),
        (["bogus"], ["Unknown keyword.  Try 'herd help'."]),
    ],
)  # fmt: skip
def test_documentation_is_shown_as_it_is_asked_for(
    arguments: list[str], messages: list[str], daemon: LiveDaemon
) -> None:
    assert daemon.request("doc", "plain", *arguments).messages == messages


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (["bogus", "plain"], "(error (version 0) action-not-found bogus plain)"),
        (["doc", "plain", "action", "bogus"],
         '(error (version 0) action-not-found "bogus" plain)'),
        (["status", "bogus"], "(error (version 0) service-not-found bogus)"),
        (["unload", "root", "bogus"], "(error (version 0) service-not-found bogus)"),
        (["events", "plain"], "(error (version 0) action-not-found events plain)"),
        (["analyze", "plain"], "(error (version 0) action-not-found analyze plain)"),
        (["fail", "plain"], '(error (version 0) action-exception fail plain my-key (1 "x"))'),
        (["status", "plain", "x"], "(error (version 0) action-exception status plain "
         'wrong-number-of-args (#f "Wrong number of arguments to ~A" '
         '("#<procedure status (_)>") #f))'),
        (["enable", "plain", "x"], "(error (version 0) action-exception enable plain "
         'wrong-number-of-args (#f "Wrong number of arguments to ~A" '
         '("#<procedure enable (_)>") #f))'),
        (["load", "root"], "(error (version 0) action-exception load root wrong-number-of-args "
         '(#f "Wrong number of arguments to ~A" ("#<procedure load (running)>") #f))'),
        (["load", "root", 5], "(error (version 0) action-exception load root wrong-type-arg "
         '("load" "Wrong type argument in position 1: ~S" (5) (5)))'),
        (["events", "root", "x"], "(error (version 0) action-exception events root "
         'wrong-type-arg ("events" "Wrong type arguments: ~S" (("x")) (("x"))))'),
        (["lost", "plain"], "(error (version 0) service-not-found nowhere)"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_answered_with_its_error(
    request_: list[str], error: str, daemon: LiveDaemon
) -> None:
    assert write(daemon.request(*request_).error) == error


def test_an_action_is_called_with_the_words_of_the_command(daemon: LiveDaemon) -> None:
    reply = daemon.request("hi", "other-name", "a", "b")
    assert reply.result == [Symbol("done")]
    assert reply.messages == ["(a b)"]
    assert daemon.request("slow", "plain").result == [Symbol("late")]


def test_starting_twice_says_so(daemon: LiveDaemon) -> None:
    daemon.request("start", "plain")
    assert daemon.request("start", "plain").messages == ["Service plain is already running."]
    assert daemon.request("stop", "plain").result == [[Symbol("plain")]][0]
    assert daemon.request("stop", "plain").result == []


def test_restarting_root_is_refused_in_words(daemon: LiveDaemon) -> None:
    assert daemon.request("restart", "root").messages == ["You must be kidding."]


def test_a_kernel_that_is_not_loaded_is_not_started(daemon: LiveDaemon) -> None:
    (message,) = daemon.request("kexec", "root").messages
    assert message in (
        "No kexec image loaded; doing nothing.",
        "Rebooting with kexec is not supported; doing nothing.",
    )
    assert daemon.alive()


def test_every_action_of_root_is_documented(daemon: LiveDaemon) -> None:
    (text,) = daemon.request("help", "root").result
    shown = "\n".join(daemon.request("doc", "root", "list-actions").messages)
    for name in ("halt", "power-off", "kexec", "load", "eval", "unload", "reload", "daemonize"):
        assert f"{name}:" in shown
    assert "herd doc root list-actions" in text


def test_a_daemon_with_running_services_does_not_daemonize(daemon: LiveDaemon) -> None:
    daemon.request("start", "plain")
    reply = daemon.request("daemonize", "root")
    assert (reply.result, reply.messages) == (
        [False],
        ["Services already running, so not daemonizing."],
    )


def test_the_messages_of_root_are_the_daemons_whatever_a_command_prints(
    daemon: LiveDaemon,
) -> None:
    assert daemon.request("eval", "root", '(system* "echo" "printed")').result == [0]
    assert daemon.request("eval", "root", "(+ 1 1)").result == [2]

    def messages() -> list[str]:
        return [text for _, text in daemon.status("root")["recent-messages"]]

    eventually(lambda: "[echo] printed" in messages())
    assert 'Evaluating user expression (system* "echo" "printed").' in messages()
    assert "Evaluating user expression (+ 1 1)." in messages()


def test_unloading_takes_dependents_down_first() -> None:
    with live_daemon(CONFIGURATION) as daemon:
        daemon.request("start", "dependent")
        reply = daemon.request("unload", "root", "other-name")
        assert reply.messages[0] == "Removing service 'plain' providing 'other-name'..."
        assert reply.messages[-1] == "Done."
        assert set(daemon.all_services()) == {"root", "needs", "dependent"}
        assert daemon.status("dependent")["status"] is Symbol("stopped")
        daemon.request("unload", "root", "all")
        assert set(daemon.all_services()) == {"root"}


def test_reloading_begins_anew() -> None:
    with live_daemon(CONFIGURATION) as daemon:
        daemon.request("start", "plain")
        other = daemon.directory / "other.scm"
        other.write_text("(register-services (list (service '(new) #:start (const #t))))")
        reply = daemon.request("reload", "root", str(other))
        assert reply.error is False
        assert f"Loading {other}." in reply.messages
        assert set(daemon.all_services()) == {"root", "new"}
