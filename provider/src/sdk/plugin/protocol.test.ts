import { readFileSync } from "node:fs";
import {
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescService,
} from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { file_tfplugin6_tfplugin6 as file } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";

/** `tfplugin6.txt` freezes the interface as Terraform's protocol 6.11 numbers it; `A.B` is a message inside a message. */
const frozen = new URL("./tfplugin6.txt", import.meta.url);

const scalar = (type: ScalarType): string => ScalarType[type].toLowerCase();

const local = (typeName: string): string => typeName.replace(/^tfplugin6\./, "");

function fieldType(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar);
    case "enum":
      return field.enum.typeName;
    case "message":
      return field.message.typeName;
    case "list":
      if (field.listKind === "scalar") return `repeated ${scalar(field.scalar)}`;
      return `repeated ${(field.listKind === "enum" ? field.enum : field.message).typeName}`;
    case "map": {
      const value =
        field.mapKind === "scalar"
          ? scalar(field.scalar)
          : (field.mapKind === "enum" ? field.enum : field.message).typeName;
      return `map<${scalar(field.mapKey)}, ${value}>`;
    }
  }
}

function fieldLine(field: DescField): string {
  const optional = field.proto.proto3Optional ? "optional " : "";
  const oneof = field.oneof ? ` in ${field.oneof.name}` : "";
  return `${field.name}=${field.number}:${optional}${fieldType(field)}${oneof}`;
}

function describeEnum(desc: DescEnum): string {
  const values = desc.values.map((value) => `${value.name}=${value.number}`);
  return [`enum ${local(desc.typeName)}`, ...values].join("\n  ");
}

function describeMessage(desc: DescMessage): string[] {
  return [
    [`message ${local(desc.typeName)}`, ...desc.fields.map(fieldLine)].join("\n  "),
    ...desc.nestedEnums.map(describeEnum),
    ...desc.nestedMessages.flatMap(describeMessage),
  ];
}

function describeService(desc: DescService): string {
  const methods = desc.methods.map((method) => {
    const requests =
      method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
    const answers =
      method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    return `${method.name}(${requests ? "stream " : ""}${method.input.typeName}) ${answers ? "stream " : ""}${method.output.typeName}`;
  });
  return [`service ${desc.name}`, ...methods].join("\n  ");
}

describe("plugin protocol 6", () => {
  test("names, numbers and types are those that Terraform speaks", () => {
    const actual = [
      ...file.services.map(describeService),
      ...file.enums.map(describeEnum),
      ...file.messages.flatMap(describeMessage),
    ].toSorted();
    const expected = readFileSync(frozen, "utf8")
      .trimEnd()
      .split(/\n(?! )/);
    expect(actual.length).toBeGreaterThan(100);
    expect(actual.join("\n").split("\n")).toEqual(expected.toSorted().join("\n").split("\n"));
  });
});
