"""What one writes first: so many calls at a time, and the SDK's own retries.

python -m benchmarks.semaphore URL CALLS IN_FLIGHT
"""

import asyncio
import sys
import time

from openai import AsyncOpenAI, OpenAIError


async def draw_all(url: str, calls: int, in_flight: int) -> None:
    """Prints the seconds that it took and how many images were never made."""
    gate = asyncio.Semaphore(in_flight)
    async with AsyncOpenAI(base_url=url, api_key="sandbox") as client:

        async def draw(number: int) -> bool:
            async with gate:
                try:
                    await client.images.generate(
                        model="gpt-image-2",
                        prompt=f"a mug, number {number}",
                        size="1024x1024",
                        quality="low",
                    )
                except OpenAIError:
                    return False
            return True

        begun = time.perf_counter()
        made = await asyncio.gather(*(draw(number) for number in range(calls)))
        print(time.perf_counter() - begun, made.count(False))


if __name__ == "__main__":
    where, number, at_once = sys.argv[1:]
    asyncio.run(draw_all(where, int(number), int(at_once)))
