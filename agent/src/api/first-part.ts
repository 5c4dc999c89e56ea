import { lodgeError } from "@lodge/schemas/rpc/error.ts";

/** A stream of requests whose first message says what it is about. */
export interface Opened<First, Request> {
  readonly first: First;
  readonly rest: AsyncIterable<Request>;
}

/** Takes the first message off a stream. Throws INVALID_ARGUMENT (reason REQUEST_INVALID) where it is another or none. */
export async function firstPart<First, Request>(
  requests: AsyncIterable<Request>,
  pick: (request: Request) => First | undefined,
): Promise<Opened<First, Request>> {
  const iterator = requests[Symbol.asyncIterator]();
  const next = await iterator.next();
  const first = next.done ? undefined : pick(next.value);
  if (first === undefined) {
    throw lodgeError("REQUEST_INVALID", "The first message of the stream must say what it is for.");
  }
  return { first, rest: { [Symbol.asyncIterator]: () => iterator } };
}
