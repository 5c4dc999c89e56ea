import { PassThrough, Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { chunksOf } from "./chunks.ts";

const never = new AbortController().signal;

it("takes no more of a stream than its reader does, but for a little", async () => {
  let read = 0;
  const stream = new Readable({
    highWaterMark: 1,
    read() {
      read += 1;
      this.push(Buffer.from([read % 256]));
    },
  });
  const chunks = chunksOf(stream, never);
  expect((await chunks.next()).value).toEqual(Buffer.from([1]));
  for (let turns = 0; turns < 1000; turns++) await turn();
  expect(read).toBeLessThan(40);
  for (let taken = 1; taken < 200; taken++) {
    expect((await chunks.next()).value).toEqual(Buffer.from([(taken + 1) % 256]));
  }
  stream.destroy();
});

it("ends with the stream, and leaves it open when its reader has enough", async () => {
  const stream = new PassThrough();
  stream.end("all");
  const all: string[] = [];
  for await (const chunk of chunksOf(stream, never)) all.push(chunk.toString());
  expect(all).toEqual(["all"]);

  const open = new PassThrough();
  open.write("one");
  for await (const chunk of chunksOf(open, never)) {
    expect(chunk.toString()).toBe("one");
    break;
  }
  expect(open.destroyed).toBe(false);
});

it("ends at once when it is told to", async () => {
  const told = new AbortController();
  const next = chunksOf(new PassThrough(), told.signal).next();
  told.abort();
  await expect(next).rejects.toMatchObject({ name: "AbortError" });
});
