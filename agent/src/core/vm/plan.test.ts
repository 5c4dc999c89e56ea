/** The plan as a table: what is wished for and seen on the left, what comes next on the right. */
import { describe, expect, test } from "vitest";
import {
  alive,
  boot,
  brief,
  machine,
  now,
  own,
  plan,
  plugged,
  started,
  trouble,
  type Case,
} from "../testing/vm-situation.ts";

describe("what comes next", () => {
  test.each<[string, Case, string]>([
    ["a new wish: plug, and write down the start", {}, "plug_nic provisioning boot-2?"],
    [
      "the start is written down, but the interface is not there",
      { internal: { boot: boot(own) } },
      "plug_nic provisioning boot-1?",
    ],
    [
      "all is there: start",
      { internal: { boot: boot(own) }, view: { nics: plugged } },
      "start_machine starting boot-1?",
    ],
    [
      "all is there, but the start is not written down: not yet",
      { view: { nics: plugged } },
      "- starting boot-2?",
    ],
    [
      "what is written down is not the wish any more: not yet",
      { internal: { boot: boot() }, view: { nics: plugged } },
      "- starting boot-2?",
    ],
    [
      "the disk is not there yet",
      { internal: { boot: boot(own) }, view: { nics: plugged }, disk: { phase: "pending" } },
      "- provisioning boot-1?",
    ],
    [
      "the disk failed",
      { internal: { boot: boot(own) }, view: { nics: plugged }, disk: { phase: "failed" } },
      "- failed:DISK_FAILED boot-1?",
    ],
    ["the network is not there yet", { network: "pending" }, "- provisioning boot-2?"],
    [
      "it runs: that is written down",
      { internal: { boot: boot(own) }, view: alive },
      "- running boot-1!",
    ],
    ["it runs on", { internal: { boot: started(own) }, view: alive }, "- running boot-1!"],
    [
      "a guest that nobody has written down",
      { view: { ...alive, machine: machine({ bootId: "other" }) } },
      "- running other!",
    ],
    [
      "its interface is gone",
      { internal: { boot: started(own) }, view: { ...alive, nics: new Map() } },
      "plug_nic running boot-1!",
    ],
    [
      "its processors stand still",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "paused" }) },
      },
      "- paused:PAUSED boot-1!",
    ],
    [
      "its processors stand still since a disk is full",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "paused", diskError: "disk root: full" }) },
      },
      "resume_guest paused:DISK_ERROR boot-1!",
    ],
    [
      "it was woken a moment ago, and its disk is full again",
      {
        internal: { boot: started(own) },
        view: {
          ...alive,
          machine: machine({ state: "paused", diskError: "disk root: full" }),
          resumedAt: now - 1,
        },
      },
      "- paused:DISK_ERROR boot-1!",
    ],
    [
      "a guest that stands still is to end",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now, cause: "power_state" } },
        view: {
          ...alive,
          machine: machine({ state: "paused", diskError: "disk root: full" }),
          pressed: { bootId: "boot-1", at: now },
        },
      },
      "- stopping boot-1! stopping:power_state",
    ],
    [
      "a disk is to grow under the guest",
      { internal: { boot: started(own) }, view: alive, disk: { size_bytes: 5 } },
      "resize_disk running boot-1!",
    ],
    [
      "a disk is to grow before the guest starts",
      { internal: { boot: boot(own) }, view: { nics: plugged }, disk: { size_bytes: 5 } },
      "grow_disk provisioning boot-1?",
    ],
    [
      "a change waits for the next boot",
      { spec: { cpus: 2 }, internal: { boot: started(own) }, view: alive },
      "set_reboot_action running boot-1!",
    ],
    [
      "a change wants a restart",
      {
        spec: { cpus: 2, on_restart_required: "restart" },
        internal: { boot: started(own) },
        view: alive,
      },
      "- stopping boot-1! stopping:restart",
    ],
    [
      "a reboot is asked for",
      {
        internal: { boot: started(own), restart: { bootId: "boot-1", force: false } },
        view: alive,
      },
      "- stopping boot-1! stopping:restart",
    ],
    [
      "a reset is asked for: it does not wait",
      {
        internal: {
          boot: started(own),
          restart: { bootId: "boot-1", force: true },
          stopping: { since: now, cause: "restart" },
        },
        view: alive,
      },
      "force_stop stopping boot-1! stopping:restart",
    ],
    [
      "a reset of a boot that is gone already",
      {
        internal: { boot: started(own), restart: { bootId: "boot-0", force: true } },
        view: alive,
      },
      "- running boot-1!",
    ],
    [
      "it is to stop: first that is written down",
      { spec: { power_state: "stopped" }, internal: { boot: started(own) }, view: alive },
      "- stopping boot-1! stopping:power_state",
    ],
    [
      "then the button is pressed",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now, cause: "power_state" } },
        view: alive,
      },
      "power_down stopping boot-1! stopping:power_state",
    ],
    [
      "the guest takes its time",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now - 9999, cause: "power_state" } },
        view: { ...alive, pressed: { bootId: "boot-1", at: now - 1 } },
      },
      "- stopping boot-1! stopping:power_state",
    ],
    [
      "its time is over",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now - 10_000, cause: "power_state" } },
        view: alive,
      },
      "force_stop stopping boot-1! stopping:power_state",
    ],
    [
      "it has stopped: that is written down before its traces go",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now, cause: "power_state" } },
        view: { ...alive, machine: machine({ state: "shutdown", cause: "guest_shutdown" }) },
      },
      "- stopped",
    ],
    [
      "its traces go",
      {
        spec: { power_state: "stopped" },
        view: { ...alive, machine: machine({ state: "shutdown" }) },
      },
      "remove_machine stopped",
    ],
    [
      "its interfaces go",
      { spec: { power_state: "stopped" }, view: { nics: plugged } },
      "unplug_nic stopped",
    ],
    [
      "it was stopped by force",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: now, cause: "power_state" } },
        view: { nics: plugged },
      },
      "unplug_nic stopped:FORCED_STOP unclean",
    ],
    [
      "the wish was taken back in time",
      {
        internal: { boot: started(own), stopping: { since: now, cause: "power_state" } },
        view: alive,
      },
      "- running boot-1! stopping:power_state",
    ],
    [
      "the wish was taken back, and the guest does not heed",
      {
        internal: { boot: started(own), stopping: { since: now - 10_000, cause: "power_state" } },
        view: alive,
      },
      "- running boot-1!",
    ],
    [
      "the guest powered itself off",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "shutdown", cause: "guest_shutdown" }) },
      },
      "- stopped:GUEST_SHUTDOWN off",
    ],
    ["it stays off", { internal: { offAtRevision: 1 } }, "- stopped off"],
    [
      "until the next wish",
      { internal: { offAtRevision: 1 }, record: { specRevision: 2 } },
      "plug_nic provisioning boot-2? off",
    ],
    [
      "a reboot that takes a change",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "shutdown", cause: "guest_reset" }) },
      },
      "- starting boot-2?",
    ],
    [
      "the old guest goes before the new one comes",
      {
        internal: { boot: boot({ ...own, bootId: "boot-2" }) },
        view: { ...alive, machine: machine({ state: "shutdown" }) },
      },
      "remove_machine starting boot-2?",
    ],
    [
      "its kernel panicked",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "shutdown", cause: "guest_panic" }) },
      },
      "- failed:GUEST_PANIC unclean",
    ],
    [
      "QEMU has died",
      {
        internal: { boot: started(own) },
        view: { ...alive, machine: machine({ state: "exited" }) },
      },
      "- failed:QEMU_EXITED unclean",
    ],
    [
      "QEMU died before its start was known",
      { internal: { boot: boot(own) }, view: { ...alive, machine: machine({ state: "exited" }) } },
      "- failed:QEMU_EXITED unclean",
    ],
    [
      "an unclean end: disks are mended before the next start",
      { internal: { boot: boot(own), unclean: true }, view: { nics: plugged } },
      "check_disk provisioning boot-1? unclean",
    ],
    [
      "mended",
      {
        internal: { boot: boot(own), unclean: true },
        view: { nics: plugged, checked: new Set(["root-id"]) },
      },
      "- starting boot-1?",
    ],
    [
      "the host has restarted",
      { internal: { boot: started(own) }, view: {} },
      "plug_nic provisioning boot-2? unclean",
    ],
    [
      "a start failed",
      {
        internal: { boot: boot(own) },
        view: {
          nics: plugged,
          startFailure: { bootId: "boot-1", reason: "QEMU_FAILED", message: "no" },
        },
      },
      "unplug_nic failed:QEMU_FAILED",
    ],
    [
      "it rests after a failure",
      {
        internal: {
          failures: { count: 1, retryAt: now + 1, reason: "QEMU_FAILED", message: "no" },
        },
      },
      "- failed:QEMU_FAILED",
    ],
    [
      "and is tried again",
      { internal: { failures: { count: 1, retryAt: now, reason: "QEMU_FAILED", message: "no" } } },
      "plug_nic provisioning boot-2?",
    ],
    [
      "a step failed: it rests",
      {
        view: {
          troubles: trouble("plug_nic/eth0", "COMMAND_FAILED"),
        },
      },
      "- failed:COMMAND_FAILED boot-2?",
    ],
    [
      "a deadline does not wait for that",
      {
        spec: { power_state: "stopped" },
        internal: { boot: started(own), stopping: { since: 0, cause: "power_state" } },
        view: {
          ...alive,
          troubles: trouble("power_down/boot-1", "MONITOR_FAILED"),
        },
      },
      "force_stop stopping:MONITOR_FAILED boot-1! stopping:power_state",
    ],
    [
      "nor does anything else that is to be done",
      {
        spec: { power_state: "stopped" },
        internal: {
          boot: started(own),
          stopping: { since: now, cause: "power_state" },
        },
        view: { ...alive, troubles: trouble("plug_nic/eth0", "COMMAND_FAILED") },
      },
      "power_down stopping:COMMAND_FAILED boot-1! stopping:power_state",
    ],
    [
      "only a guest that cannot be asked is asked nothing",
      {
        spec: { power_state: "stopped" },
        internal: {
          boot: started(own),
          stopping: { since: now, cause: "power_state" },
        },
        view: { ...alive, troubles: trouble("observe", "MONITOR_FAILED") },
      },
      "- stopping:MONITOR_FAILED boot-1! stopping:power_state",
    ],
    [
      "it is to end, and an interface will not go: its disks wait",
      {
        record: { deletedAt: now },
        view: { erased: true, nics: plugged, troubles: trouble("unplug_nic/eth0", "X") },
      },
      "- deleting:X",
    ],
    [
      "it is to end: the guest is asked first",
      { record: { deletedAt: now }, internal: { boot: started(own) }, view: alive },
      "- deleting boot-1! stopping:delete",
    ],
    [
      "it is to end, and was never started",
      { record: { deletedAt: now }, internal: { boot: boot(own) }, view: { nics: plugged } },
      "delete_machine+unplug_nic deleting",
    ],
    ["what is kept between boots goes", { record: { deletedAt: now } }, "delete_machine deleting"],
    [
      "nothing of it is on the host: its disks may go",
      { record: { deletedAt: now }, view: { erased: true } },
      "- deleting dismantling",
    ],
    [
      "its disks are not gone yet",
      { record: { deletedAt: now }, internal: { dismantling: true } },
      "- deleting dismantling",
    ],
    [
      "nothing is left",
      { record: { deletedAt: now }, internal: { dismantling: true, disks: {} } },
      "- deleting dismantling finished",
    ],
  ])("%s", (_, situation, expected) => {
    expect(brief(plan(situation))).toBe(expected);
  });
});
