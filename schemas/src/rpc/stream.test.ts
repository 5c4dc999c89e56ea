import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { GRPCBroker } from "../gen/plugin/plugin_pb.ts";
import { Provider } from "../gen/tfplugin6/tfplugin6_pb.ts";
import { createClient } from "./client.ts";
import { LodgeError } from "./error.ts";
import { bind, type CallContext } from "./service.ts";
import { aborted, failure, never, pair } from "./testing.ts";

const kilobytes = (count: number) => new Uint8Array(count * 1024);

describe("the end of a call", () => {
  test("the deadline: the caller has its error, the handler its signal", async () => {
    let deadline: Date | undefined;
    const reason = Promise.withResolvers<unknown>();
    const service = bind(Provider, {
      stopProvider: async (_, context) => {
        deadline = context.deadline;
        reason.resolve(await aborted(context));
        return never();
      },
    });
    await using both = await pair({ services: [service] });
    const begin = Date.now();
    const error = await failure(
      createClient(Provider, both.transport).stopProvider({}, { timeoutMs: 1_000 }),
    );
    expect(error).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      reason: "DEADLINE_EXCEEDED",
      retryable: true,
    });
    expect(error.message).toContain("1000 ms");
    expect(await reason.promise).toBeInstanceOf(LodgeError);
    expect(deadline?.getTime()).toBeGreaterThan(begin);
    expect(deadline?.getTime()).toBeLessThan(begin + 5000);
  });

  test("a unary call has the transport's deadline, a stream none", async () => {
    const deadlines: (Date | undefined)[] = [];
    const service = bind(Provider, {
      stopProvider: async (_, context) => {
        deadlines.push(context.deadline);
        return {};
      },
      async *listResource(_, context) {
        deadlines.push(context.deadline);
        yield {};
      },
    });
    await using both = await pair({ services: [service] }, { timeoutMs: 5000 });
    const client = createClient(Provider, both.transport);
    await client.stopProvider({});
    await Array.fromAsync(client.listResource({}));
    await client.stopProvider({}, { timeoutMs: Infinity });
    // More than gRPC's header or Node's timers can count.
    await client.stopProvider({}, { timeoutMs: 1e12 });
    expect(deadlines).toEqual([expect.any(Date), undefined, undefined, undefined]);
  });

  test("the caller's signal, in a unary call", async () => {
    const started = Promise.withResolvers<void>();
    const reason = Promise.withResolvers<unknown>();
    const service = bind(Provider, {
      stopProvider: async (_, context) => {
        started.resolve();
        reason.resolve(await aborted(context));
        return {};
      },
    });
    await using both = await pair({ services: [service] });
    const controller = new AbortController();
    const call = createClient(Provider, both.transport).stopProvider(
      {},
      { signal: controller.signal },
    );
    await started.promise;
    controller.abort();
    expect(await failure(call)).toMatchObject({ code: "CANCELLED" });
    expect(await reason.promise).toMatchObject({ code: "CANCELLED" });
  });

  test("a signal that was aborted before: nothing is sent", async () => {
    let called = false;
    const service = bind(Provider, {
      stopProvider: async () => {
        called = true;
        return {};
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    expect(await failure(client.stopProvider({}, { signal: AbortSignal.abort() }))).toMatchObject({
      code: "CANCELLED",
    });
    const late = AbortSignal.timeout(0);
    await aborted({ signal: late } as CallContext);
    expect(await failure(client.stopProvider({}, { signal: late }))).toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    expect(called).toBe(false);
  });

  test("leaving the loop over a stream stops its source", async () => {
    const stopped = Promise.withResolvers<void>();
    const service = bind(Provider, {
      async *listResource() {
        try {
          for (let index = 0; ; index++) {
            yield { displayName: `${index}` };
            await sleep(1);
          }
        } finally {
          stopped.resolve();
        }
      },
    });
    await using both = await pair({ services: [service] });
    for await (const event of createClient(Provider, both.transport).listResource({})) {
      if (event.displayName === "3") break;
    }
    await stopped.promise;
    expect(both.server.connections).toBe(1);
  });

  test("a signal cuts a stream that never ends, though its source ignores everything", async () => {
    const service = bind(Provider, {
      async *listResource() {
        while (true) {
          yield { displayName: "x".repeat(1000) };
          await sleep(0);
        }
      },
    });
    await using both = await pair({ services: [service] });
    const controller = new AbortController();
    let count = 0;
    const error = await failure(
      (async () => {
        const stream = createClient(Provider, both.transport).listResource(
          {},
          { signal: controller.signal },
        );
        for await (const _ of stream) if (++count === 50) controller.abort();
      })(),
    );
    expect(error.code).toBe("CANCELLED");
    expect(count).toBeGreaterThanOrEqual(50);
  });

  test("a signal cuts a stream that says nothing", async () => {
    const service = bind(Provider, {
      async *listResource() {
        await never();
        yield {};
      },
    });
    await using both = await pair({ services: [service] });
    const stream = createClient(Provider, both.transport).listResource(
      {},
      { signal: AbortSignal.timeout(50) },
    );
    expect(await failure(Array.fromAsync(stream))).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  test("closing the transport cancels what is under way", async () => {
    const reason = Promise.withResolvers<unknown>();
    const service = bind(Provider, {
      stopProvider: async (_, context) => {
        both.transport.close();
        reason.resolve(await aborted(context));
        return {};
      },
    });
    await using both = await pair({ services: [service] });
    const error = await failure(createClient(Provider, both.transport).stopProvider({}));
    expect(error.code).toBe("CANCELLED");
    expect(await reason.promise).toMatchObject({ code: "CANCELLED" });
  });

  test("the signal of a call that ended well is never aborted", async () => {
    let signal: AbortSignal | undefined;
    const service = bind(Provider, {
      stopProvider: async (_, context) => {
        signal = context.signal;
        return {};
      },
    });
    await using both = await pair({ services: [service] });
    await createClient(Provider, both.transport).stopProvider({});
    await sleep(20);
    expect(signal?.aborted).toBe(false);
  });
});

describe("backpressure", () => {
  test("a server writes no further than its reader reads", async () => {
    let written = 0;
    const service = bind(Provider, {
      async *readStateBytes() {
        for (; written < 1000; written++) yield { bytes: kilobytes(64) };
      },
    });
    await using both = await pair({ services: [service] });
    const stream = createClient(Provider, both.transport).readStateBytes({});
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await sleep(300);
    // Both ends hold a few messages and a window of HTTP/2, not the 62 MiB that there are.
    expect(written).toBeLessThan(200);
    let read = 1;
    while (!(await iterator.next()).done) read++;
    expect(read).toBe(1000);
  });

  test("a client writes no further than its reader reads", async () => {
    let written = 0;
    const go = Promise.withResolvers<void>();
    const service = bind(Provider, {
      async writeStateBytes(chunks) {
        await go.promise;
        let size = 0;
        for await (const { bytes } of chunks) size += bytes.length;
        return { diagnostics: [{ summary: `${size}` }] };
      },
    });
    await using both = await pair({ services: [service] });
    async function* chunks() {
      for (; written < 1000; written++) yield { bytes: kilobytes(64) };
    }
    const call = createClient(Provider, both.transport).writeStateBytes(chunks());
    await sleep(300);
    expect(written).toBeLessThan(200);
    go.resolve();
    expect((await call).diagnostics[0]?.summary).toBe(`${1000 * 64 * 1024}`);
  });
});

describe("streams of requests", () => {
  test("an answer before the last request ends the sending", async () => {
    const stopped = Promise.withResolvers<void>();
    const service = bind(Provider, {
      async writeStateBytes(chunks) {
        for await (const _ of chunks) break;
        return { diagnostics: [{ summary: "enough" }] };
      },
    });
    await using both = await pair({ services: [service] });
    async function* chunks() {
      try {
        while (true) {
          yield { bytes: kilobytes(1) };
          await sleep(1);
        }
      } finally {
        stopped.resolve();
      }
    }
    const answer = await createClient(Provider, both.transport).writeStateBytes(chunks());
    expect(answer.diagnostics[0]?.summary).toBe("enough");
    await stopped.promise;
  });

  test.each(["client streaming", "bidirectional"])(
    "a source that fails fails the call: %s",
    async (kind) => {
      const seen = Promise.withResolvers<unknown>();
      const consume = async (requests: AsyncIterable<unknown>) => {
        try {
          for await (const _ of requests) continue;
          seen.resolve("ended");
        } catch (error) {
          seen.resolve(error);
          throw error;
        }
      };
      const services = [
        bind(Provider, {
          async writeStateBytes(chunks) {
            await consume(chunks);
            return {};
          },
        }),
        bind(GRPCBroker, {
          async *startStream(requests) {
            yield {};
            await consume(requests);
          },
        }),
      ];
      await using both = await pair({ services });
      async function* broken() {
        yield {};
        await sleep(20);
        throw new RangeError("the file could not be read");
      }
      const call =
        kind === "bidirectional"
          ? Array.fromAsync(createClient(GRPCBroker, both.transport).startStream(broken()))
          : createClient(Provider, both.transport).writeStateBytes(broken());
      const error = await failure(call);
      expect(error.cause).toBeInstanceOf(RangeError);
      // The server must not take the half for the whole.
      expect(await seen.promise).toMatchObject({ code: "CANCELLED" });
    },
  );

  test("a cancelled upload never looks complete, whenever it is cancelled", async () => {
    const ends: string[] = [];
    const service = bind(Provider, {
      async writeStateBytes(chunks) {
        try {
          for await (const _ of chunks) continue;
          ends.push("complete");
        } catch {
          ends.push("cut");
        }
        return {};
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    const started = 200;
    await Promise.all(
      Array.from({ length: started }, async (_, index) => {
        const controller = new AbortController();
        async function* chunks() {
          for (let count = 0; ; count++) {
            yield { bytes: kilobytes(index % 3 === 0 ? 0 : 40) };
            if (count === index % 7) controller.abort();
            if (index % 2 === 0) await sleep(0);
          }
        }
        await failure(client.writeStateBytes(chunks(), { signal: controller.signal }));
      }),
    );
    await client.writeStateBytes(chunksOnce());
    await expect.poll(() => ends.filter((end) => end === "complete")).toEqual(["complete"]);
  });

  async function* chunksOnce() {
    yield { bytes: kilobytes(1) };
  }

  test("the handler ends a bidirectional stream while the client still talks", async () => {
    const service = bind(GRPCBroker, {
      async *startStream(requests) {
        for await (const request of requests) {
          yield { serviceId: request.serviceId };
          if (request.serviceId === 3) return;
        }
      },
    });
    await using both = await pair({ services: [service] });
    async function* requests() {
      for (let serviceId = 1; ; serviceId++) {
        yield { serviceId };
        await sleep(1);
      }
    }
    const answers = await Array.fromAsync(
      createClient(GRPCBroker, both.transport).startStream(requests()),
    );
    expect(answers.map((answer) => answer.serviceId)).toEqual([1, 2, 3]);
  });
});
