import { describe, expect, it } from "vitest";
import { MachineEvents, machineState } from "./machine-events.ts";

const vmId = "11111111-1111-4111-8111-111111111111";
type Words = readonly (readonly [event: string, data?: Record<string, unknown>])[];

/** What comes of what QEMU says, in order. */
function heard(words: Words): readonly unknown[] {
  const events = new MachineEvents(vmId);
  return words
    .map(([event, data = {}]) => events.translate({ event, data }))
    .filter((event) => event !== undefined);
}

describe("what QEMU says", () => {
  it.each<{ readonly name: string; readonly words: Words; readonly told: readonly object[] }>([
    {
      name: "a guest powers itself off, which also stops its machine",
      words: [["POWERDOWN"], ["SHUTDOWN", { guest: true, reason: "guest-shutdown" }], ["STOP"]],
      told: [{ type: "shutdown", cause: "guest_shutdown" }],
    },
    {
      name: "a guest reboots where that ends it",
      words: [["SHUTDOWN", { guest: true, reason: "guest-reset" }], ["STOP"]],
      told: [{ type: "shutdown", cause: "guest_reset" }],
    },
    {
      name: "a guest panics, and QEMU says so twice",
      words: [
        ["GUEST_PANICKED", { action: "pause" }],
        ["STOP"],
        ["SHUTDOWN", { guest: true, reason: "guest-panic" }],
      ],
      told: [{ type: "shutdown", cause: "guest_panic" }],
    },
    {
      name: "a guest reboots",
      words: [["RESET", { guest: true, reason: "guest-reset" }]],
      told: [{ type: "reset", detail: "guest-reset" }],
    },
    { name: "QEMU resets at its start", words: [["RESET", { guest: false }]], told: [] },
    {
      name: "a guest is paused and goes on",
      words: [["STOP"], ["RESUME"]],
      told: [
        { type: "paused", detail: "" },
        { type: "resumed", detail: "" },
      ],
    },
    {
      name: "the host's file system is full",
      words: [
        ["BLOCK_IO_ERROR", { "node-name": "disk-data", action: "stop", nospace: true }],
        ["STOP"],
      ],
      told: [{ type: "paused", detail: "disk data: the host's file system is full" }],
    },
    {
      name: "a disk fails in another way",
      words: [
        [
          "BLOCK_IO_ERROR",
          { "node-name": "disk-data", action: "stop", reason: "Input/output error" },
        ],
        ["STOP"],
      ],
      told: [{ type: "paused", detail: "disk data: Input/output error" }],
    },
    {
      name: "an error that the guest is told of",
      words: [["BLOCK_IO_ERROR", { action: "report", reason: "x" }]],
      told: [],
    },
    {
      name: "the process is ended from outside",
      words: [["SHUTDOWN", { guest: false, reason: "host-signal" }]],
      told: [],
    },
    {
      name: "what nobody needs to know, or makes no sense",
      words: [["RTC_CHANGE"], ["SHUTDOWN", { reason: 5 }], ["NIC_RX_FILTER_CHANGED", {}]],
      told: [],
    },
  ])("is told as what happened: $name", ({ words, told }) => {
    expect(heard(words)).toEqual(told.map((event) => ({ vmId, ...event })));
  });

  it.each([
    ["running", "running"],
    ["paused", "paused"],
    ["io-error", "paused"],
    ["suspended", "paused"],
    ["internal-error", "exited"],
    ["shutdown", "shutdown"],
    ["guest-panicked", "shutdown"],
    ["some word of a later version", "paused"],
  ])("of a machine's state: %s", (word, state) => {
    expect(machineState(word)).toBe(state);
  });
});
