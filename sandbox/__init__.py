"""The outside world, simulated: an OpenAI-compatible image server with limits, faults and a ledger.

Run it with `python -m sandbox --port 9100` and point a client at `http://127.0.0.1:9100/v1`. Any
non-empty key is taken unless one is configured. What it bills stands in its ledger, and tests steer
it through `/_sandbox/`: `ledger`, `totals`, `wait`, `config`, `release`, `reset`, `healthz`.

A prompt can ask for trouble by itself: `[[fault:server_error]]` fails each call of that prompt,
`[[fault:rate_limit*2]]` its first two, `[[fault:rate_limit=30]]` hands over a value (here the hint
in seconds), `[[latency:2.5]]` takes that long, and `[[hold:gate]]` waits until `gate` is released.
"""
