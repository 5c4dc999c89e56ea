import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { TestAgent } from "../harness/agent.ts";
import { smallGuest } from "../harness/lodge.ts";
import { benchVm, shareOn } from "./vms.ts";
const { kernel } = await smallGuest();
await using agent = await TestAgent.start({ imageRoots: [dirname(kernel)], env: { LODGE_LOG: "info" } });
const shared = await shareOn(agent);
const census0 = await agent.census();
const wait = async (what: string, f: () => Promise<boolean>) => { const t = Date.now(); for (;;) { if (await f().catch(() => false)) return; if (Date.now() - t > 60000) { console.log("TIMEOUT", what); return; } await new Promise(r => setTimeout(r, 100)); } };
const bystander = randomUUID();
await (await agent.client("vm")).put({ id: bystander, spec: benchVm("keep", shared) });
await wait("keep", async () => (await (await agent.client("vm")).get({ id: bystander }, false)).status.phase === "running");
const keep = (await (await agent.client("vm")).get({ id: bystander }, false)).status;
const census1 = await agent.census();
const spec = { ...benchVm("web", shared), shutdown_timeout: 3000 };
const grown = { ...spec, cpus: 2, disks: Object.fromEntries(Object.entries(spec.disks).map(([k, d]) => [k, { ...d, size: (d.size ?? 2**20) * 2 }])) } as typeof spec;
async function run(point: string, mode: "create" | "delete" | "update") {
  const id = randomUUID(); const begin = Date.now();
  const vms = () => agent.client("vm");
  const running = async () => { const v = await (await vms()).get({ id }, false); return v.status.phase === "running" && v.observedRevision === v.specRevision; };
  if (mode !== "create") { await (await vms()).put({ id, spec }); await wait("running", running); }
  await agent.kill(); await agent.up({ LODGE_TEST_FAILPOINT: point });
  const act = async () => {
    if (mode === "create") return (await vms()).put({ id, spec });
    if (mode === "update") return (await vms()).put({ id, spec: grown, expectedRevision: 1 });
    return (await vms()).delete(id).catch((e) => { if (e.code !== "NOT_FOUND") throw e; });
  };
  await act().catch((e) => void e);
  const died = await Promise.race([agent.gone().then(() => true), new Promise<boolean>(r => setTimeout(() => r(false), 9000))]);
  if (!died) await agent.kill();
  await agent.up();
  await act().catch((e) => console.log("act:", e.message));
  let note = "";
  if (mode !== "delete") { await wait("running " + point, running); const v = await (await vms()).get({ id }, false); note = `boots=${v.status.boots} restart=${v.status.restart_required} sizes=${v.status.disk_status.map(d => d.size_bytes)}`; await (await vms()).delete(id); }
  await wait("gone " + point, async () => (await vms()).get({ id }, false).then(() => false, (e) => e.code === "NOT_FOUND"));
  await new Promise(r => setTimeout(r, 300));
  const census = await agent.census(); const same = isDeepStrictEqual(census, census1);
  const k = (await (await vms()).get({ id: bystander }, false)).status;
  console.log(mode, point, died ? "" : "NOT REACHED", note, same ? "clean" : "LEFT " + JSON.stringify(census), k.pid === keep.pid && k.boot_id === keep.boot_id ? "" : "BYSTANDER", `${Date.now() - begin}ms`);
}
for (const s of ["commit_put", "commit_vm", "create_disk", "commit_disk", "plug_nic", "start_machine"]) for (const m of ["before", "after"]) await run(`${s}:${m}`, "create");
for (const s of ["resize_disk", "set_reboot_action"]) for (const m of ["before", "after"]) await run(`${s}:${m}`, "update");
for (const s of ["commit_delete", "commit_vm", "power_down", "force_stop", "delete_machine", "unplug_nic", "delete_disk"]) for (const m of ["before", "after"]) await run(`${s}:${m}`, "delete");
