import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { GRPCBroker } from "../gen/plugin/plugin_pb.ts";
import {
  Provider,
  StopProvider_RequestSchema,
  StopProvider_ResponseSchema,
} from "../gen/tfplugin6/tfplugin6_pb.ts";
import { createClient } from "./client.ts";
import { lodgeError, LodgeError } from "./error.ts";
import { bind, contextKey, type CallContext } from "./service.ts";
import { failure, pair } from "./testing.ts";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

describe("the four kinds of call", () => {
  test("unary", async () => {
    const service = bind(Provider, {
      callFunction: async (request) => ({
        result: { msgpack: bytes(`${request.name}/${request.arguments.length}`) },
      }),
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    const answer = await client.callFunction({ name: "f", arguments: [{}, {}] });
    expect(text(answer.result?.msgpack ?? new Uint8Array())).toBe("f/2");
  });

  test("server streaming", async () => {
    const service = bind(Provider, {
      async *listResource(request) {
        for (let index = 0n; index < request.limit; index++) yield { displayName: `${index}` };
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    const events = await collect(client.listResource({ limit: 100n }));
    expect(events.map((event) => event.displayName)).toEqual(
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
  });

  test("client streaming", async () => {
    const service = bind(Provider, {
      async writeStateBytes(chunks) {
        const parts = await collect(chunks);
        return { diagnostics: [{ summary: parts.map((part) => text(part.bytes)).join("") }] };
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    async function* chunks() {
      for (const part of ["a", "b", "c"]) yield { bytes: bytes(part) };
    }
    const answer = await client.writeStateBytes(chunks());
    expect(answer.diagnostics[0]?.summary).toBe("abc");
  });

  test("bidirectional streaming, each answer before the next request", async () => {
    const service = bind(GRPCBroker, {
      async *startStream(requests) {
        for await (const request of requests) yield { serviceId: request.serviceId * 2 };
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(GRPCBroker, both.transport);
    const seen: number[] = [];
    const { promise: first, resolve } = Promise.withResolvers<void>();
    async function* requests() {
      yield { serviceId: 1 };
      await first;
      yield { serviceId: 2 };
    }
    for await (const answer of client.startStream(requests())) {
      seen.push(answer.serviceId);
      resolve();
    }
    expect(seen).toEqual([2, 4]);
  });

  test("many calls at once on one connection", async () => {
    const service = bind(Provider, {
      async stopProvider() {
        await sleep(1);
        return { Error: "" };
      },
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    await Promise.all(Array.from({ length: 200 }, () => client.stopProvider({})));
    expect(both.server.connections).toBe(1);
  });
});

describe("errors", () => {
  test("code, reason, message and details arrive; the cause does not", async () => {
    const seen: LodgeError[] = [];
    const thrown = lodgeError("CREDENTIALS_INVALID", "vm “web” is gone ✗", {
      kind: "vm",
      id: "1234",
      name: "web",
      remedy: "Create it.",
      violations: [{ path: "spec.disks.root.size", message: "too small" }],
      retryable: true,
      cause: new Error("password=secret"),
    });
    const service = bind(Provider, {
      stopProvider: () => Promise.reject(thrown),
    });
    await using both = await pair({ services: [service], onError: (error) => seen.push(error) });
    const error = await failure(createClient(Provider, both.transport).stopProvider({}));
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "CREDENTIALS_INVALID",
      message: "vm “web” is gone ✗",
      kind: "vm",
      id: "1234",
      objectName: "web",
      remedy: "Create it.",
      violations: [{ path: "spec.disks.root.size", message: "too small" }],
      retryable: true,
    });
    expect(JSON.stringify(error) + String(error.stack)).not.toContain("secret");
    expect(seen).toEqual([thrown]);
  });

  test("an unknown exception becomes INTERNAL without its text, in unary and streaming calls", async () => {
    const causes: unknown[] = [];
    const service = bind(Provider, {
      stopProvider: () => Promise.reject(new TypeError("x.y is not a function")),
      // eslint-disable-next-line require-yield
      async *listResource() {
        throw new RangeError("secret path");
      },
    });
    await using both = await pair({
      services: [service],
      onError: (error) => causes.push(error.cause),
    });
    const client = createClient(Provider, both.transport);
    const unary = await failure(client.stopProvider({}));
    const stream = await failure(collect(client.listResource({})));
    for (const error of [unary, stream]) {
      expect(error).toMatchObject({ code: "INTERNAL", reason: "INTERNAL" });
      expect(error.message).not.toMatch(/function|secret/);
    }
    expect(causes).toEqual([expect.any(TypeError), expect.any(RangeError)]);
  });

  test("a stream's messages before its error arrive", async () => {
    const service = bind(Provider, {
      async *listResource() {
        yield { displayName: "one" };
        throw lodgeError("UNREACHABLE", "gone");
      },
    });
    await using both = await pair({ services: [service] });
    const seen: string[] = [];
    const error = await failure(
      (async () => {
        for await (const event of createClient(Provider, both.transport).listResource({})) {
          seen.push(event.displayName);
        }
      })(),
    );
    expect(seen).toEqual(["one"]);
    expect(error).toMatchObject({ reason: "UNREACHABLE", retryable: true });
  });

  test("a method without a handler, and a service that is not there", async () => {
    await using both = await pair({ services: [bind(Provider, {})] });
    const method = await failure(createClient(Provider, both.transport).stopProvider({}));
    expect(method).toMatchObject({ code: "UNIMPLEMENTED", reason: "METHOD_UNKNOWN" });
    async function* none() {}
    const service = await failure(
      collect(createClient(GRPCBroker, both.transport).startStream(none())),
    );
    expect(service).toMatchObject({ code: "UNIMPLEMENTED", reason: "METHOD_UNKNOWN" });
    expect(service.message).toContain("/plugin.GRPCBroker/StartStream");
  });

  test("very long texts and lone surrogates are cut, not fatal", async () => {
    const service = bind(Provider, {
      stopProvider: () => Promise.reject(lodgeError("INTERNAL", `\ud800${"x".repeat(1_000_000)}`)),
      configureProvider: () =>
        Promise.reject(
          lodgeError("INTERNAL", "many", {
            violations: Array.from({ length: 10_000 }, () => ({
              path: "a".repeat(999),
              message: "b",
            })),
          }),
        ),
    });
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    const long = await failure(client.stopProvider({}));
    expect(long.message.length).toBe(4096);
    const many = await failure(client.configureProvider({}));
    expect(many.violations.length).toBeGreaterThan(10);
    expect(many.violations.length).toBeLessThan(10_000);
  });
});

describe("interceptors", () => {
  const principal = contextKey<string>("principal");

  test("run around the handler, outermost first, and hand it values", async () => {
    const order: string[] = [];
    const service = bind(Provider, {
      stopProvider: async (_, context) => ({ Error: context.get(principal) }),
    });
    await using both = await pair({
      services: [service],
      interceptors: [
        async (context, next) => {
          order.push(`log ${context.method.name}`);
          await next();
          order.push("done");
        },
        async (context, next, request) => {
          order.push(`auth ${request?.$typeName}`);
          context.set(principal, context.headers.get("x-user") ?? "");
          await next();
        },
      ],
    });
    const client = createClient(Provider, both.transport);
    const answer = await client.stopProvider({}, { headers: { "x-user": "me" } });
    expect(answer.Error).toBe("me");
    expect(order).toEqual(["log StopProvider", "auth tfplugin6.StopProvider.Request", "done"]);
  });

  test("what a server's interceptor throws is the call's end", async () => {
    let called = false;
    const service = bind(Provider, {
      stopProvider: async () => {
        called = true;
        return {};
      },
    });
    await using both = await pair({
      services: [service],
      interceptors: [
        () => Promise.reject(lodgeError("CLIENT_CERTIFICATE_REJECTED", "who are you")),
      ],
    });
    const error = await failure(createClient(Provider, both.transport).stopProvider({}));
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", message: "who are you" });
    expect(called).toBe(false);
  });

  test("a client's interceptor adds headers, sees the end of streams, and can refuse", async () => {
    const ends: string[] = [];
    const service = bind(Provider, {
      async *listResource(_, context: CallContext) {
        yield { displayName: context.headers.get("x-trace") ?? "" };
      },
    });
    await using both = await pair(
      { services: [service] },
      {
        interceptors: [
          async (call, next) => {
            if (call.headers.has("x-refuse")) throw lodgeError("CANCELLED", "refused here");
            call.headers.set("x-trace", "t1");
            await next();
            ends.push(call.method.name);
          },
        ],
      },
    );
    const client = createClient(Provider, both.transport);
    const events = await collect(client.listResource({}));
    expect(events.map((event) => event.displayName)).toEqual(["t1"]);
    expect(ends).toEqual(["ListResource"]);
    const refused = await failure(
      collect(client.listResource({}, { headers: { "x-refuse": "1" } })),
    );
    expect(refused.message).toBe("refused here");
  });

  test("asking for a value that nobody has set is our fault, and says so only in the log", async () => {
    const causes: unknown[] = [];
    const service = bind(Provider, {
      stopProvider: async (_, context) => ({ Error: context.get(principal) }),
    });
    await using both = await pair({
      services: [service],
      onError: (error) => causes.push((error.cause as Error).message),
    });
    expect(await failure(createClient(Provider, both.transport).stopProvider({}))).toMatchObject({
      code: "INTERNAL",
    });
    expect(causes).toEqual(["no interceptor has set principal"]);
  });
});

test("fields of a newer peer are ignored, in requests and in answers", async () => {
  const field = { no: 1000, wireType: WireType.LengthDelimited, data: Uint8Array.from([1, 65]) };
  let unknown: unknown;
  const service = bind(Provider, {
    stopProvider: async (message) => {
      unknown = message.$unknown;
      const answer = create(StopProvider_ResponseSchema, { Error: "e" });
      answer.$unknown = [field];
      return answer;
    },
  });
  await using both = await pair({ services: [service] });
  const request = create(StopProvider_RequestSchema);
  request.$unknown = [field];
  const answer = await createClient(Provider, both.transport).stopProvider(request);
  expect(unknown).toEqual([{ ...field, data: Buffer.from(field.data) }]);
  expect(answer).toMatchObject({ Error: "e", $unknown: [{ no: 1000 }] });
});
