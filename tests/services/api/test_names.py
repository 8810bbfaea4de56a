"""Every name that a configuration can see in the GNU Shepherd is bound here too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import shepherd_chroot as reference
from configured import Configured

from services.scheme import host_modules
from services.scheme.modules import resolve_module

# What the real program exports; `test_recorded_names_are_those_of_the_real_program` compares.
RECORDED = Path(__file__).parents[2] / "data" / "exports.txt"
EXPORTS = {
    line[2:].partition(")")[0]: line.rstrip(")\n").partition(") ")[2].split()
    for line in RECORDED.read_text().splitlines()
}
# Section 16 of the description of the Shepherd: what a configuration sees without importing.
WITHOUT_IMPORT = """
service action action? action-name action-procedure action-documentation actions enable-service
disable-service start-service start-in-the-background stop-service perform-service-action
register-service-logger lookup-service lookup-running for-each-service service-name-count
current-service register-services unregister-services respawn-service handle-SIGCHLD
with-process-monitor with-service-registry start-command spawn-command spawn-shell-command
terminate-process %precious-signals default-respawn-limit default-respawn-delay
default-service-termination-handler default-environment-variables user-environment-variables
default-service-directory make-forkexec-constructor make-kill-destructor
default-process-termination-grace-period exec-command fork+exec-command default-pid-file-timeout
read-pid-file make-system-constructor make-system-destructor default-inetd-max-connections
make-inetd-constructor make-inetd-destructor process? process-id process-command
make-systemd-constructor make-systemd-destructor check-for-dead-services root-service
%post-daemonize-hook &service-error service-error? &missing-service-error missing-service-error?
missing-service-name &unknown-action-error unknown-action-error? unknown-action-name
unknown-action-service &action-runtime-error action-runtime-error? action-runtime-error-service
action-runtime-error-action action-runtime-error-key action-runtime-error-arguments
condition->sexp get-message* essential-task-thunk endpoint default-bind-attempts service-provision
service-canonical-name service-requirement one-shot-service? transient-service? respawn-service?
service-respawn-limit service-documentation service-running-value service-status service-running?
service-stopped? service-enabled? service-respawn-times service-startup-failures
service-status-changes service-process-exit-statuses service-replacement service-logger
service-recent-messages service-log-files service-action-list lookup-service-action
service-defines-action? default-exec-failure-is-exit? default-start-timeout
""".split()  # noqa: SIM905


def test_names_are_recorded_for_every_module_of_the_shepherd() -> None:
    assert len(EXPORTS) == 22
    assert sum(map(len, EXPORTS.values())) > 350
    assert "mkdir-p" in EXPORTS["shepherd support"]


@pytest.mark.parametrize("name", EXPORTS)
async def test_module_exports_what_the_real_one_does(name: str, scheme: Configured) -> None:
    key = tuple(name.split())
    assert key in host_modules
    module = resolve_module(key)
    assert module is not None
    missing = [one for one in EXPORTS[name] if module.exported(one) is None]
    # The daemon binds its root service when it has made it.
    assert set(missing) <= {"root-service"}


async def test_names_that_need_no_import(scheme: Configured) -> None:
    missing = [one for one in WITHOUT_IMPORT if scheme.module.find(one) is None]
    assert set(missing) <= {"root-service"}


_SCRIPT = """
(for-each
 (lambda (name)
   (write (cons name (sort (module-map (lambda (symbol variable) symbol) (resolve-interface name))
                           (lambda (a b) (string<? (symbol->string a) (symbol->string b))))))
   (newline))
 '({modules}))
"""


@pytest.mark.interop
def test_recorded_names_are_those_of_the_real_program(shepherd_chroot: Path) -> None:
    modules = " ".join(f"({name})" for name in EXPORTS)
    done = subprocess.run(
        reference.as_root(
            "chroot", str(shepherd_chroot), "/usr/bin/guile", "--no-auto-compile",
            "-L", "/usr/share/guile/site/3.0", "-c", _SCRIPT.format(modules=modules),
        ),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == RECORDED.read_text().splitlines(), done.stderr
