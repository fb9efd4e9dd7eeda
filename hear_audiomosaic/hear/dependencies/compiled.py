"""Code that lies in no file, such as a notebook's, as it is compiled."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType

from hear_audiomosaic.hear.contract import FUNCTIONS

__all__ = ["code_text", "compiled_code"]


def compiled_code(
    module: ModuleType, model_class: type, value_digest: Callable[[object, str], str]
) -> tuple[dict[str, str], set[str]]:
    """Code of a module that lies in no file: its HEAR functions, the model's class, and what these use.

    Functions, classes and values of the same namespace are followed by name; imported modules are named.

    Args:
        module: the module.
        model_class: of what its ``load_model`` returns.
        value_digest: digest of a value that the code uses, from the value and its name.

    Returns:
        Name -> text of the code, or digest of the value; and names of the modules that it uses.
    """
    pending: list[object] = [getattr(module, name, None) for name in FUNCTIONS] + [model_class]
    found: dict[str, str] = {}
    modules: set[str] = set()
    while pending:
        thing = pending.pop()
        if isinstance(thing, type):
            pending += [value for value in vars(thing).values() if isinstance(value, FunctionType)]
            continue
        if not isinstance(thing, FunctionType) or thing.__qualname__ in found:
            continue
        text, names = code_text(thing.__code__)
        found[thing.__qualname__] = text
        given = thing.__defaults__, thing.__kwdefaults__
        if any(given):
            found[f"{thing.__qualname__} defaults"] = value_digest(given, thing.__qualname__)
        for name in sorted(names & thing.__globals__.keys()):
            value = thing.__globals__[name]
            if isinstance(value, FunctionType | type):
                if value.__module__ == thing.__module__:
                    pending.append(value)
                elif value.__module__:
                    modules.add(value.__module__)
            elif isinstance(value, ModuleType):
                modules.add(value.__name__)
            else:
                found[f"={name}"] = value_digest(value, name)
    return found, modules


def code_text(code: CodeType) -> tuple[str, set[str]]:
    """What a code object does, without where it stands; and the names that it looks up."""
    texts, names = [code.co_code.hex(), repr(code.co_names)], set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner, more = code_text(constant)
            names |= more
            texts.append(inner)
        elif isinstance(constant, frozenset):  # its order is another one in every process
            texts.append(repr(sorted(map(repr, constant))))
        else:
            texts.append(repr(constant))
    return " ".join(texts), names
