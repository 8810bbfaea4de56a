"""An unknown module is told with the names that resemble it."""

from __future__ import annotations

from tests.system.live import live_daemon


def test_log_and_messages_name_the_nearest_modules() -> None:
    with live_daemon("(use-modules (shepherd service timers))") as daemon:
        hint = "did you mean (shepherd service timer)"
        (line,) = [line for line in daemon.log().splitlines() if "no code for module" in line]
        assert hint in line
        assert "config.scm:1:" in line
        reply = daemon.request("eval", "root", "(use-modules (shepherd service timers))")
        assert any(hint in message for message in reply.messages)
        # What clients take apart is as it always was.
        assert "did you mean" not in str(reply.error)
        assert "no code for module" in str(reply.error)
        file = daemon.directory / "late.scm"
        file.write_text("\n(use-modules (ice-9 tread))\n")
        reply = daemon.request("load", "root", str(file))
        assert any("late.scm:2:" in message for message in reply.messages)
        assert any("(ice-9 threads)" in message for message in reply.messages)
        assert "(ice-9 threads)" not in str(reply.error)
