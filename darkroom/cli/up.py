"""The local stack in the foreground."""

from darkroom.cli.environment import read_environment
from darkroom.cli.stack import Layout, build, key_path
from darkroom.cli.terminal import Terminal


def up() -> None:
    """Run the stack in the foreground.

    Example: DARKROOM_API_PORT=8080 darkroom up

    Ctrl-C finishes the calls in flight and stops it.
    """
    terminal, environment = Terminal(), read_environment()
    layout = Layout(environment)
    stack = build(layout, terminal.notice)
    with stack:
        lines = {
            "API": stack.urls.api,
            "docs": f"{stack.urls.api}/docs",
            "Flower": stack.urls.flower,
            "key": str(key_path(environment)),
        }
        for word, value in lines.items():
            terminal.result(f"{word:8}{value}")
        if layout.sandbox:
            terminal.notice("without OPENAI_API_KEY the sandbox draws the images: placeholders")
        terminal.notice("ready; Ctrl-C stops it")
        stack.run_until_signal()
        terminal.notice("finishing the calls in flight; Ctrl-C again stops at once")
