"""Write what shells need to complete commands: ``python -m pid1.completion DIRECTORY``.

Options come from the tables that ``--help`` is made of; actions and names of services come live
from ``herd --complete``.  The files go where bash, fish and zsh look for them if DIRECTORY is
``/usr/local/share`` or ``/usr/share``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pid1 import generated
from pid1.options import Option
from pid1.programs import NAMES, Program, program

_ALIASES = {"shutdown": "halt"}
_BASH_KINDS = {"FILE": "-f", "DIRECTORY": "-d", "USER": "-u", "GROUP": "-g"}
_ZSH_KINDS = {
    "FILE": "_files", "DIRECTORY": "_directories", "USER": "_users", "GROUP": "_groups",
}  # fmt: skip
_FISH_KINDS = {
    "FILE": "-F", "DIRECTORY": "-f -a '(__fish_complete_directories)'",
    "USER": "-f -a '(__fish_complete_users)'", "GROUP": "-f -a '(__fish_complete_groups)'",
}  # fmt: skip

_BASH = """\
# Completion of {name} for bash.

_drover_{name}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous= word line found kind= prefix=
    local -a words=()
    COMPREPLY=()
    # bash splits --option=value into three words.
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD}}"; do
        if [[ $previous == --* && ( $word == "=" || $previous == *= ) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        previous=${{words[-1]}}
    done
    [[ $current == "=" ]] && current=
    word=${{words[-1]}} previous=
    if [[ $word == --*=* ]]; then
        previous=${{word%%=*}}=
    elif [[ ${{#words[@]}} -gt 1 ]]; then
        previous=${{words[-2]}}
    fi
    case $previous in
{cases}    esac
    if [[ -n $kind ]]; then
        # Where bash does not split, the word has the option in front.
        [[ $current == --*=* ]] && prefix=${{current%%=*}}=
        [[ $kind == -[fd] ]] && compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY+=("$prefix$line")
        done < <(compgen "$kind" -- "${{current#"$prefix"}}")
        return
    fi
    if [[ $word == -* && " ${{words[*]:0:${{#words[@]}}-1}} " != *" -- "* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '{options}' -- "$word")
        [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
        return
    fi
{operands}}}

complete -F _drover_{name} {names}
"""
_BASH_OPERANDS = """\
    found=$("${COMP_WORDS[0]}" --complete "${words[@]}" 2>/dev/null)
    if [[ $? -eq 3 ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ -n $found ]]; then
        while IFS= read -r line; do
            COMPREPLY+=("$(printf %q "${line%%$'\\t'*}")")
        done <<<"$found"
    fi
"""

_FISH_OPERANDS = """\
function __drover_herd
    set -l words (commandline -opc) (commandline -ct)
    command herd --complete $words[2..-1] 2>/dev/null
    if test $status -eq 3
        __fish_complete_path (commandline -ct)
    end
end

complete -c herd -f -a '(__drover_herd)'
"""

_ZSH_OPERANDS = """\
_drover_herd_operands() {
    local found line
    local -a candidates
    found=$(command herd --complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    if (( $? == 3 )); then
        _files
        return
    fi
    for line in ${(f)found}; do
        if [[ $line == *$'\\t'* ]]; then
            candidates+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
        else
            candidates+=("${line//:/\\\\:}")
        fi
    done
    _describe -t operands operand candidates
}

"""


def bash(subject: Program, names: list[str]) -> str:
    """Return the completion of a program, which has these names, for bash."""
    cases = ""
    for option in subject.options:
        if option.argument is None:
            continue
        patterns = [f"--{option.name}="]
        if not option.optional:
            patterns.append(f"--{option.name}")
            patterns += [f"-{option.short}"] if option.short else []
        kind = _BASH_KINDS.get(option.argument)
        cases += f"        {'|'.join(patterns)}) {f'kind={kind}' if kind else 'return'} ;;\n"
    options = " ".join(
        f"--{option.name}{'' if option.argument is None or option.optional else '='}"
        for option in reversed(subject.options)
    )
    options += "".join(f" -{option.short}" for option in subject.options if option.short)
    return _BASH.format(
        name=subject.name,
        cases=cases,
        options=options,
        operands=_BASH_OPERANDS if subject.name == "herd" else "",
        names=" ".join(names),
    )


def _quoted(text: str) -> str:
    """Return text as a word of fish and, without quotes in it, of zsh."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(subject: Program, names: list[str]) -> str:
    """Return the completion of a program, which has these names, for fish."""
    text = f"# Completion of {subject.name} for fish.\n\n"
    text += _FISH_OPERANDS if subject.name == "herd" else ""
    for name in names:
        if name != "herd":
            text += f"complete -c {name} -f\n"
        for option in reversed(subject.options):
            words = [f"complete -c {name} -l {option.name}"]
            if option.short:
                words.append(f"-s {option.short}")
            if option.argument is not None and not option.optional:
                words += ["-r", _FISH_KINDS.get(option.argument, "-f")]
            text += " ".join([*words, "-d", _quoted(option.help)]) + "\n"
    return text


def zsh(subject: Program, names: list[str]) -> str:
    """Return the completion of a program, which has these names, for zsh."""
    text = f"#compdef {' '.join(names)}\n# Completion of {subject.name} for zsh.\n\n"
    text += _ZSH_OPERANDS if subject.name == "herd" else ""
    specifications = [_zsh_option(option) for option in reversed(subject.options)]
    if subject.name == "herd":
        specifications.append("'*: :_drover_herd_operands'")
    return text + " \\\n    ".join(["_arguments -s -S", *specifications]) + "\n"


def _zsh_option(option: Option) -> str:
    described = option.help.replace("[", "(").replace("]", ")").replace("'", "'\\''")
    end = f"[{described}]"
    short, long = f"-{option.short}", f"--{option.name}"
    if option.argument is not None:
        short += "+"
        long += "=-" if option.optional else "="
        mark = "::" if option.optional else ":"
        end += f"{mark}{option.argument}:{_ZSH_KINDS.get(option.argument, ' ')}"
    # The last may be given several times.
    repeated = option.name == "environment-variable"
    if option.short is None:
        return f"'{long}{end}'"
    exclusive = "'*'" if repeated else f"'(-{option.short} --{option.name})'"
    return f"{exclusive}{{{short},{long}}}'{end}'"


def write_completions(directory: Path) -> list[Path]:
    """Write all files below ``directory``, which is made if need be; return their names."""
    written = []
    for name in NAMES:
        subject = program(name)
        names = [name, *(alias for alias, of in _ALIASES.items() if of == name)]
        texts = {f"zsh/site-functions/_{name}": zsh(subject, names)}
        # These two shells look for a file of the command's own name.
        for each in names:
            texts[f"bash-completion/completions/{each}"] = bash(subject, names)
            texts[f"fish/vendor_completions.d/{each}.fish"] = fish(subject, [each])
        for file, text in texts.items():
            path = directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")
            written.append(path)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m pid1.completion`` with ``arguments``; return its exit status."""
    return generated.main("pid1.completion", write_completions, arguments)


if __name__ == "__main__":
    sys.exit(main())
