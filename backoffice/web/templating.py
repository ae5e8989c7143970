"""How templates put out values: escaped as always, without an object for each that is thrown away at once."""

from __future__ import annotations

import re
from typing import Any, Final

from flask.templating import Environment
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

_SPECIAL: Final = re.compile("[&<>'\"]")
"""What `escape` replaces."""


def escaped(value: Any) -> str:
    """The text of `escape(value)`. A page has a thousand values, most of them markup or plain text with nothing to
    replace; each would be made a `Markup` only to be joined with its neighbours."""
    kind = type(value)
    if kind is Markup or (kind is str and not _SPECIAL.search(value)):
        return value  # type: ignore[no-any-return]
    return str(value) if kind is int or kind is float else escape(value)


class _Compiler(CodeGenerator):
    """Compiles `{{ value }}` to `environment.escaped(value)` where Jinja has `escape(value)`. Jinja overrides the same
    method for its own native templates."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")


class TemplateEnvironment(Environment):
    """Flask's, with the above."""

    code_generator_class = _Compiler
    escaped = staticmethod(escaped)
