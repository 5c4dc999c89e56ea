import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leaseSeconds, parseLeases, withoutLeases } from "./leases.ts";

const lines = [
  "1795214666 52:54:0a:14:00:01 10.20.0.11 web-1 01:52:54:0a:14:00:01",
  "1795214667 52:54:0a:14:00:00 10.20.0.10 * *",
];
const text = lines.map((line) => `${line}\n`).join("");

describe("parseLeases", () => {
  it("tells when each lease was acknowledged", () => {
    expect(parseLeases(text)).toEqual([
      {
        mac: "52:54:0a:14:00:01",
        ipv4Address: "10.20.0.11",
        acknowledgedAt: (1_795_214_666 - leaseSeconds) * 1000,
      },
      {
        mac: "52:54:0a:14:00:00",
        ipv4Address: "10.20.0.10",
        acknowledgedAt: (1_795_214_667 - leaseSeconds) * 1000,
      },
    ]);
  });

  it("leaves out what is no whole line, wherever the file is cut", () => {
    const whole = parseLeases(text);
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        const found = parseLeases(text.slice(0, length));
        expect(found).toEqual(whole.slice(0, found.length));
      }),
    );
  });

  it("leaves out leases of IPv6 and the server's own id", () => {
    expect(parseLeases("duid 00:01:00:01\n1795214666 1 fd98::2 web 00:01\n")).toEqual([]);
    expect(parseLeases("")).toEqual([]);
  });
});

describe("withoutLeases", () => {
  it("drops what is picked and keeps every other line as it is", () => {
    const more = `${text}duid 00:01\n`;
    expect(withoutLeases(more, ({ ipv4Address }) => ipv4Address === "10.20.0.11")).toBe(
      `${lines[1]}\nduid 00:01\n`,
    );
    expect(withoutLeases(more, () => false)).toBe(more);
  });
});
