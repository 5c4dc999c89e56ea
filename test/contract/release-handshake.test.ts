import { describe } from "vitest";
import { pluginFixture, releasedExecutable } from "../harness/executable.ts";
import { handshakeMatrix } from "./handshake-matrix.ts";

describe("an executable as it is released, from a snapshot", () => {
  handshakeMatrix((directory) =>
    releasedExecutable({ ...pluginFixture, snapshot: true }, directory),
  );
});
