/**
 * The log of a VM. It is written with the rest of its record, and at once; only a guest that reboots again and again
 * must neither have the agent write all the time nor push out everything else that has happened.
 */
import { isWaiting } from "../../lib/clock.ts";
import { backoffLimit } from "../../lib/retry.ts";
import { stepBackoff } from "../reconciler.ts";
import type { VmView } from "./view.ts";

type Events = VmView["news"];

/** How many entries a VM's log keeps. */
const eventLimit = 50;

/** Reboots that are further apart than this are no loop. */
const loopSpan = 3_600_000;

const isReboot = ({ type }: Events[number]): boolean => type === "rebooted";

/** The log with the news; of reboots in a row that are new, one entry tells. An entry that was told never changes. */
export function extendLog(log: Events, news: Events): Events[number][] {
  const joined: Events[number][] = [];
  let reboots = 0;
  for (const entry of news) {
    reboots = isReboot(entry) ? reboots + 1 : 0;
    if (reboots < 2) joined.push(entry);
    else joined.splice(-1, 1, { ...entry, message: `the guest rebooted ${reboots} times` });
  }
  return [...log, ...joined].slice(-eventLimit);
}

/**
 * Until when news alone are not worth a commit; undefined where they are. The first reboot is told at once, those that
 * follow together: after a second, doubling up to five minutes.
 */
export function newsRestUntil(log: Events, news: Events, now: number): number | undefined {
  const last = log.at(-1);
  if (news.length === 0 || !news.every(isReboot) || !last) return undefined;
  const other = log.findLastIndex((entry) => !isReboot(entry) || entry.time <= now - loopSpan);
  const told = log.length - 1 - other;
  if (told === 0) return undefined;
  const rest = backoffLimit(stepBackoff, told);
  return isWaiting(last.time + rest, rest, now) ? last.time + rest : undefined;
}
