import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EscapeFilter } from "./escape.ts";

/** What is typed, chunk by chunk, and what reaches the guest. */
function type(...chunks: readonly string[]) {
  const filter = new EscapeFilter();
  let guest = "";
  for (const chunk of chunks) {
    const { input, leave } = filter.feed(Buffer.from(chunk, "latin1"));
    guest += Buffer.from(input).toString("latin1");
    if (leave) return { guest, left: true };
  }
  return { guest, left: false };
}

describe("EscapeFilter", () => {
  it.each([
    { typed: ["~."], guest: "", left: true },
    { typed: ["ls\r", "~", "."], guest: "ls\r", left: true },
    { typed: ["ls\u001Dx"], guest: "ls", left: true },
    { typed: ["cd ~.\r"], guest: "cd ~.\r", left: false },
    { typed: ["~~."], guest: "~.", left: false },
    { typed: ["~/bin\r"], guest: "~/bin\r", left: false },
    { typed: ["~", "x\n~."], guest: "~x\n", left: true },
  ])("$typed", ({ typed, guest, left }) => {
    expect(type(...typed)).toEqual({ guest, left });
  });

  it("does not mind how bytes come", () => {
    const keys = fc.array(fc.constantFrom("~", ".", "\r", "\n", "a", "\u001D"), { maxLength: 30 });
    fc.assert(
      fc.property(keys, (typed) => {
        expect(type(...typed)).toEqual(type(typed.join("")));
      }),
    );
  });

  it("passes everything on that has neither ~ nor Ctrl-]", () => {
    const bytes = fc
      .uint8Array()
      .map((array) => array.filter((byte) => byte !== 0x7e && byte !== 0x1d));
    fc.assert(
      fc.property(bytes, (array) => {
        expect(new EscapeFilter().feed(array)).toEqual({ input: array, leave: false });
      }),
    );
  });
});
