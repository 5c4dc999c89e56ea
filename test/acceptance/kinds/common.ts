/** What attributes that several kinds have do in all of them. */
import type { Change } from "../../harness/acceptance/kind.ts";

export const nameChange: Change = {
  to: [({ name }) => ({ name: `${name}-renamed` }), ({ name }) => ({ name: `${name}-again` })],
};

export const hostChange: Change = { to: [({ host }) => ({ host })], drift: "nothing" };

export const hostsChange: Change = { to: [({ host }) => ({ hosts: [host] })], action: "no-op" };

export const timeoutsChange: Change = {
  to: [
    { timeouts: { create: "5m" } },
    { timeouts: { create: "6m", update: "7m", delete: "8m" } },
    { timeouts: {} },
  ],
  drift: "nothing",
};

export const protectionChange: Change = {
  to: [{ deletion_protection: true }, { deletion_protection: false }],
  back: "no-op",
};

/** Where it is to be, and for how long it is waited, an object does not know. */
export const onlyTerraformKnows = {
  timeouts: "How long an operation may take is no fact of an object.",
};

export const hostNotImported = {
  host: "Where an object is wished to be follows from where it is; it is written where that is not the default host.",
};
