import { create, fromBinary, toBinary, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { asWritten, fromMessage, specFromMessage, toMessage } from "./convert.ts";
import { DiskSpecSchema } from "./gen/lodge/agent/v1/disk_pb.ts";
import { VmSpecSchema, VmStatusSchema } from "./gen/lodge/agent/v1/vm_pb.ts";
import { kinds, type Kind } from "./spec/kind.ts";
import { VmSpec, type VmStatus } from "./spec/vm.ts";

const all = Object.values(kinds) as unknown as Kind<string, z.ZodObject, z.ZodObject>[];

const id = "0b5b2c64-95f6-4b3a-9d5f-0123456789ab";

describe("zod and protobuf agree", () => {
  test.each(
    all.flatMap((kind) => [
      [`${kind.name} spec`, kind.spec, kind.specMessage, true] as const,
      [`${kind.name} status`, kind.status, kind.statusMessage, false] as const,
    ]),
  )("%s", (_, schema, message, presence) => {
    expect(disagreements(schema, message, presence)).toEqual([]);
  });
});

describe("a spec survives its message", () => {
  test("a full VM", () => {
    const spec = VmSpec.parse({
      name: "web",
      cpus: 2,
      memory: "2GiB",
      power_state: "stopped",
      firmware: "uefi",
      kernel: { image_id: id, command_line: "console=ttyS0" },
      boot_order: ["root"],
      disks: { root: { image_id: id, size: "10GiB" }, data: { disk_id: id } },
      nics: {
        eth0: {
          network_id: id,
          ipv4_pool_id: id,
          ipv4_address: "10.20.0.10",
          mac: "52:54:00:00:00:01",
        },
      },
      primary_nic: "eth0",
      on_restart_required: "restart",
      shutdown_timeout: "1m30s",
      deletion_protection: true,
    });
    const wire = toBinary(VmSpecSchema, toMessage(VmSpecSchema, spec) as never);
    expect(specFromMessage(kinds.vm, fromBinary(VmSpecSchema, wire))).toEqual({ spec });
  });

  test("defaults are filled in where an older client left a field out", () => {
    const message = toMessage(VmSpecSchema, { name: "web", memory: 2 ** 30 });
    const { spec } = specFromMessage(kinds.vm, message);
    expect(spec).toMatchObject({
      cpus: 1,
      power_state: "running",
      shutdown_timeout: 60_000,
      disks: {},
    });
  });

  test("sizes and durations come back as users write them", () => {
    expect(
      asWritten(VmSpec, {
        memory: 3 * 2 ** 30,
        shutdown_timeout: 90_000,
        disks: { a: { size: 2 ** 20 } },
      }),
    ).toEqual({
      memory: "3GiB",
      shutdown_timeout: "90s",
      disks: { a: { size: "1MiB" } },
    });
  });

  test("every disk that zod accepts", () => {
    fc.assert(
      fc.property(
        fc.record({
          name: fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/),
          size: fc.integer({ min: 1, max: 2 ** 26 }).map((mebibytes) => mebibytes * 2 ** 20),
          deletion_protection: fc.boolean(),
        }),
        (spec) => {
          expect(specFromMessage(kinds.disk, toMessage(DiskSpecSchema, spec))).toEqual({ spec });
        },
      ),
    );
  });

  test("a status", () => {
    const status: VmStatus = {
      phase: "running",
      reason: "",
      message: "",
      actual_power_state: "running",
      restart_required: ["memory"],
      disk_status: [{ name: "root", disk_id: id, size_bytes: 2 ** 33 }],
      nic_status: [
        {
          name: "eth0",
          network_id: id,
          mac: "52:54:00:00:00:01",
          ipv4_address: "10.0.0.2",
          acknowledged: true,
        },
      ],
      accelerator: "tcg",
      machine_type: "pc-q35-7.2",
      pid: 12,
      boot_id: id,
      boots: 3,
      started_at: 1_700_000_000_123,
      events: [{ time: 1_700_000_000_000, type: "started", message: "pid 12" }],
    };
    expect(fromMessage(VmStatusSchema, toMessage(VmStatusSchema, status))).toEqual(status);
  });
});

