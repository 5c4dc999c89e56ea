import { beforeEach, expect, it } from "vitest";
import { FakeClock } from "../lib/clock.fake.ts";
import type { LogFields } from "../lib/log.ts";
import { Refusals } from "./refusals.ts";

const minute = 60_000;
let clock: FakeClock;
let refusals: Refusals;
let lines: (LogFields & { readonly message: string })[];

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  const warn = (fields: LogFields, message: string) => void lines.push({ ...fields, message });
  refusals = new Refusals({ clock, log: { warn } });
});

const refuse = (times: number, peer = "192.0.2.7", reason = "no certificate") => {
  for (; times > 0; times--) refusals.refused(reason, peer);
};
const first = (peer = "192.0.2.7", reason = "no certificate") => ({
  peer,
  reason,
  message: "a client was refused",
});
const further = (more: number, peer?: string, reason?: string) => ({
  ...first(peer, reason),
  more,
  message: `a client was refused ${more} more times`,
});

it("tells of the first at once, and of the others once a minute", () => {
  refuse(3_000);
  expect(lines.splice(0)).toEqual([first()]);
  clock.advance(minute - 1);
  expect(lines).toEqual([]);
  clock.advance(1);
  expect(lines.splice(0)).toEqual([further(2_999)]);
  refuse(5);
  clock.advance(minute);
  expect(lines).toEqual([further(5)]);
});

it("tells addresses and reasons apart", () => {
  refuse(2);
  refuse(3, "192.0.2.8");
  refuse(1, "192.0.2.7", "expired");
  expect(lines.splice(0)).toEqual([first(), first("192.0.2.8"), first("192.0.2.7", "expired")]);
  clock.advance(minute);
  expect(lines).toEqual([further(1), further(2, "192.0.2.8")]);
});

it("forgets who was quiet for a minute, and then waits for nothing", () => {
  refuse(2);
  clock.advance(2 * minute);
  expect(clock.next).toBeUndefined();
  lines = [];
  refuse(1);
  expect(lines).toEqual([first()]);
});

it("has few lines for many addresses, and knows few of them", () => {
  for (let count = 0; count < 3; count++) {
    for (let host = 0; host < 10_000; host++) refuse(1, `2001:db8::${host.toString(16)}`);
  }
  expect(lines).toHaveLength(256);
  clock.advance(minute);
  expect(lines).toHaveLength(256 + 257);
  expect(lines.at(-1)).toEqual({
    more: 3 * (10_000 - 256),
    message: `clients of other addresses were refused ${3 * (10_000 - 256)} times`,
  });
});

it("says what it has not said when it ends, and leaves no timer", () => {
  refuse(4);
  lines = [];
  refusals[Symbol.dispose]();
  expect(lines).toEqual([further(3)]);
  expect(clock.next).toBeUndefined();
});
