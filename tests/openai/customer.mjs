// What a customer of OpenAI's own Node library does, unmodified; asked on stdin, told on stdout, both JSON.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.env.NODE_OPENAI}/`);
const { default: OpenAI, toFile } = await import(pathToFileURL(require.resolve("openai")));
const asked = JSON.parse(await text(process.stdin));
const client = new OpenAI({ apiKey: asked.key, baseURL: `${asked.url}/v1`, webhookSecret: asked.secret });
const drawn = { model: "gpt-image-2", prompt: "a cat", size: "1024x1024", quality: "low" };
const isPng = (image) => Buffer.from(image.b64_json, "base64").subarray(1, 4).toString() === "PNG";

async function collected(pager) {
  const found = [];
  for await (const one of pager) found.push(one.id);
  return found;
}

async function created(lines) {
  const file = await client.files.create({ file: await toFile(Buffer.from(lines), "lines.jsonl"), purpose: "batch" });
  return client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/images/generations",
    completion_window: "24h",
    metadata: { night: "1" },
  });
}

const acts = {
  async order() {
    const [kept, dropped] = [await created(asked.lines), await created(asked.held)];
    assert.equal((await client.batches.retrieve(kept.id)).metadata.night, "1");
    assert.deepEqual(await collected(client.batches.list({ limit: 1 })), [dropped.id, kept.id]);
    assert.equal((await client.batches.cancel(dropped.id)).status, "cancelling");
    return { id: kept.id };
  },
  async fetch() {
    const batch = await client.batches.retrieve(asked.id);
    assert.equal(batch.status, "completed");
    const [line] = (await (await client.files.content(batch.output_file_id)).text()).split("\n");
    assert.ok(isPng(JSON.parse(line).response.body.data[0]));
    assert.ok((await collected(client.files.list({ limit: 1 }))).includes(batch.output_file_id));
    assert.ok((await client.files.delete(batch.output_file_id)).deleted);
    return {};
  },
  async draw() {
    assert.ok(isPng((await client.images.generate(drawn)).data[0]));
    const image = await toFile(Buffer.from(asked.picture, "base64"), "a.png", { type: "image/png" });
    assert.ok(isPng((await client.images.edit({ ...drawn, image: [image, image] })).data[0]));
    const types = [];
    for await (const event of await client.images.generate({ ...drawn, stream: true })) types.push(event.type);
    assert.deepEqual(types, ["image_generation.completed"]);
    await assert.rejects(client.images.generate({ ...drawn, quality: "best" }), OpenAI.BadRequestError);
    return {};
  },
  async hear() {
    const { body, headers } = asked.webhook;
    const event = await client.webhooks.unwrap(body, headers);
    await assert.rejects(client.webhooks.unwrap(`${body} `, headers));
    return { type: event.type, id: event.data.id };
  },
};

console.log(JSON.stringify(await acts[asked.act]()));
