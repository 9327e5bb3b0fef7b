// What the parts of `sdft shift` read of the command line.
import type { ModelArgs } from "./model.js";

export interface ShiftArgs extends ModelArgs {
  readonly out?: string | undefined;
  readonly task?: string | undefined;
  readonly template?: string | undefined;
  readonly preset: string;
  readonly reference?: string | undefined;
  readonly predictions?: string | undefined;
  readonly similarity: boolean;
  readonly encoder?: string | undefined;
  readonly data?: string | undefined;
}
