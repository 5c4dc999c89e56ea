import { expect, it } from "vitest";
import { facts, table } from "./table.ts";

const plain = (_: string, text: string) => text;

it("aligns, numbers to the right, without spaces at the end", () => {
  const rows = [
    ["web", "2", "running"],
    [{ text: "database", tone: "strong" as const }, "16", ""],
  ];
  expect(table(["NAME", { title: "CPUS", align: "right" }, "PHASE"], rows, plain)).toBe(
    ["NAME      CPUS  PHASE", "web          2  running", "database    16"].join("\n"),
  );
});

it("measures what is seen, not the escapes of colours", () => {
  const coloured = (_: string, text: string) => `\u001B[1m${text}\u001B[22m`;
  const [first, second] = table(["A", "B"], [["longer", "x"]], coloured).split("\n");
  expect(first).toBe("\u001B[1mA\u001B[22m       \u001B[1mB\u001B[22m");
  expect(second).toContain("longer\u001B[22m  ");
});

it("lets no guest move the cursor", () => {
  expect(table(["A"], [["evil\u001B[2Jtext\nline"]], plain)).toBe("A\nevil?[2Jtext line");
});

it("aligns facts", () => {
  expect(
    facts(
      [
        ["id", "7"],
        ["phase", "running"],
      ],
      plain,
    ),
  ).toBe("id     7\nphase  running");
});
