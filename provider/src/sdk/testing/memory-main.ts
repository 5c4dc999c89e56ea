#!/usr/bin/env node
/** The provider of `memory.ts` as an executable. */
import { serveProvider } from "../serve.ts";

const load = () => import("./memory.ts");

void serveProvider("registry.terraform.io/lodge/memory", {
  name: "memory",
  schemaAsset: async () => (await load()).memory.schemaAsset(),
  identityAsset: async () => (await load()).memory.identityAsset(),
  load: async () => (await load()).memory.load(),
});
