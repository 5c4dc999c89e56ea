import { describe } from "vitest";
import { buildExecutable, pluginFixture } from "../harness/executable.ts";
import { handshakeMatrix } from "./handshake-matrix.ts";

describe("an executable that starts the pinned Node", () => {
  handshakeMatrix(() => buildExecutable(pluginFixture));
});
