import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { Session } from "./session.ts";

type Methods = (typeof Provider)["method"];

/** What the handler of a method gets. */
export type Request<Method extends keyof Methods> = MessageShape<Methods[Method]["input"]>;

/** What the handler of a method answers. */
export type Response<Method extends keyof Methods> = MessageInitShape<Methods[Method]["output"]>;

/** One message of the answer of a method that streams. */
export type Event<Method extends keyof Methods> = Response<Method>;

/** One RPC that answers with a stream, which ends early when the caller has gone. It never throws. */
export type StreamHandler<Method extends keyof Methods> = (
  session: Session,
  request: Request<Method>,
  signal: AbortSignal,
) => AsyncGenerator<Event<Method>>;

/** One RPC. `signal` is aborted when the caller has gone; see {@link Session.signal}. */
export type Handler<Method extends keyof Methods> = (
  session: Session,
  request: Request<Method>,
  signal: AbortSignal,
) => Promise<Response<Method>>;
