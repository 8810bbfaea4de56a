"""The default environment: special forms, control operators, macros and the library.

What is seldom used is named here by the module that has it and imported on first use.
"""

from __future__ import annotations

from services.scheme import binding, quasiquote  # noqa: F401 - they add to FORMS
from services.scheme.control import OPERATIONS
from services.scheme.forms import FORMS
from services.scheme.library import MISSING as _LIBRARY_MISSING
from services.scheme.library import lookup
from services.scheme.modules import MISSING, UNBOUND, core
from services.scheme.types import Value

# Name -> module of services.scheme whose TABLE has it.
_LATER: dict[str, str] = {}
for _module, _names in (
    ("promises", "delay lazy delay-force make-promise promise? force"),
    ("derived",
     "case-lambda case-lambda* parameterize guard assert while "
     "cut cute let/cc make-fluid make-unbound-fluid fluid-ref fluid-set! fluid? parameter? "
     "with-fluid* and-let* let/ec let-escape-continuation define-inlinable let-loop "
     "make-procedure-with-setter setter make-parameter "
     "with-fluids procedure-with-setter?"),
    ("records",
     "record? record-type-descriptor record-type-name record-type-fields "
     "define-record-type set-record-type-printer! define-immutable-record-type"),
    ("macros",
     "define-syntax let-syntax letrec-syntax syntax-rules define-syntax-rule define-macro "
     "defmacro"),
    ("matching",
     "match match-lambda match-lambda* match-let match-let*"),
    ("loading",
     "load include current-filename current-source-location use-modules use-syntax @ @@ "
     "define-module export re-export export-syntax re-export-syntax export! define-public "
     "define-once define-private eval-when cond-expand add-to-load-path"),
    ("reflection",
     "eval primitive-eval eval-string primitive-load macroexpand current-module "
     "interaction-environment set-current-module save-module-excursion "
     "make-fresh-user-module make-module beautify-user-module! resolve-module "
     "resolve-interface module-public-interface module-use! module-uses module-name "
     "module-filename module? module-define! module-set! module-ref module-variable "
     "module-defined? module-bound? defined? module-export! module-re-export! variable-ref "
     "variable-set! variable-bound? variable? make-variable"),
    ("exceptions",
     "&assertion &assertion-failure &condition &error &exception "
     "&exception-with-kind-and-args &external-error &i/o &i/o-error "
     "&implementation-restriction &irritants &lexical &message &non-continuable &origin "
     "&programming-error &quit-exception &serious &syntax &undefined &undefined-variable "
     "&violation &warning &who assertion-failure? assertion-violation? condition "
     "condition-has-type? condition-irritants condition-message condition-predicate "
     "condition-ref condition-type? condition-who condition? define-condition-type "
     "define-exception-type "
     "error-object-irritants error-object-message error-object? error? exception-accessor "
     "exception-args exception-irritants exception-kind exception-message exception-origin "
     "exception-predicate exception-type? exception-with-irritants? "
     "exception-with-kind-and-args? exception-with-message? exception-with-origin? "
     "exception? external-error? extract-condition i/o-error? irritants-condition? "
     "make-assertion-failure make-compound-condition make-condition make-condition-type "
     "make-error make-exception make-exception-type make-exception-with-irritants "
     "make-exception-with-kind-and-args make-exception-with-message "
     "make-exception-with-origin make-external-error make-i/o-error "
     "make-irritants-condition make-message-condition make-non-continuable-violation "
     "make-programming-error make-quit-exception make-serious-condition "
     "make-undefined-variable-error make-violation make-warning make-who-condition "
     "message-condition? non-continuable-violation? print-exception programming-error? "
     "quit-exception-code quit-exception? raise serious-condition? simple-conditions "
     "simple-exceptions undefined-variable-error? violation? warning? who-condition?"),
):  # fmt: skip
    for _name in _names.split():
        _LATER[_name] = _module


def _supply(name: str) -> Value:
    value = FORMS.get(name, MISSING)
    if value is not MISSING:
        return value
    value = OPERATIONS.get(name, MISSING)
    if value is not MISSING:
        return value
    where = _LATER.get(name)
    if where is not None:
        from importlib import import_module

        value = import_module("services.scheme." + where).TABLE.get(name, MISSING)
        if value is not MISSING:
            return value
    value = lookup(name)
    return _written(name) if value is _LIBRARY_MISSING else value


# What is written in Scheme, by its file below ``site``.
_WRITTEN = {
    ("drover", "extras"): (
        "false-if-exception copy-tree make-object-property load-compiled load-from-path "
        "primitive-load-path real-part imag-part angle make-u8vector u8vector u8vector? "
        "u8vector-length u8vector-ref u8vector-set! u8vector->list list->u8vector "
        "with-continuation-barrier call-with-blocked-asyncs call-with-unblocked-asyncs "
        "with-fluids* object-properties set-object-properties! object-property "
        "set-object-property! procedure-property set-procedure-property! symbol-property "
        "set-symbol-property! char-set-any char-set-every char-set-count char-set-map "
        "primitive-fork execl execlp execle spawn waitpid dynamic-link dynamic-func dynamic-call "
        "dynamic-pointer load-extension"
    ),
    ("drover", "numbers"): (
        "bitwise-if bitwise-merge any-bits-set? copy-bit copy-bit-field integer->list "
        "list->integer booleans->integer rotate-bit-field reverse-bit-field bitwise-bit-set? "
        "bitwise-copy-bit bitwise-bit-field bitwise-copy-bit-field bitwise-rotate-bit-field "
        "bitwise-reverse-bit-field div0 mod0 div0-and-mod0 infinite? integer-valued? "
        "rational-valued? real-valued? bytevector-uint-ref bytevector-uint-set! "
        "bytevector-sint-ref bytevector-sint-set! bytevector->uint-list bytevector->sint-list "
        "uint-list->bytevector sint-list->bytevector"
    ),
    ("ice-9", "control"): ("call-with-prompt abort-to-prompt make-prompt-tag default-prompt-tag"),
}


_WRITERS = {name: module for module, names in _WRITTEN.items() for name in names.split()}


def _written(name: str) -> Value:
    module = _WRITERS.get(name)
    if module is None:
        return FORMS["lambda"] if name == "λ" else MISSING
    from services.scheme.modules import interface

    cell = interface(module).own(name)
    return MISSING if cell is None or cell.value is UNBOUND else cell.value


core.supply = _supply
