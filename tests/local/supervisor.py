"""A supervisor as the tests run it: supervisor.py HOME OPTIONS, facts as JSON lines on stdout."""

import json
import sys
from pathlib import Path

from darkroom.local.errors import LocalError
from darkroom.local.plan import Plan, Service
from darkroom.local.stack import Stack

TINY = Path(__file__).with_name("tiny.py")


def tell(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def tiny(journal, name, manner="polite", **fields):
    def up():
        return journal.exists() and f"{name} up" in journal.read_text(encoding="utf-8").splitlines()

    argv = (sys.executable, "-I", "-S", str(TINY), name, str(journal), manner)
    return Service(name=name, argv=argv, ready=up, **fields)


def main(home, options):
    services = options.pop("services", [])
    journal = Path(home + ".journal")
    plan = Plan(lambda _urls, _secrets: [tiny(journal, **one) for one in services], **options)
    stack = Stack(Path(home), plan, lambda line: tell(say=line))
    try:
        stack.start()
    except LocalError as error:
        tell(error=type(error).__name__, message=str(error))
        sys.exit(2)
    tell(ready=True, database=stack.urls.database, redis=stack.urls.redis, api=stack.urls.api)
    stack.run_until_signal()
    stack.stop()
    tell(stopped=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
