/** The functions as Terraform calls them: encoded, before anything is configured. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { parseIpv4, parseRange } from "@lodge/schemas/spec/address.ts";
import { macAddress } from "@lodge/schemas/spec/field.ts";
import { provider } from "../provider.ts";
import { Core } from "../sdk/testing/core.ts";
import { plainValue } from "../sdk/testing/core-value.ts";
import { ProviderCaller } from "../sdk/testing/provider-caller.ts";
import { encodeIdentitySchemas, encodeProviderSchema } from "../sdk/server/provider-schema.ts";
import { createProviderService } from "../sdk/server/service.ts";

let core: Core;
beforeAll(async () => {
  const service = createProviderService({
    name: "lodge",
    schemaAsset: () => encodeProviderSchema(provider),
    identityAsset: () => encodeIdentitySchemas(provider),
    load: () => Promise.resolve(provider),
  });
  const caller = new ProviderCaller(service);
  const { identitySchemas } = await caller.call("getResourceIdentitySchemas", {});
  core = new Core(caller, await caller.call("getProviderSchema", {}), identitySchemas);
});

const call = async (name: string, ...args: unknown[]) =>
  plainValue(await core.callFunction(name, args));

describe("what is meant", () => {
  test.each<[string, unknown[], unknown]>([
    ["parse_size", ["4GiB"], 4_294_967_296],
    ["parse_size", ["0B"], 0],
    ["parse_size", ["4PiB"], 2 ** 52],
    ["format_size", [2_147_483_648], "2GiB"],
    ["format_size", [1536], "1536B"],
    ["format_size", [0], "0B"],
    ["parse_duration", ["1h30m"], 5400],
    ["parse_duration", ["250ms"], 0.25],
    ["mac_address", ["10.20.0.10"], "52:54:0a:14:00:0a"],
    ["mac_from_name", ["web/eth0"], "02:c3:14:42:68:92"],
    [
      "cidr_hosts",
      ["10.20.0.0/24"],
      {
        first: "10.20.0.1",
        last: "10.20.0.254",
        count: 254,
        gateway: "10.20.0.1",
        range: "10.20.0.2-10.20.0.254",
      },
    ],
    [
      "cidr_hosts",
      ["10.0.0.0/30"],
      { first: "10.0.0.1", last: "10.0.0.2", count: 2, gateway: "10.0.0.1", range: "10.0.0.2" },
    ],
    ["cidr_range", ["10.20.0.0/24", 10, 99], "10.20.0.10-10.20.0.99"],
    ["cidr_range", ["10.20.0.0/24", 100, -2], "10.20.0.100-10.20.0.254"],
    ["cidr_range", ["10.20.0.0/24", -255, 1], "10.20.0.1"],
    ["address_list", ["10.0.0.9-10.0.0.11"], ["10.0.0.9", "10.0.0.10", "10.0.0.11"]],
    ["address_list", ["10.0.0.9"], ["10.0.0.9"]],
    ["address_list", ["10.0.0.0/30"], ["10.0.0.1", "10.0.0.2"]],
  ])("%s(%o) is %o", async (name, args, expected) => {
    expect(await call(name, ...args)).toEqual(expected);
  });
});

describe("what is wrong, at its argument", () => {
  test.each<[string, unknown[], string]>([
    [
      "parse_size",
      ["4G"],
      'size must be a whole number with an IEC unit such as "512MiB" or "4GiB", not "4G" (argument 0)',
    ],
    ["parse_size", ["9PiB"], "(argument 0)"],
    [
      "format_size",
      [-1],
      "bytes must be a whole number from 0 to 9007199254740991, not -1 (argument 0)",
    ],
    ["format_size", [1.5], "not 1.5 (argument 0)"],
    ["format_size", [2n ** 60n], "(argument 0)"],
    ["parse_duration", ["soon"], 'not "soon" (argument 0)'],
    ["mac_address", ["10.20.0"], 'not "10.20.0" (argument 0)'],
    ["mac_from_name", [""], "name must not be empty (argument 0)"],
    ["cidr_hosts", ["10.20.0.1/24"], "without host bits"],
    ["cidr_hosts", ["10.20.0.0/31"], "at most /30"],
    ["cidr_range", ["10.20.0.0/33", 1, 2], "(argument 0)"],
    [
      "cidr_range",
      ["10.20.0.0/24", 0, 2],
      "first must be a whole number from 1 to 254, or from -2 to -255, not 0 (argument 1)",
    ],
    ["cidr_range", ["10.20.0.0/24", 1, 255], "last must be a whole number from 1 to 254"],
    ["cidr_range", ["10.20.0.0/24", 1, -1], "(argument 2)"],
    ["cidr_range", ["10.20.0.0/24", 9, 1], "last must not be an address before first (argument 2)"],
    [
      "address_list",
      ["10.0.0.0/19"],
      "10.0.0.0/19 has 8190 addresses, more than 4096 (argument 0)",
    ],
    ["address_list", ["10.0.0.9-10.0.0.1"], "(argument 0)"],
  ])("%s(%o): %s", async (name, args, message) => {
    await expect(call(name, ...args)).rejects.toThrow(message);
  });

  test.each(provider.functions!.map((one) => [one.name, one.parameters.length] as const))(
    "%s refuses null in every place",
    async (name, count) => {
      for (let place = 0; place < count; place++) {
        const args = Array.from({ length: count }, (_, index) =>
          index === place ? null : name === "format_size" || index > 0 ? 1 : "10.0.0.0/24",
        );
        await expect(call(name, ...args)).rejects.toThrow(`must not be null. (argument ${place})`);
      }
    },
  );
});

describe("whatever the input", () => {
  test("sizes survive the way there and back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.maxSafeNat(), async (bytes) => {
        expect(await call("parse_size", await call("format_size", bytes))).toBe(bytes);
      }),
    );
  });

  test("MAC addresses are such as `mac` takes, and differ", async () => {
    const seen = new Map<unknown, string>();
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1 }).map((text) => text.normalize("NFC")),
        async (name) => {
          const mac = await call("mac_from_name", name);
          expect(macAddress.parse(mac)).toBe(mac);
          expect(seen.get(mac) ?? name).toBe(name);
          seen.set(mac, name);
        },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.ipV4(), async (address) => {
        expect(macAddress.parse(await call("mac_address", address))).toMatch(/^52:54:/u);
      }),
    );
  });

  test("ranges lie inside their network", async () => {
    const network = fc.record({
      base: fc.nat(2 ** 16 - 1),
      prefix: fc.integer({ min: 20, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(network, fc.nat(), fc.nat(), async ({ base, prefix }, a, b) => {
        const size = 2 ** (32 - prefix);
        const first = (base * size) % 2 ** 32;
        const text = [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join(".");
        const [from, to] = [a % (size - 2), b % (size - 2)].toSorted((x, y) => x - y);
        const range = parseRange(
          String(await call("cidr_range", `${text}/${prefix}`, from! + 1, to! - size + 1)),
        )!;
        expect(range).toEqual({ first: first + from! + 1, last: first + to! + 1 });
        const list = (await call("address_list", `${text}/${prefix}`)) as string[];
        expect(list).toHaveLength(size - 2);
        expect(parseIpv4(list.at(-1)!)).toBe(first + size - 2);
      }),
    );
  });

  test("nothing is ever an internal error", async () => {
    const names = provider.functions!.map(({ name }) => name);
    const anything = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(anything, { minLength: 3, maxLength: 3 }),
        async (name, values) => {
          const { parameters } = provider.functions!.find((one) => one.name === name)!;
          const args = parameters.map((parameter, index) =>
            parameter.schema.def.type === "number"
              ? Number(values[index]) || index
              : String(values[index]),
          );
          await call(name, ...args).catch((error: Error) => {
            expect(error.message).toMatch(/\(argument [0-2]\)$/u);
            expect(error.message).not.toMatch(/undefined|NaN|is not a function/u);
          });
        },
      ),
    );
  });
});
