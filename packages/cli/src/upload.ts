import { type Api, type Request, unlimitedMs } from "./api.ts";
import { CommandFailure, fileFault, Interrupted } from "./failure.ts";
import { counting } from "./files.ts";
import { type Io, openSource } from "./io.ts";
import { createProgress } from "./progress.ts";
import { size } from "./table.ts";

export interface Upload extends Pick<Request, "path" | "headers"> {
  /** What the progress is of. */
  readonly what: string;
  /** What the user is told of how things stand: where they have interrupted it, and where the file could not be read to its end. */
  readonly interrupted: string;
  readonly unread: string;
}

/** Sends a file, or standard input for `-`, while it is read, and shows how far it is. → the answer's JSON. */
export async function sendFile<T>(io: Io, api: Api, file: string, upload: Upload): Promise<T> {
  const { what, path, headers, interrupted, unread } = upload;
  const source = await openSource(io, file);
  const progress = createProgress(io, what, size);
  const counted = counting((bytes) => progress.show(bytes, source.bytes));
  let fault: unknown;
  source.stream.on("error", (error) => {
    fault = error;
    counted.destroy(error);
  });
  try {
    const stream = source.stream.pipe(counted);
    return await api.json<T>({ method: "POST", path, ...(headers ? { headers } : {}), stream, timeoutMs: unlimitedMs });
  } catch (error) {
    if (error instanceof Interrupted) throw new Interrupted(interrupted);
    if (fault !== undefined) throw new CommandFailure(`${fileFault(fault, file)}. ${unread}`);
    throw error;
  } finally {
    progress.end();
    source.stream.destroy();
  }
}
