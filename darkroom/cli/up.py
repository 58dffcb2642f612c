"""The local stack in the foreground."""

from darkroom.cli.client import Client
from darkroom.cli.environment import read_environment
from darkroom.cli.hosting import hosted
from darkroom.cli.stack import Layout, key_path, local_key
from darkroom.cli.terminal import Terminal
from darkroom.local.errors import StackRunning
from darkroom.local.stack import Stack


def up() -> None:
    """Run the stack in the foreground.

    Example: DARKROOM_API_PORT=8080 darkroom up

    Ctrl-C finishes the calls in flight and stops it.
    """
    terminal, environment = Terminal(), read_environment()
    layout = Layout(environment)
    if running := Stack.running(environment.root):
        raise StackRunning(environment.root, running.pid, running.api_url)
    with hosted(layout, terminal.notice) as stack:
        with Client(stack.urls.api, local_key(environment)) as client:
            link = client.login_link()
        lines = {
            "pages": link,
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
