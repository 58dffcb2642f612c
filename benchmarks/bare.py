"""What one writes without a queue: so many calls at a time, each image into a file, nothing kept of the rest.

python -m benchmarks.bare URL CALLS IN_FLIGHT FOLDER
"""

import asyncio
import base64
import sys
import time
from pathlib import Path

from openai import AsyncOpenAI


async def draw_all(url: str, calls: int, in_flight: int, folder: Path) -> None:
    """Prints the seconds that it took."""
    gate = asyncio.Semaphore(in_flight)
    async with AsyncOpenAI(base_url=url, api_key="sandbox", max_retries=0) as client:

        async def draw(number: int) -> None:
            async with gate:
                answer = await client.images.generate(
                    model="gpt-image-2",
                    prompt=f"a mug, number {number}",
                    size="1024x1024",
                    quality="low",
                )
            assert answer.data
            image = base64.b64decode(answer.data[0].b64_json or "")
            (folder / f"{number:05d}.png").write_bytes(image)

        begun = time.perf_counter()
        await asyncio.gather(*(draw(number) for number in range(calls)))
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    where, number, at_once, into = sys.argv[1:]
    asyncio.run(draw_all(where, int(number), int(at_once), Path(into)))
