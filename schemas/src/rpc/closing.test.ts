import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Provider } from "../gen/tfplugin6/tfplugin6_pb.ts";
import { createClient } from "./client.ts";
import { bind } from "./service.ts";
import { aborted, failure, never, pair } from "./testing.ts";

describe("closing the server", () => {
  test("streams end at once with SERVER_CLOSING, unary calls may finish", async () => {
    const go = Promise.withResolvers<void>();
    await using both = await pair({
      services: [
        bind(Provider, {
          async *listResource(_, context) {
            yield {};
            await aborted(context);
          },
          stopProvider: async () => {
            await go.promise;
            return { Error: "finished" };
          },
        }),
      ],
    });
    const client = createClient(Provider, both.transport);
    const unary = client.stopProvider({});
    const stream = client.listResource({})[Symbol.asyncIterator]();
    await stream.next();
    const closed = both.server.close(10_000);
    expect(await failure(stream.next())).toMatchObject({
      code: "UNAVAILABLE",
      reason: "SERVER_CLOSING",
      retryable: true,
    });
    go.resolve();
    expect((await unary).Error).toBe("finished");
    await closed;
    expect(await failure(client.stopProvider({}))).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("before the process ends it waits for its clients to leave, but not for ever", async () => {
    const service = bind(Provider, {
      async *listResource(_, context) {
        yield {};
        await aborted(context);
      },
      stopProvider: async () => ({ Error: "stopped" }),
    });
    for (const leaves of [true, false]) {
      await using both = await pair({ services: [service] });
      const client = createClient(Provider, both.transport);
      await client.listResource({})[Symbol.asyncIterator]().next();
      const finished = both.server.finish(leaves ? 60_000 : 50);
      const early = Promise.race([finished.then(() => "ended"), sleep(25, "waits")]);
      expect((await client.stopProvider({})).Error).toBe("stopped");
      expect(both.server.connections).toBe(1);
      if (leaves) both.transport.close();
      await finished;
      expect(both.server.connections).toBe(leaves ? 0 : 1);
      if (!leaves) expect(await early).toBe("waits");
    }
  });

  test("a handler that heeds nothing holds up nobody", async () => {
    await using both = await pair({ services: [bind(Provider, { stopProvider: never })] });
    const call = failure(
      createClient(Provider, both.transport).stopProvider({}, { timeoutMs: 60_000 }),
    );
    await expect.poll(() => both.server.connections).toBe(1);
    await both.server.close(50);
    expect(await call).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("a client finds the server again after it was restarted", async () => {
    const service = bind(Provider, { stopProvider: async () => ({ Error: "here" }) });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    await client.stopProvider({});
    await both.server.close(0);
    expect((await failure(client.stopProvider({}))).reason).toMatch(/UNREACHABLE|CONNECTION_LOST/);
    await using again = await pair({ services: [service] });
    await again.server.listen(both.address, "plaintext");
    await expect
      .poll(() =>
        client.stopProvider({}).then(
          (answer) => answer.Error,
          () => "",
        ),
      )
      .toBe("here");
  });
});
