"""The default environment: special forms, control operators, macros and the library.

What is seldom used is named here by the module that has it and imported on first use.
"""

from __future__ import annotations

from services.scheme.control import OPERATIONS
from services.scheme.forms import FORMS
from services.scheme.library import MISSING as _LIBRARY_MISSING
from services.scheme.library import lookup
from services.scheme.modules import MISSING, core
from services.scheme.types import Value

# Name -> module of services.scheme whose TABLE has it.
_LATER: dict[str, str] = {}
for _module, _names in (
    ("derived",
     "delay make-promise force case-lambda case-lambda* parameterize guard assert while "
     "cut cute let/cc make-fluid make-unbound-fluid fluid-ref fluid-set! fluid? parameter? with-fluid* and-let* let/ec let-escape-continuation define-inlinable let-loop "
     "make-procedure-with-setter setter lazy delay-force make-parameter "
     "promise? with-fluids procedure-with-setter?"),
    ("records", "record? record-type-descriptor record-type-name record-type-fields define-record-type set-record-type-printer! define-immutable-record-type"),
    ("macros",
     "define-syntax let-syntax letrec-syntax syntax-rules define-syntax-rule define-macro "
     "defmacro"),
    ("matching",
     "match match-lambda match-lambda* match-let match-let* match-letrec"),
    ("loading",
     "load include current-filename current-source-location use-modules use-syntax @ @@ "
     "define-module export re-export export-syntax re-export-syntax export! define-public "
     "define-once define-private eval-when cond-expand add-to-load-path"),
    ("reflection",
     "eval primitive-eval eval-string primitive-load macroexpand current-module "
     "interaction-environment set-current-module save-module-excursion make-fresh-user-module "
     "make-module beautify-user-module! resolve-module resolve-interface "
     "module-public-interface module-use! module-uses module-name module-filename module? "
     "module-define! module-set! module-ref module-variable module-defined? module-bound? "
     "defined? module-export! module-re-export! variable-ref variable-set! variable-bound? "
     "variable? make-variable"),
    ("exceptions",
     "raise make-exception exception? simple-exceptions make-exception-type exception-type? "
     "exception-predicate exception-accessor exception-message exception-with-message? "
     "exception-irritants exception-with-irritants? exception-origin exception-with-origin? "
     "exception-kind exception-args &exception &message &warning &serious &error &violation "
     "&assertion &assertion-failure &irritants &who &origin &non-continuable &lexical &syntax "
     "&undefined &undefined-variable &external-error &quit-exception &programming-error "
     "&implementation-restriction &exception-with-kind-and-args &i/o &i/o-error &condition "
     "make-exception-with-message make-exception-with-irritants make-exception-with-origin "
     "make-error error? make-warning warning? make-violation violation? make-assertion-failure "
     "assertion-violation assertion-failure? serious-condition? message-condition? "
     "condition-message make-condition condition condition? make-condition-type "
     "condition-type? condition-has-type? condition-ref extract-condition "
     "make-compound-condition who-condition? condition-who irritants-condition? "
     "condition-irritants quit-exception? exception-with-kind-and-args? make-message-condition "
     "make-quit-exception quit-exception-code make-external-error external-error? "
     "make-programming-error programming-error? make-serious-condition print-exception "
     "set-exception-printer! define-condition-type error-message error-irritants error-object? "
     "error-object-message error-object-irritants non-continuable-violation? "
     "make-exception-from-throw exception->string make-undefined-variable-error "
     "undefined-variable-error? "
     "simple-format-error"),
):
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
    return MISSING if value is _LIBRARY_MISSING else value


core.supply = _supply
