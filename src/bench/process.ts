// The fresh process of apart.ts: takes one job, sends its result, ends.
import { type Job, runJob } from "./job.js";
import type { JobResult } from "./measurement.js";

export type Reply = { readonly result: JobResult } | { readonly error: string };

process.once("message", (job: Job) => {
  runJob(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: error instanceof Error ? error.message : String(error) }),
  );
});

/** Once it is sent nothing keeps the process alive. */
function reply(message: Reply): void {
  process.send?.(message, () => process.disconnect());
}