describe("what cannot be accepted says where and why", () => {
  const parse = (value: object) =>
    specFromMessage(kinds.vm, toMessage(VmSpecSchema, value)).violations;

  test.each([
    [{ name: "Web", memory: 2 ** 30 }, ["name"], /lower-case/],
    [
      { name: "web", memory: 1 },
      ["memory"],
      /between 96MiB and 16TiB, in steps of 1MiB; 1B is not/,
    ],
    [{ name: "web", memory: 2 ** 30, cpus: 0 }, ["cpus"], />=1|expected number/],
    [{ name: "web" }, ["memory"], /expected string/],
    [{ name: "web", memory: 2 ** 30, disks: { root: {} } }, ["disks", "root"], /exactly one/],
    [
      { name: "web", memory: 2 ** 30, primary_nic: "eth0" },
      ["primary_nic"],
      /none of the VM's nics/,
    ],
  ])("%j", (value, path, message) => {
    expect(parse(value)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  test("a field that only a newer client knows", () => {
    const message = create(VmSpecSchema, {
      name: "web",
      memory: 2n ** 30n,
      disks: { root: { size: 2n ** 30n } },
    });
    message.disks["root"]!.$unknown = [{ no: 77, wireType: 0, data: new Uint8Array([1]) }];
    expect(specFromMessage(kinds.vm, message).violations).toEqual([
      {
        path: ["disks", "root"],
        message: expect.stringContaining("field 77 of lodge.agent.v1.VmDisk"),
      },
    ]);
  });

  test("an enum value that only a newer client knows", () => {
    const message = create(VmSpecSchema, {
      name: "web",
      memory: 2n ** 30n,
      powerState: 9 as never,
    });
    expect(specFromMessage(kinds.vm, message).violations).toMatchObject([
      { path: ["power_state"] },
    ]);
  });
});

/** Where the names, types or presence of a zod object and a message differ. */
function disagreements(schema: z.core.$ZodType, message: DescMessage, presence: boolean): string[] {
  const object = unwrap(schema);
  if (!(object instanceof z.ZodObject)) return [`${message.typeName} is no object in zod`];
  const shape: Record<string, z.core.$ZodType> = object.def.shape;
  const names = message.fields.map((field) => field.name);
  const missing = Object.keys(shape).filter((name) => !names.includes(name));
  return [
    ...missing.map((name) => `${message.typeName} lacks ${name}`),
    ...message.fields.flatMap((field) => {
      const member = shape[field.name];
      if (!member) return [`zod lacks ${message.typeName}.${field.name}`];
      return fieldDisagreements(`${message.typeName}.${field.name}`, member, field, presence);
    }),
  ];
}

function fieldDisagreements(
  path: string,
  schema: z.core.$ZodType,
  field: DescField,
  presence: boolean,
): string[] {
  const inner = unwrap(schema);
  if (presence && field.fieldKind === "scalar" && !field.proto.proto3Optional)
    return [`${path} is not optional`];
  if (field.fieldKind === "list") {
    return inner instanceof z.ZodArray
      ? valueDisagreements(path, inner.def.element, field, presence)
      : [`${path}: no list`];
  }
  if (field.fieldKind === "map") {
    return inner instanceof z.ZodRecord
      ? valueDisagreements(path, inner.def.valueType, field, presence)
      : [`${path}: no map`];
  }
  return valueDisagreements(path, inner, field, presence);
}

function valueDisagreements(
  path: string,
  schema: z.core.$ZodType,
  field: DescField,
  presence: boolean,
): string[] {
  const inner = unwrap(schema);
  if (
    field.message &&
    [DurationSchema.typeName, TimestampSchema.typeName].includes(field.message.typeName as never)
  ) {
    return inner instanceof z.ZodCodec || inner instanceof z.ZodNumber ? [] : [`${path}: no time`];
  }
  if (field.message) return disagreements(inner, field.message, presence);
  if (field.enum) {
    const words = field.enum.values
      .slice(1)
      .map((value) => value.name.slice(field.enum.sharedPrefix!.length).toLowerCase());
    const options = inner instanceof z.ZodEnum ? inner.options : [];
    return JSON.stringify(words) === JSON.stringify(options)
      ? []
      : [`${path}: ${words} against ${options}`];
  }
  const expected = { 9: z.ZodString, 8: z.ZodBoolean, 4: z.ZodNumber, 13: z.ZodNumber }[
    field.scalar as number
  ];
  const own = inner instanceof z.ZodCodec ? inner.def.out : inner;
  return expected && own instanceof expected
    ? []
    : [`${path}: scalar ${field.scalar} against ${own._zod.def.type}`];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable;
  return wrapped ? unwrap(schema.def.innerType) : schema;
}
