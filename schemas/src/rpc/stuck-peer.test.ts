import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StuckPeers } from "./stuck-peer.ts";

/** As much of a connection as is looked at. */
class Session extends EventEmitter {
  readonly state = { outboundQueueSize: 0 };
  readonly socket = { bytesWritten: 100 };
  readonly ping = vi.fn(() => true);
  destroyed = false;

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

let session: Session;
beforeEach(() => {
  vi.useFakeTimers();
  session = new Session();
  const peers = new StuckPeers();
  // Each of its calls asks; it is looked after once.
  for (let call = 0; call < 3; call++) peers.watch({ call: { stream: { session } } });
});
afterEach(() => void vi.useRealTimers());

test("a connection on which something waits and nothing moves is ended", () => {
  session.state.outboundQueueSize = 5;
  vi.advanceTimersByTime(4500);
  expect(session.destroyed).toBe(false);
  vi.advanceTimersByTime(1500);
  expect(session.destroyed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("one whose peer takes a little at a time is not", () => {
  session.state.outboundQueueSize = 5;
  for (let look = 0; look < 20; look++) {
    vi.advanceTimersByTime(1500);
    session.socket.bytesWritten += 1;
  }
  expect(session.destroyed).toBe(false);
});

test("one that is silent is asked for a sign, and left alone", () => {
  vi.advanceTimersByTime(60_000);
  expect([session.destroyed, session.ping.mock.calls.length]).toEqual([false, 40]);
});
