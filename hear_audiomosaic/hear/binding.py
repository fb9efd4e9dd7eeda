"""How ``load_model`` is called: by its own signature.

A path is passed where one is given (after the first colon of a reference), or where ``load_model`` cannot do without:
then an empty one, since modules that require a path and ignore it are common. Options are passed to the parameters of
their names. ``batch`` is an option of this harness, not of the module: ``?batch=1`` embeds clip by clip.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.coercions import Coercions, short
from hear_audiomosaic.hear.foreign import cause, is_out_of_memory
from hear_audiomosaic.hear.reference import EncoderRef, OptionValue

__all__ = ["BATCH", "batch_of", "loaded_model", "module_options"]

BATCH = "batch"
"""The option that says how many clips a batch has at most."""

_PATH = "model_file_path"  # HEAR's name of it
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def batch_of(ref: EncoderRef) -> int | None:
    """How many clips a batch has at most; None where the reference does not say.

    Raises:
        EncoderError: ``batch`` is not a positive whole number.
    """
    value = dict(ref.options).get(BATCH)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise EncoderError(
            f"'{ref.text}': batch is {short(value)}; expected how many clips a batch has at most, from 1."
        )
    return value


def module_options(ref: EncoderRef) -> dict[str, OptionValue]:
    """The options that are the module's own."""
    return {name: value for name, value in ref.options if name != BATCH}


def loaded_model(load_model: Callable[..., Any], ref: EncoderRef, coercions: Coercions) -> Any:
    """Call ``load_model``.

    Args:
        load_model: of a HEAR module.
        ref: path and options.
        coercions: is added to where an empty path was passed.

    Raises:
        EncoderError: it has no parameter for the path or an option, wants others, or fails without a path.
    """
    options = module_options(ref)
    try:
        parameters = inspect.signature(load_model).parameters
    except (TypeError, ValueError):  # compiled, without a signature
        return load_model(*(() if ref.weights is None else (ref.weights,)), **options)
    paths, named, empty = _path(parameters, ref, options)
    _refuse_others(parameters, ref, options)
    _refuse_lack(parameters, ref, options, n_paths=len(paths))
    if empty is None:
        return load_model(*paths, **named, **options)
    coercions["load_model requires a path, none was given: it got an empty one"] += 1
    try:
        return load_model(*paths, **named, **options)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise EncoderError(
            f"load_model of {ref.text} failed: {cause(error)}. It requires a path to its weights ({empty}), and none "
            f"was given: write it after a colon, {ref.name}:WEIGHTS."
        ) from error


def _path(
    parameters: Mapping[str, inspect.Parameter], ref: EncoderRef, options: Mapping[str, OptionValue]
) -> tuple[tuple[str, ...], dict[str, str], str | None]:
    """The path by position, or by name; and the name of the parameter that gets an empty one."""
    first = next((one for one in parameters.values() if one.kind in _POSITIONAL), None)
    if ref.weights is None:
        if first is None or first.default is not inspect.Parameter.empty or first.name in options:
            return (), {}, None
        return ("",), {}, first.name
    if first is not None and first.name in options:
        raise EncoderError(f"'{ref.text}' gives the path twice, after the colon and as ?{first.name}=; give it once.")
    kinds = {one.kind for one in parameters.values()}
    if first is not None or inspect.Parameter.VAR_POSITIONAL in kinds:
        return (ref.weights,), {}, None
    if _PATH in parameters or inspect.Parameter.VAR_KEYWORD in kinds:
        return (), {_PATH: ref.weights}, None
    raise EncoderError(
        f"load_model of {ref.name} takes no path to weights; leave ':{ref.weights}' out. {_known(parameters)}"
    )


def _refuse_others(
    parameters: Mapping[str, inspect.Parameter], ref: EncoderRef, options: Mapping[str, OptionValue]
) -> None:
    if any(one.kind == inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
        return
    names = [name for name, one in parameters.items() if one.kind in _NAMED]
    for option in options:
        if option not in names:
            close = difflib.get_close_matches(option, names, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise EncoderError(f"load_model of {ref.name} has no option '{option}'.{hint} {_known(parameters)}")


def _refuse_lack(
    parameters: Mapping[str, inspect.Parameter], ref: EncoderRef, options: Mapping[str, OptionValue], n_paths: int
) -> None:
    """What has no default and is not given."""
    positional = [one.name for one in parameters.values() if one.kind in _POSITIONAL]
    given = {*options, *positional[:n_paths], *((_PATH,) if ref.weights is not None else ())}
    lacking = [
        name
        for name, one in parameters.items()
        if one.kind in (*_POSITIONAL, *_NAMED) and one.default is inspect.Parameter.empty and name not in given
    ]
    if lacking:
        raise EncoderError(
            f"load_model of {ref.name} requires {', '.join(lacking)}; give it as {ref.name}?"
            f"{'&'.join(f'{name}=VALUE' for name in lacking)}. {_known(parameters)}"
        )


def _known(parameters: Mapping[str, inspect.Parameter]) -> str:
    shown = [str(one.replace(annotation=inspect.Parameter.empty)) for one in parameters.values()]
    return f"It has the parameters {', '.join(shown)}." if shown else "It has no parameters."
